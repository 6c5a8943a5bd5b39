#!/usr/bin/env node
// The `percpu-malta` command: a checkout installs its packages, builds itself and compiles its hooks first when
// it has to.
import { buildIfStale } from './setup/build-if-stale.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureShim } from './setup/shim.mjs';

/** Commands that run a guest: theirs are the C hooks, which are of these sources or none. */
const GUESTS = 'bisect boot compare explain fixes flushes inspect minimize run selftest sweep worker'.split(' ');

ensureDependencies();
buildIfStale();
if (GUESTS.includes(process.argv[2])) ensureShim();
const { main } = await import('../dist/cli.js');
await main(process.argv);
