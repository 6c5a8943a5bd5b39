// `explain` and `boot --check` as a user runs them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { SEED } from '../experiments/test-seeds.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-explain-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const CRASH = String(SEED.crash);

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
}

interface Line {
  seq?: number;
  type: string;
  after?: number;
  [field: string]: unknown;
}

const lines = (file: string): Line[] =>
  fs
    .readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('explain', () => {
  const log = path.join(folder, 'explain.ndjson');
  const html = path.join(folder, 'explain.html');
  const { status, stdout, stderr } = run('explain', '--seed', CRASH, '--log', log, '--html', html);

  test('tells the way from the missing flush to the crash', () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Seed ${CRASH}, kernel f183324133ea`));
    expect(stdout).toContain('The TLB is not');
    expect(stdout).toMatch(/The cause is event \d+: a depopulation without\s+flush_tlb_kernel_range\(/);
    for (const row of stdout.split('\n')) expect(row.length).toBeLessThanOrEqual(110);
  });

  test("names events by the numbers that boot's log has, at their times", () => {
    const plain = path.join(folder, 'boot.ndjson');
    expect(run('boot', '--seed', CRASH, '--quiet', '--log', plain).status).toBe(0);
    const events = lines(plain);
    const told = [...stdout.matchAll(/^ *\d+\. ([\d.]+) s, event (\d+)$/gm)];
    expect(told.length).toBeGreaterThan(5);
    for (const [, time, seq] of told)
      expect((Math.floor(events[Number(seq)]!.t as number) / 1e6).toFixed(6)).toBe(time);
    expect(lines(log).filter(({ seq }) => seq !== undefined)).toEqual(events);
  });

  test('its page says the same of each step: at an event, or after one', () => {
    const told = [...stdout.matchAll(/^ *\d+\. [\d.]+ s, ((?:after )?event \d+)$/gm)].map(([, where]) => where);
    expect(told.some((where) => where!.startsWith('after'))).toBe(true);
    const chain = /<ol id="chain">([\s\S]*?)<\/ol>/.exec(fs.readFileSync(html, 'utf8'))![1]!;
    const linked = [...chain.matchAll(/>((?:after )?event \d+)<\/a>/g)].map(([, where]) => where);
    expect(linked.slice(0, told.length)).toEqual(told);
  });

  test('--svg draws it, the picture in docs among them, the same bytes each time', () => {
    const svg = path.join(folder, 'explain.svg');
    expect(run('explain', '--seed', CRASH, '--svg', svg).status).toBe(0);
    const picture = fs.readFileSync(svg, 'utf8');
    expect(picture).toBe(fs.readFileSync(new URL('../../docs/stale-tlb-entry.svg', import.meta.url), 'utf8'));
    expect(picture.match(/<g transform="translate\(12 /g)!.length).toBeGreaterThan(2);
    const none = run(
      'explain',
      '--kernel',
      '93274f1dd6b0',
      '--controllers',
      '1',
      '--svg',
      path.join(folder, 'none.svg'),
    );
    expect(none.status).toBe(2);
    expect(none.stderr).toMatch(/^percpu-malta: --svg: no access of this boot .*: nothing to draw\n$/);
    expect(fs.existsSync(path.join(folder, 'none.svg'))).toBe(false);
  });

  test('--json has the same steps as data', () => {
    const json = JSON.parse(run('explain', '--seed', CRASH, '--json').stdout) as { steps: { text: string }[] };
    const words = stdout.replace(/\s+/g, ' ');
    for (const { text } of json.steps) expect(words).toContain(text);
  });

  test('names the oops that panics where it is not the first', () => {
    const file = path.join(folder, 'two.ndjson');
    const words = run('explain', '--seed', String(SEED.laterOops), '--log', file).stdout.replace(/\s+/g, ' ');
    const [, oops, seq] = /Kernel panic: [^.]*, by Oops\[#(\d+)\] in [^.]* \(event (\d+)\)\./.exec(words)!;
    const events = lines(file).filter((event) => event.seq !== undefined);
    expect(events[Number(seq)]).toMatchObject({ type: 'oops', count: Number(oops) });
    const panic = events.findIndex(({ type }) => type === 'panic');
    expect(events.slice(Number(seq) + 1, panic).some(({ type }) => type === 'oops')).toBe(false);
  });

  test('has nothing to tell about a kernel that flushes', () => {
    const clean = run('explain', '--kernel', '93274f1dd6b0', '--controllers', '1');
    expect(clean.status).toBe(0);
    expect(clean.stdout).toContain('Nothing to explain: no access went through a stale translation.');
  });
});

describe('boot --check', () => {
  test('reports on the console before the crash, and leaves the rest of it as it is', () => {
    const { stdout } = run('boot', '--seed', CRASH, '--check');
    const report = stdout.indexOf('BUG: stale write to');
    expect(report).toBeGreaterThan(0);
    expect(report).toBeLessThan(stdout.indexOf('Oops[#1]'));
    expect(stdout).toMatch(/Missing: flush_tlb_kernel_range\([0-9a-f]{8}, [0-9a-f]{8}\) behind event \d+/);
    const rest = stdout.replace(/={66}\n[\s\S]*?\n={66}\n/g, '').replace(/^checker .*\n/m, '');
    const wall = (text: string): string => text.replace(/, [\d.]+ s wall/, '');
    expect(wall(rest)).toBe(wall(run('boot', '--seed', CRASH).stdout));
  });

  test('a report says what can be checked against the log', () => {
    const log = path.join(folder, 'check.ndjson');
    const { check } = JSON.parse(run('boot', '--seed', CRASH, '--check', '--json', '--log', log).stdout) as {
      check: { staleAccesses: number; report: string[] };
    };
    const all = lines(log);
    expect(all.filter(({ type }) => type === 'checker_access')).toHaveLength(check.staleAccesses);
    const event = (pattern: RegExp): Line => {
      const match = check.report.map((line) => pattern.exec(line)).find((found) => found !== null);
      return all.find(({ seq }) => seq === Number(match![1]))!;
    };
    expect(event(/event (\d+) +unmapped and freed/).type).toBe('unmap');
    expect(event(/behind event (\d+),/)).toMatchObject({ type: 'depopulate', flushed: false });
    expect(event(/loaded at event (\d+) /).type).toBe('tlb_refill');
  });

  test('decode takes its console and its log as those of the boot without', () => {
    const [plain, withReports, log] = ['plain', 'checked', 'events'].map((name) => path.join(folder, name));
    fs.writeFileSync(plain!, run('boot', '--seed', CRASH).stdout);
    fs.writeFileSync(withReports!, run('boot', '--seed', CRASH, '--check', '--log', log!).stdout);
    const decoded = (file: string): object => {
      const { outcome, first_symptom, time_s, family, signature, oops_count } = JSON.parse(
        run('decode', '--json', '--events', log!, file).stdout,
      ) as Record<string, unknown>;
      return { outcome, first_symptom, time_s, family, signature, oops_count };
    };
    expect(decoded(withReports!)).toEqual(decoded(plain!));
  });

  test('an unwritable log is one line and exit 2', () => {
    const { status, stdout, stderr } = run('explain', '--log', path.join(folder, 'no', 'such', 'x'));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^percpu-malta: --log .*: cannot be written \(ENOENT: no such file or directory\)\n$/);
  });
});
