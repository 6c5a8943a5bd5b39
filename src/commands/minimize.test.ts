// `minimize` and `boot --script` as a user runs them, from a boot that is small already: the whole way takes half a minute.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-minimize-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: folder });
}

interface Boot {
  outcome: string;
  reachedInit: boolean;
  counters: { foreignPages: number; staleStores: number; targetsScanned: number };
}

const boot = (script: string, ...more: string[]): Boot =>
  JSON.parse(run('boot', '--script', script, '--json', ...more).stdout) as Boot;

const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text);

const START = `percpu-malta script 1
seed 5
controllers 2
disks 1
scan 0 1 0-127
scan 0 2 0
scan 1 3 0-127
step percpu bioset_init
`;

describe('minimize', () => {
  write('start.boot', START);
  const { status, stdout, stderr } = run('minimize', '--script', 'start.boot', '-o', 'small.boot');

  test('writes a script that is smaller, and says how it came to it', () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const script = fs.readFileSync(path.join(folder, 'small.boot'), 'utf8');
    expect(stdout).toBe(`${script}\nsaved; run it with: percpu-malta boot --script small.boot\n`);
    expect(script).toContain('# from 2 controllers, 1 disk, 257 targets, 1 step of kernel_init\n');
    const [, targets] = /^# to .* (\d+) targets, 0 steps of kernel_init$/m.exec(script)!;
    expect(Number(targets)).toBeLessThan(257);
    expect(script).toMatch(/^# minimal, \d+ boots; [1-9]\d* pages? of others overwritten, outcome /m);
    expect(boot('small.boot').counters.targetsScanned).toBe(Number(targets));
    expect(fs.existsSync(path.join(folder, 'small.boot.trials'))).toBe(false);
  });

  test('--quick takes fewer boots, and still overwrites a page of others', () => {
    expect(run('minimize', '--script', 'start.boot', '-o', 'quick.boot', '--quick').status).toBe(0);
    const boots = (file: string): number =>
      Number(/^# .*, (\d+) boots; /m.exec(fs.readFileSync(path.join(folder, file), 'utf8'))![1]);
    expect(boots('quick.boot')).toBeLessThan(boots('small.boot') / 2);
    expect(boot('quick.boot').counters.foreignPages).toBeGreaterThan(0);
  });

  test('stopped by Ctrl-C it writes what it has, and --resume comes to the same end without booting again', async () => {
    const args = ['minimize', '--script', 'start.boot', '-o', 'again.boot', '--quick', '--jobs', '1'];
    const trials = path.join(folder, 'again.boot.trials');
    const done = (): number => (fs.existsSync(trials) ? fs.readFileSync(trials, 'utf8').split('\n').length - 1 : 0);
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder, stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (done() < 4 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(fs.readFileSync(path.join(folder, 'again.boot'), 'utf8')).toContain('# stopped early, ');
    const before = fs.readFileSync(trials, 'utf8');
    expect(run(...args).stderr).toContain('again.boot.trials: exists; go on with it by --resume');
    expect(fs.readFileSync(trials, 'utf8')).toBe(before);
    expect(run(...args, '--resume').status).toBe(0);
    expect(fs.readFileSync(path.join(folder, 'again.boot'), 'utf8')).toBe(
      fs.readFileSync(path.join(folder, 'quick.boot'), 'utf8'),
    );
    expect(fs.existsSync(trials)).toBe(false);
  });

  test('what is left over still overwrites a page of others, and not with the flush', () => {
    expect(boot('small.boot').counters.foreignPages).toBeGreaterThan(0);
    const fixed = boot('small.boot', '--kernel', '93274f1dd6b0');
    expect(fixed).toMatchObject({ outcome: 'clean', counters: { foreignPages: 0, staleStores: 0 } });
  });

  test('no target at the end of a row can be left out', () => {
    const lines = fs.readFileSync(path.join(folder, 'small.boot'), 'utf8').split('\n');
    const scans = lines.filter((line) => line.startsWith('scan ') && !line.startsWith('scan 0 2 '));
    expect(scans.length).toBeGreaterThan(0);
    for (const scan of scans) {
      const [, head, first, last] = /^(scan \d \d )(?:.*,)?(\d+)-(\d+)$/.exec(scan)!;
      const shorter = scan.replace(/\d+-\d+$/, `${first}-${Number(last) - 1}`);
      expect(shorter.startsWith(head!)).toBe(true);
      write('shorter.boot', lines.map((line) => (line === scan ? shorter : line)).join('\n'));
      expect(boot('shorter.boot').counters.foreignPages).toBe(0);
    }
  });

  test('has nothing to do where nothing is overwritten', () => {
    const result = run('minimize', '--script', 'start.boot', '--kernel', 'v5.13', '-o', 'none.boot');
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toBe(
      "percpu-malta: seed 5: this boot overwrites no other owner's page; nothing to minimize\n",
    );
    expect(fs.existsSync(path.join(folder, 'none.boot'))).toBe(false);
  });
});

describe('--script', () => {
  test('without a scan and a step line is the boot of its options', () => {
    write('plain.boot', 'percpu-malta script 1\nseed 4\ncontrollers 1\n');
    const plain = run('boot', '--controllers', '1', '--seed', '4').stdout;
    expect(run('boot', '--script', 'plain.boot').stdout.replace(/\S+ s wall/, '')).toBe(
      plain.replace(/\S+ s wall/, ''),
    );
  });

  test('options on the command line win', () => {
    const { stdout } = run('boot', '--script', 'start.boot', '--seed', '9', '--memory', '64', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ options: { seed: 9, memory: 64, disks: 1, kept: {} } });
  });

  test('a script that finds no disk stalls in front of it', () => {
    write('none.boot', 'percpu-malta script 1\nscan none\n');
    const { outcome, reachedInit, counters } = boot('none.boot');
    expect({ outcome, reachedInit, scanned: counters.targetsScanned }).toEqual({
      outcome: 'stall',
      reachedInit: false,
      scanned: 0,
    });
  });

  test.each([
    ['missing.boot', undefined, '--script missing.boot: cannot be read (ENOENT: no such file or directory)'],
    [
      'bad.boot',
      'percpu-malta script 1\ncontrollers 9\n',
      'bad.boot:2: controllers 9: need a whole number from 1 to 3.',
    ],
    ['bad.boot', 'percpu-malta script 1\nlayout big\n', 'bad.boot:2: layout big: Allowed choices are '],
    [
      'bad.boot',
      'percpu-malta script 1\ncontrollers 1\nscan 1 0 1\n',
      'bad.boot: scan 1 ...: the hosts of this boot are 0 to 0',
    ],
    ['bad.boot', 'percpu-malta script 1\nscan 0 9 1\n', 'bad.boot:2: channel 9: channels are 0 to 3'],
  ])('%s %j: %s', (file, text, message) => {
    if (text !== undefined) write(file, text);
    for (const command of ['boot', 'explain', 'minimize']) {
      const result = run(command, '--script', file);
      expect(result).toMatchObject({ status: 2, stdout: '' });
      expect(result.stderr.startsWith(`percpu-malta: ${message}`)).toBe(true);
      expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});
