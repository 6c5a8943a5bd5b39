// `npm run boot-sim`: boots the guest on the emulated Malta and runs its self test on every TLB and page size.
import { main } from '../src/cli.js';

await main([...process.argv.slice(0, 2), 'selftest', ...process.argv.slice(2)]);
