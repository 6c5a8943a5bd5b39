// `npm run boot-sim`: sets up what is missing, then runs scripts/boot-sim.ts.
import { setUp } from './setup/setup.mjs';

await setUp();
await import('../dist/boot-sim.js');
