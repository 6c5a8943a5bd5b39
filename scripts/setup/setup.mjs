// `npm run setup`, and the first step of `npm test` and `npm run boot-sim`: does what is missing and nothing else.
import { pathToFileURL } from 'node:url';
import { buildIfStale } from './build-if-stale.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { ensureLibunicorn } from './libunicorn.mjs';
import { ensureShim } from './shim.mjs';
import { say } from './say.mjs';

export async function setUp() {
  ensureDependencies();
  ensureShim();
  buildIfStale();
  await ensureLibunicorn();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setUp();
  say('done');
}
