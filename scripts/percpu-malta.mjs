#!/usr/bin/env node
// The `percpu-malta` command: a checkout installs its packages and builds itself first when it has to.
import { buildIfStale } from './setup/build-if-stale.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';

ensureDependencies();
buildIfStale();
const { main } = await import('../dist/cli.js');
await main(process.argv);
