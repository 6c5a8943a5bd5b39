import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { EngineMissingError, UsageError } from '../errors.js';
import { loadEngine, packageRoot } from './choose.js';

it('loads libunicorn 2.x', async () => {
  const engine = await loadEngine('native');
  expect(engine.version[0]).toBe(2);
  expect(engine.description).toMatch(/^libunicorn 2\.\d+\.\d+ \(.+\)$/);
});

it('refuses an engine it does not know', async () => {
  await expect(loadEngine('qemu')).rejects.toThrow(UsageError);
});

it('takes UNICORN_LIB or nothing, and names the install commands', async () => {
  vi.stubEnv('UNICORN_LIB', '/nonexistent');
  const error = (await loadEngine('native').catch((reason: unknown) => reason)) as Error;
  vi.unstubAllEnvs();
  expect(error).toBeInstanceOf(EngineMissingError);
  expect(error.message).toContain('UNICORN_LIB');
  for (const command of [
    'apt-get install libunicorn2',
    'dnf install unicorn',
    'pacman -S unicorn',
    'brew install unicorn',
  ])
    expect(error.message).toContain(command);
});

it('ends the command with exit code 3 and no stack trace when there is no engine', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(packageRoot(), 'scripts/percpu-malta.mjs'), 'selftest', '--engine', 'native'],
    { env: { ...process.env, UNICORN_LIB: '/nonexistent' }, encoding: 'utf8' },
  );
  expect(status).toBe(3);
  expect(stdout).toBe('');
  expect(stderr).toContain('no usable Unicorn engine');
  expect(stderr).not.toContain('    at ');
});
