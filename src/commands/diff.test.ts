import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SEED } from '../experiments/test-seeds.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-diff-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: folder });
}

beforeAll(() => {
  const seed = String(SEED.crash);
  run('boot', '--seed', seed, '--quiet', '--log', 'bad.log');
  run('boot', '--seed', seed, '--kernel', '93274f1dd6b0', '--quiet', '--log', 'good.log');
});

describe('diff', () => {
  test('the bad and the fixed kernel part where one flushes', () => {
    const { status, stdout } = run('diff', 'bad.log', 'good.log', '--context', '1');
    expect(status).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^\d{4,} events are the same; then bad.log and good.log part$/);
    expect(lines[1]).toMatch(/^ {2}event \d+ .* unmapped from pfn /);
    expect(lines[2]).toMatch(/^- event (\d+) .* depopulated, TLB not flushed$/);
    expect(lines[4]).toBe(lines[2]!.replace('-', '+').replace('TLB not flushed', 'flush follows'));
    expect(lines.at(-1)).toBe('they differ in: flushed');
  });

  test('--json has the same', () => {
    const { same, a, b, fields } = JSON.parse(run('diff', 'bad.log', 'good.log', '--json').stdout) as Record<
      string,
      never[]
    >;
    expect(fields).toEqual(['flushed']);
    const events = fs.readFileSync(path.join(folder, 'bad.log'), 'utf8').trimEnd().split('\n');
    const types = events.map((line) => (JSON.parse(line) as { type: string }).type);
    // console lines are not compared: the first one names the kernel
    expect(same).toBe(types.slice(0, types.indexOf('depopulate')).filter((type) => type !== 'printk').length);
    expect([a!.length, b!.length]).toEqual([4, 4]);
  });

  test('a log and itself do not part; one that was cut ends earlier', () => {
    const whole = fs.readFileSync(path.join(folder, 'bad.log'), 'utf8').split('\n');
    fs.writeFileSync(path.join(folder, 'cut.log'), `${whole.slice(0, 3000).join('\n')}\n`);
    expect(run('diff', 'bad.log', 'bad.log')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^no difference in/) as string,
    });
    const { status, stdout } = run('diff', 'cut.log', 'bad.log');
    expect(status).toBe(1);
    expect(stdout).toContain('\n- cut.log ends here\n+ event ');
  });

  test('--only compares events of some types', () => {
    const { stdout } = run('diff', 'bad.log', 'good.log', '--only', 'tlb_flush', '--context', '0');
    expect(stdout).toMatch(/^0 events are the same; .*\n- bad.log ends here\n\+ event \d+ .* TLB flushed from /);
  });

  test.each([
    ['{"type":"printk"', 'not a JSON object'],
    ['[]', 'not an event of a boot: not a JSON object'],
    ['{"type":"irq","t":null}', 'not an event of a boot: seq: missing'],
    ['{"seq":1,"t":1e999,"pid":0,"type":"irq","line":"timer"}', 'not an event of a boot: t: null is no number'],
    ['{"seq":1,"t":0,"pid":0,"type":"printk","level":6}', 'not an event of a boot: text: missing'],
    ['{"seq":1,"t":0,"pid":0,"type":"constructor"}', 'not an event of a boot: "constructor" is no type of event'],
  ])('%s: %s', (line, problem) => {
    fs.writeFileSync(path.join(folder, 'broken.log'), `${line}\n`);
    const { status, stdout, stderr } = run('diff', 'broken.log', 'bad.log');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`percpu-malta: broken.log:1: ${problem}`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
