// `bisect` as a user runs it: interrupted, and with commands of all kinds behind --run.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-bisect-'));
beforeAll(() => void spawnSync(process.execPath, [cli, '--version']));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const START = 'git bisect start 3dbdb38e2869 v5.13\n';

function bisectRun(command: string, ...more: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, 'bisect', '--run', command, ...more], { encoding: 'utf8', cwd: folder });
}

describe('--run', () => {
  const answer = (cases: string): string => `case $PERCPU_MALTA_COMMIT in ${cases} esac`;

  test('finds the first commit for which the command fails', () => {
    const { status, stdout } = bisectRun('[ $PERCPU_MALTA_KERNEL = v5.13 ]');
    expect(status).toBe(0);
    expect(stdout).toMatch(/first bad commit: f183324133ea percpu: implement partial chunk depopulation\n$/);
  });

  test.each([
    ['there is no such command', 'no-such-command-here', 'exit code 127 also at the good commit v5.13'],
    ['it may not be run', '/', 'exit code 126 also at the good commit v5.13'],
    ['a signal ends it', 'kill -9 $$', 'exit code 137, as SIGKILL gives it'],
    ['it wants to stop', 'exit 255', 'exit code 255;'],
  ])('%s: nothing is decided', (_, command, message) => {
    const { status, stdout, stderr } = bisectRun(command);
    expect({ status, stdout }).toEqual({ status: 2, stdout: START });
    expect(stderr.trimEnd().split('\n').at(-1)).toContain(`percpu-malta: --run: `);
    expect(stderr).toContain(message);
    expect(stderr).toContain('; nothing decided\n');
  });

  test('127 is a bad commit when the good end gives something else', () => {
    const { status, stdout } = bisectRun(answer('v5.13|8ea2*|67c2*) exit 0;; *) exit 127;;'));
    expect(status).toBe(0);
    expect(stdout).toMatch(/first bad commit: 1c29a3ceaf5f .*\n$/);
  });

  test('125 at the commits that would decide: it names those that are left', () => {
    const { status, stdout } = bisectRun(answer('v5.13|8ea2*) exit 0;; 67c2*|1c29*) exit 125;; *) exit 1;;'));
    expect(status).toBe(2);
    expect(stdout).toMatch(/the first bad commit could be any of: 67c2669d69fb 1c29a3ceaf5f f183324133ea\n$/);
    expect(stdout).not.toContain('first bad commit: ');
  });

  test.each([
    ['exit 1', '# v5.13, the good end, is bad: nothing to bisect\n'],
    ['exit 0', '# 3dbdb38e2869, the bad end, is good: nothing to bisect\n'],
  ])('%s everywhere: the ends are not what they were said to be', (command, message) => {
    const { status, stdout } = bisectRun(command);
    expect(status).toBe(1);
    expect(stdout.endsWith(message)).toBe(true);
    expect(stdout).not.toContain('first bad commit');
  });

  test.each(['', '  '])('%j is a usage error', (command) => {
    expect(bisectRun(command)).toEqual(
      expect.objectContaining({ status: 2, stdout: '', stderr: 'percpu-malta: --run: need a shell command\n' }),
    );
  });
});

/** Runs bisect and presses Ctrl-C as soon as its output matches. */
function interrupted(
  at: RegExp,
  ...args: string[]
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [cli, 'bisect', ...args]);
  const result = { status: null as number | null, stdout: '', stderr: '' };
  let sent = false;
  child.stdout.on('data', (data: Buffer) => {
    result.stdout += data.toString();
    if (!sent && at.test(result.stdout)) sent = child.kill('SIGINT');
  });
  child.stderr.on('data', (data: Buffer) => (result.stderr += data.toString()));
  return new Promise((resolve) => child.on('close', (status) => resolve({ ...result, status })));
}

describe('Ctrl-C', () => {
  test.each([
    ['before any boot has finished', /^git bisect start/, []],
    ['when the bad end is measured', /boots crashed/, ['--seeds', '2']],
    ['after a verdict', /^git bisect (bad|good)/m, ['--good', '1c29', '--seeds', '2']],
    ['in the middle of --run', /here/, ['--run', 'echo here; exec sleep 30']],
  ])('%s: no verdict from then on', async (_, at, args) => {
    const { status, stdout, stderr } = await interrupted(at, ...args);
    expect({ status, stderr }).toEqual({ status: 130, stderr: '' });
    expect(stdout.endsWith('# interrupted; nothing decided\n')).toBe(true);
    expect(stdout).not.toMatch(/NaN|first bad commit/);
    const verdicts = stdout.match(/^git bisect (bad|good|skip) /gm) ?? [];
    expect(verdicts.length).toBe(at.source.includes('bad|good') ? 1 : 0);
  });
});
