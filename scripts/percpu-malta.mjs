#!/usr/bin/env node
// The `percpu-malta` command: in a checkout it builds itself first when a source is newer than dist/.
import { buildIfStale } from './setup/build-if-stale.mjs';

buildIfStale();
const { main } = await import('../dist/cli.js');
await main(process.argv);
