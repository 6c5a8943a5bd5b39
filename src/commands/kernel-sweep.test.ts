import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const CLI = path.resolve('scripts/percpu-malta.mjs');
const KERNEL = path.resolve('fixtures/testkernel/testkernel-be.elf');

let folder = '';
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'kernel-sweep-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function sweep(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [CLI, 'sweep', '--vmlinux', KERNEL, ...args], { encoding: 'utf8', cwd: folder });
}

const planted = ['--append', 'tests=unmap plant=nofree', '--check'];

it('counts runs that the checker reports although they end cleanly, with the first seed of each finding', () => {
  const { stdout, status } = sweep('--seeds', '3..5', '--jobs', '2', '--json', ...planted);
  expect(status).toBe(0);
  const [found] = JSON.parse(stdout).findings;
  expect(JSON.parse(stdout)).toMatchObject({
    wanted: 3,
    runs: 3,
    crashes: 0,
    outcomes: { clean: 3 },
    reported: 3,
    healthyStale: 3,
  });
  expect(found).toEqual({ name: expect.stringMatching(/^stale in store_word below /), runs: 3, firstSeed: 3 });
}, 60_000);

it('reports nothing where nothing is planted, in words too', () => {
  const { stdout, status } = sweep('--seeds', '1..2', '--append', 'tests=unmap', '--check');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^reported {2}0 of 2, 0 % /m);
  expect(stdout).not.toContain('first finding');
}, 60_000);

it('goes on with --resume, and the file is that of a sweep in one go; another kernel, line or record is refused', () => {
  sweep('--seeds', '1..3', '--jobs', '2', '--out', 'whole', ...planted);
  sweep('--seeds', '2', '--out', 'part', ...planted);
  const whole = fs.readFileSync(path.join(folder, 'whole'), 'utf8');
  expect(whole.trimEnd().split('\n')).toHaveLength(3);
  expect(sweep('--seeds', '1..3', '--out', 'part', ...planted).status).toBe(2);
  expect(sweep('--seeds', '1..3', '--out', 'part', '--resume', ...planted).status).toBe(0);
  expect(fs.readFileSync(path.join(folder, 'part'), 'utf8')).toBe(whole);
  const other = sweep('--seeds', '1..3', '--out', 'part', '--resume', '--append', 'tests=unmap', '--check');
  expect([other.status, other.stderr]).toEqual([2, expect.stringMatching(/part:1: the boot options are not the same/)]);
  fs.writeFileSync(path.join(folder, 'bad'), whole.replace('"findings":', '"findings":-'));
  const bad = sweep('--seeds', '1..3', '--out', 'bad', '--resume', ...planted);
  expect([bad.status, bad.stderr]).toEqual([2, expect.stringMatching(/bad:1: not a record of a boot: check.findings/)]);
}, 120_000);

it('ends in one line for what does not run', () => {
  const missing = spawnSync(process.execPath, [CLI, 'sweep', '--vmlinux', 'nowhere', '--seeds', '1'], {
    encoding: 'utf8',
  });
  expect([missing.status, missing.stderr]).toEqual([
    2,
    'percpu-malta: --vmlinux nowhere: ENOENT: no such file or directory\n',
  ]);
  const text = path.join(folder, 'text');
  fs.writeFileSync(text, 'hello\n');
  const wrong = spawnSync(process.execPath, [CLI, 'sweep', '--vmlinux', text, '--seeds', '1..2'], { encoding: 'utf8' });
  expect([wrong.status, wrong.stderr.split('\n').length]).toEqual([2, 2]);
  const written = sweep('--seeds', '1..2', '--drive', 'disk,rw');
  expect([written.status, written.stderr]).toEqual([2, expect.stringContaining('leave out rw')]);
}, 60_000);

it('merges the shards into the file of the whole sweep, and sums them up', () => {
  sweep('--seeds', '1..5', '--jobs', '2', '--out', 'all', ...planted);
  for (const i of [1, 2])
    expect(sweep('--seeds', '1..5', '--shard', `${i}/2`, '--out', `shard-${i}`, ...planted).status).toBe(0);
  const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', cwd: folder });
  const { status, stdout } = run('merge', 'shard-2', 'shard-1', '--out', 'merged');
  expect(status).toBe(0);
  expect(fs.readFileSync(path.join(folder, 'merged'), 'utf8')).toBe(fs.readFileSync(path.join(folder, 'all'), 'utf8'));
  expect(stdout).toMatch(/^kernel {4}SHA-256 [0-9a-f]{64}\nruns {6}5\n/);
  expect(stdout).toMatch(/^reported {2}5 of 5, 100 % /m);
  expect(JSON.parse(run('merge', 'shard-1', 'shard-2', '--out', 'merged', '--force', '--json').stdout)).toMatchObject({
    runs: 5,
    reported: 5,
    missing: 0,
  });
}, 120_000);
