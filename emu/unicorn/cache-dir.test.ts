import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { buildDir, cacheDir, shimPath } from './cache-dir.js';
import { packageRoot } from './package-root.js';

afterEach(() => vi.unstubAllEnvs());

/** What scripts/setup works with under this environment; it runs before anything is built and has the rule for itself. */
async function setUpDirs(): Promise<{ cacheDir: string; buildDir: string }> {
  const file = new URL(`../../scripts/setup/paths.mjs?${process.env.PERCPU_MALTA_CACHE ?? ''}`, import.meta.url).href;
  return (await import(file)) as { cacheDir: string; buildDir: string };
}

test.each([undefined, '/nonexistent/cache', 'relative'])('set-up and program have one cache (%s)', async (cache) => {
  vi.stubEnv('PERCPU_MALTA_CACHE', cache);
  expect(cacheDir()).toBe(cache === undefined ? path.join(packageRoot(), '.cache') : path.resolve(cache));
  expect(await setUpDirs()).toMatchObject({ cacheDir: cacheDir(), buildDir: buildDir() });
  expect(shimPath(buildDir()).startsWith(cacheDir())).toBe(true);
});
