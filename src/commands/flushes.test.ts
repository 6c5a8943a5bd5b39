import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

const CLI = path.resolve('scripts/percpu-malta.mjs');
const KERNEL = path.resolve('fixtures/testkernel/testkernel-be.elf');
const LINE = ['flushes', KERNEL, '--append', 'tests=unmap,wired'];

let folder = '';
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flushes-test-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function run(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', cwd: folder });
}
const text = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8');

it('tries the calls on all cores, and goes on with --resume: the table and the file do not depend on either', () => {
  const one = run(...LINE, '--jobs', '1', '--out', 'one');
  expect([one.status, one.stderr]).toEqual([0, '']);
  expect(one.stdout).toMatch(/^test_unmap +tlb_flush_page +2 +needed +stale in store_word$/m);
  const records = text('one').trimEnd().split('\n');
  const rows = one.stdout.trimEnd().split('\n').length - 2;
  expect(records).toHaveLength(1 + rows);
  expect(JSON.parse(records[0]!).flushCalls).toHaveLength(rows);
  const two = run(...LINE, '--jobs', '2', '--out', 'two');
  expect([two.stdout, text('two')]).toEqual([one.stdout, text('one')]);
  // A torn line is what a kill leaves; boots of other setups are not taken for these.
  fs.writeFileSync(path.join(folder, 'part'), `${records[0]!}\n${records.at(-1)!}\n${records[1]!.slice(0, 99)}`);
  const rest = run(...LINE, '--out', 'part', '--resume');
  expect([rest.stdout, text('part')]).toEqual([one.stdout, text('one')]);
  const other = run('flushes', KERNEL, '--append', 'tests=unmap', '--out', 'part', '--resume');
  expect(other.status).toBe(2);
  expect(other.stderr).toMatch(/^percpu-malta: part:1: [^\n]* options are not those of this command\n$/);
}, 120_000);

it('--quick tries the calls that are made most often, the others are not said to be tried', () => {
  const { stdout, status } = run('flushes', KERNEL, '--append', 'tests=unmap,wired,remap', '--quick', '--json');
  expect(status).toBe(0);
  const { complete, flushes, notTried } = JSON.parse(stdout);
  expect({ complete, tried: flushes.length }).toEqual({ complete: false, tried: 5 });
  expect(notTried.length).toBeGreaterThan(0);
  const least = Math.min(...flushes.map(({ count }: { count: number }) => count));
  const all = JSON.parse(run('flushes', KERNEL, '--append', 'tests=unmap,wired,remap', '--json').stdout);
  expect(all.flushes.slice(0, 5)).toEqual(flushes);
  expect(all).toMatchObject({ complete: true, notTried: [] });
  for (const { count } of all.flushes.slice(5)) expect(count).toBeLessThanOrEqual(least);
}, 120_000);

it('Ctrl-C prints what is finished, and how to go on', async () => {
  const child = spawn(process.execPath, [CLI, 'flushes', KERNEL, '--jobs', '1', '--out', 'stopped'], { cwd: folder });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise((resolve) => child.on('close', resolve));
  const lines = (): number =>
    fs.existsSync(path.join(folder, 'stopped')) ? text('stopped').split('\n').length - 1 : 0;
  while (lines() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(stdout).toContain('not tried');
  expect(stderr).toMatch(/^stopped: \d+ of \d+ boots done \(go on with --resume\)\n$/);
  expect(run('flushes', KERNEL, '--out', 'stopped', '--resume', '--json').status).toBe(0);
}, 120_000);
