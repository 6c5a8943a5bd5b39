// compare and fixes as a user runs them: a table, a record file, Ctrl-C in the middle, and going on from there.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import type { BootRecord } from '../experiments/record.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-measure-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: folder });
  return { status, stdout, stderr };
}
const lines = (file: string): string[] => {
  const text = fs.existsSync(path.join(folder, file)) ? fs.readFileSync(path.join(folder, file), 'utf8') : '';
  return text.split('\n').slice(0, -1);
};

/** Runs a command and presses Ctrl-C when its --out file has a record. */
async function interrupted(out: string, ...args: string[]): Promise<{ status: number | null; stdout: string }> {
  const child: ChildProcess = spawn(process.execPath, [cli, ...args, '--out', out], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  while (lines(out).length === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  return { status: await ended, stdout };
}

const COMPARE = ['compare', '--layouts', 'malta-4k', '--tlb', 'hardware', '--cpu', '24Kf', '--controllers', '1'];
COMPARE.push('--kernels', '93274f1dd6b0,f183324133ea', '--seeds', '4', '--jobs', '2');

test('compare prints what is finished at Ctrl-C, and --resume gives what it would have given', async () => {
  const whole = run(...COMPARE, '--out', 'whole.ndjson');
  expect(whole).toMatchObject({ status: 0, stderr: '' });
  const records = lines('whole.ndjson').map((line) => JSON.parse(line) as BootRecord);
  expect(records.map(({ options, seed }) => [options.kernel, seed])).toEqual(
    ['93274f1dd6b0', 'f183324133ea'].flatMap((kernel) => [1, 2, 3, 4].map((seed) => [kernel, seed])),
  );

  const stopped = await interrupted('part.ndjson', ...COMPARE);
  expect(stopped.status).toBe(130);
  const done = lines('part.ndjson').length;
  expect(done).toBeGreaterThan(0);
  expect(done).toBeLessThan(8);
  expect(stopped.stdout).toContain(`stopped: ${done} of 8 boots done (go on with --resume)\n`);
  expect(stopped.stdout).toMatch(/^malta-4k +93274f1dd6b0 \(fix\) .* 0\/[1-4] /m);

  // A torn last line as a killed command leaves it
  fs.appendFileSync(path.join(folder, 'part.ndjson'), '{"version');
  expect(run(...COMPARE, '--out', 'part.ndjson', '--resume')).toEqual(whole);
  expect(lines('part.ndjson')).toEqual(lines('whole.ndjson'));
});

test('a record file of other boots is not gone on with', () => {
  const { status, stdout, stderr } = run('fixes', '--seeds', '1', '--out', 'whole.ndjson', '--resume');
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^percpu-malta: whole\.ndjson:1: the boot options are not the same as of this command.*\n$/);
  expect(run('fixes', '--resume')).toMatchObject({ status: 2, stderr: expect.stringMatching(/^[^\n]*--out\n$/) });
});

test('--quick boots little, and what is named all the same', () => {
  fs.rmSync(path.join(folder, 'quick.ndjson'), { force: true });
  const args = ['compare', '--quick', '--layouts', 'malta-4k', '--tlb', 'qemu,hardware', '--controllers', '1'];
  const { status, stdout } = run(...args, '--seeds', '1', '--out', 'quick.ndjson');
  expect(status).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(4);
  const records = lines('quick.ndjson').map((line) => JSON.parse(line) as BootRecord);
  expect(records.map(({ options }) => [options.kernel, options.tlb, options.cpu])).toEqual([
    ['f183324133ea', 'qemu', '24Kf'],
    ['f183324133ea', 'hardware', '24Kf'],
  ]);
});
