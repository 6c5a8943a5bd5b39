// The rules for files as a user meets them: the commands themselves, on pipes, devices, links and full disks.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordLine } from '../experiments/record-file.js';
import type { BootRecord } from '../experiments/record.js';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { newCounters } from '../kernel/counters.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-files-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const record = (seed: number): BootRecord => ({
  ...{ version: '1', options: DEFAULT_SETUP, seed, outcome: 'clean', signature: '', panic: '' },
  reachedInit: true,
  counters: newCounters(),
});
const RECORDS = recordLine(record(1)) + recordLine(record(2));

beforeAll(() => {
  spawnSync(process.execPath, [cli, '--version']);
  fs.writeFileSync(path.join(folder, 'a.ndjson'), RECORDS);
});

/** Runs a shell line in the folder; P is the command. */
function shell(line: string): { status: number | null; stdout: string; stderr: string } {
  const P = `'${process.execPath}' '${cli}'`;
  return spawnSync('bash', ['-c', line.replaceAll('P ', `${P} `)], { encoding: 'utf8', cwd: folder });
}

const oneLine = (text: string): void => expect(text).toMatch(/^percpu-malta: [^\n]+\n$/);

describe('merge --out', () => {
  test('writes to a device, a pipe and through a link, and replaces none of them', () => {
    fs.symlinkSync('/dev/null', path.join(folder, 'null'));
    fs.symlinkSync('target', path.join(folder, 'link'));
    fs.writeFileSync(path.join(folder, 'target'), '');
    const result = shell(
      'mkfifo pipe; P merge a.ndjson --out null; P merge a.ndjson --out link; ' +
        'P merge a.ndjson --out pipe & cat pipe > got; wait',
    );
    expect([result.status, result.stderr]).toEqual([0, '']);
    expect(fs.lstatSync(path.join(folder, 'null')).isSymbolicLink()).toBe(true);
    expect(fs.lstatSync(path.join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect(fs.statSync(path.join(folder, 'pipe')).isFIFO()).toBe(true);
    for (const name of ['target', 'got']) expect(fs.readFileSync(path.join(folder, name), 'utf8')).toBe(RECORDS);
  });

  test('never goes over its inputs, nor over another file without --force', () => {
    fs.writeFileSync(path.join(folder, 'precious'), 'text');
    for (const out of ['a.ndjson', 'precious']) {
      const { status, stderr } = shell(`P merge a.ndjson --out ${out}`);
      expect(status).toBe(2);
      oneLine(stderr);
    }
    expect(fs.readFileSync(path.join(folder, 'a.ndjson'), 'utf8')).toBe(RECORDS);
    expect(fs.readFileSync(path.join(folder, 'precious'), 'utf8')).toBe('text');
    expect(shell('P merge a.ndjson --out precious --force').status).toBe(0);
    expect(fs.readFileSync(path.join(folder, 'precious'), 'utf8')).toBe(RECORDS);
  });

  test('- is standard output, and what there is to say goes to standard error', () => {
    const { status, stdout, stderr } = shell('P merge - --out - < a.ndjson');
    expect([status, stdout]).toEqual([0, RECORDS]);
    expect(stderr).toMatch(/^boots {5}2\n/);
  });
});

describe('standard output', () => {
  test.skipIf(!fs.existsSync('/dev/full')).each(['--help', 'merge a.ndjson', 'ops --help'])(
    'on a full disk is one line: %s',
    (args) => {
      const { status, stderr } = shell(`P ${args} > /dev/full`);
      expect(status).toBe(2);
      expect(stderr).toBe('percpu-malta: standard output cannot be written (ENOSPC)\n');
    },
  );

  test('may be closed by its reader', () => {
    const head = ['bits 32', 'cpus 1', 'static 80c40000 0x9000', 'vmalloc c0000000 fffcd000', 'linear 81000000'];
    const ops = [...head.map((setting) => `cfg ${setting}`), 'init boot'];
    for (let i = 0; i < 20_000; i++) ops.push(`alloc ${i} 8 8`, `free ${i}`);
    fs.writeFileSync(path.join(folder, 'many.ops'), `${ops.join('\n')}\n`);
    const { stdout, stderr } = shell('P ops many.ops | head -c 6; echo; echo ${PIPESTATUS[0]}');
    expect([stdout, stderr]).toEqual(['> cfg \n0\n', '']);
  });

  test('is a file that no output may replace', () => {
    const { status, stderr } = shell('P merge a.ndjson --out both --force > both');
    expect(status).toBe(2);
    expect(stderr).toBe('percpu-malta: --out both: standard output writes there already\n');
  });
});

describe('what never ends', () => {
  test.each(['ops /dev/zero', 'replay /dev/full', 'merge /dev/zero', 'stats /dev/urandom', 'boot --script /dev/zero'])(
    '%s is refused in one line',
    (args) => {
      const { status, stderr } = shell(`P ${args}`);
      expect(status).toBe(2);
      oneLine(stderr);
      expect(stderr).toContain('it is a device');
    },
  );

  test('a pipe without end is refused at its first line that says nothing', () => {
    const { status, stderr } = shell('yes | P merge -');
    expect([status, stderr]).toEqual([2, 'percpu-malta: stdin:1: not a JSON object\n']);
  });
});

test('outputs do not destroy what the command reads', () => {
  fs.writeFileSync(path.join(folder, 'mine.boot'), 'percpu-malta script 1\nseed 2\n');
  for (const args of ['boot --script mine.boot --log mine.boot', 'minimize --script mine.boot -o ./mine.boot']) {
    const { status, stderr } = shell(`P ${args}`);
    expect(status).toBe(2);
    expect(stderr).toMatch(/mine.boot: --script reads that file; give another name\n$/);
  }
});

test('a sweep that is killed leaves workers that end without a word', async () => {
  const child = spawn(
    process.execPath,
    [cli, 'sweep', '--seeds', '1..50', '--jobs', '2', '--controllers', '1', '--out', 'killed.ndjson'],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  // The workers have standard error too: it closes when the last of them has ended.
  const closed = new Promise((resolve) => child.stderr.on('close', resolve));
  const out = path.join(folder, 'killed.ndjson');
  while ((fs.statSync(out, { throwIfNoEntry: false })?.size ?? 0) === 0)
    await new Promise((next) => setTimeout(next, 20));
  child.kill('SIGKILL');
  await closed;
  expect(stderr).toBe('');
});
