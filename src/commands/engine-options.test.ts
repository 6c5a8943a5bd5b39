// The C hooks are those of these sources or none: made before a guest runs, said in one line, and left alone where nobody wants them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadEngine, packageRoot } from '../../emu/unicorn/choose.js';

const cache = fs.mkdtempSync(path.join(os.tmpdir(), 'hooks-'));
afterAll(() => fs.rmSync(cache, { recursive: true }));
// The private copy of libunicorn is not in this cache.
const [, UNICORN_LIB] = /\((.*)\)/.exec((await loadEngine('native')).description)!;

function boot(options: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const cli = path.join(packageRoot(), 'scripts/percpu-malta.mjs');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [cli, 'boot', '--controllers', '1', '--quiet', ...options],
    { encoding: 'utf8', env: { ...process.env, PERCPU_MALTA_CACHE: cache, UNICORN_LIB, ...env } },
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/^outcome /m);
  return stderr;
}
const hooks = (): string[] => fs.readdirSync(cache).filter((name) => name.endsWith('.so'));

test('are not made for --no-shim', () => {
  expect(boot(['--no-shim'])).toBe('');
  expect(hooks()).toEqual([]);
});

test.skipIf(spawnSync('cc', ['--version']).error)('are made once, and again when the sources are others', () => {
  expect(boot([])).toMatch(/^set-up: compiling the hooks that run the guest \(\S+\)\n$/);
  expect(hooks()).toHaveLength(2);
  expect(boot([])).toBe('');
  for (const name of fs.readdirSync(cache))
    if (name.endsWith('.so.c')) fs.appendFileSync(path.join(cache, name), '// older\n');
  expect(boot([])).toMatch(/^set-up: compiling/);
});

test.skipIf(spawnSync('cc', ['--version']).error)('are made for a script of the checkout, too', () => {
  for (const name of fs.readdirSync(cache)) fs.rmSync(path.join(cache, name), { recursive: true });
  const script = path.join(cache, 'script.ts');
  fs.writeFileSync(script, `export {};\nprocess.stdout.write('ran');\n`);
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(packageRoot(), 'scripts/run-ts.mjs'), script], {
    encoding: 'utf8',
    env: { ...process.env, PERCPU_MALTA_CACHE: cache },
  });
  expect([stdout, hooks().length]).toEqual(['ran', 2]);
  expect(stderr).toMatch(/^set-up: compiling/);
});

test('of other sources are not used where there is no compiler', () => {
  for (const name of fs.readdirSync(cache))
    if (name.endsWith('.so.c')) fs.appendFileSync(path.join(cache, name), '// older\n');
  expect(boot([], { PATH: '/nowhere', CC: '' })).toMatch(
    /^percpu-malta: no C hooks, boots take longer: no C compiler[^\n]*\n$/,
  );
  expect(hooks()).toEqual([]);
});
