import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const cli = path.resolve(import.meta.dirname, '../../scripts/percpu-malta.mjs');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-stats-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const SCRIPT = `cfg bits 32
cfg cpus 2
cfg static 80c40000 0x9000
cfg vmalloc c0000000 fffcd000
cfg linear 81000000
init boot
async
alloc 0..1199 8,100,700 8
work
free 301..1099
work
`;

function stats(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [cli, 'stats', ...args], { cwd: folder, encoding: 'utf8' });
}

beforeAll(() => {
  fs.writeFileSync(path.join(folder, 'a.ops'), SCRIPT);
  fs.writeFileSync(path.join(folder, 'a.stats'), stats('a.ops').stdout);
});

describe('stats', () => {
  it('reads what it prints, and a run is as its own text', () => {
    const read = stats('a.stats');
    expect([read.status, read.stderr]).toEqual([0, '']);
    expect(read.stdout).toMatch(
      /^a\.stats: percpu_stats of a kernel\n {2}unit {5}65536 bytes: 36864 static, 8192 reserved/,
    );
    const compared = stats('a.ops', '--against', 'a.stats');
    expect([compared.status, compared.stdout]).toEqual([0, expect.stringMatching(/\nall \d+ numbers are the same\n$/)]);
  });

  it('shows what another kernel has otherwise', () => {
    const { status, stdout } = stats('a.ops', '--variant', 'before', '--against', 'a.stats');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^empty_pop_pages +\d+ +\d+ {3}-\d+$/m);
    expect(stdout).toMatch(/\n\d+ of \d+ numbers differ\n$/);
  });

  it('says when numbers do not add up', () => {
    const text = fs.readFileSync(path.join(folder, 'a.stats'), 'utf8');
    fs.writeFileSync(path.join(folder, 'b.stats'), text.replace(/(nr_dealloc +: +)\d+/, '$17'));
    const { status, stdout } = stats('b.stats');
    expect(status).toBe(1);
    expect(stdout).toMatch(/\n {2}wrong: nr_alloc - nr_dealloc is not nr_cur_alloc: 1193, not 401\n$/);
  });

  it('names the line of what is no number', () => {
    fs.writeFileSync(path.join(folder, 'c.stats'), 'Percpu Memory Statistics\n  unit_size : many\n');
    const { status, stderr } = stats('c.stats');
    expect([status, stderr]).toEqual([2, 'percpu-malta: c.stats:2: "unit_size : many" has no number\n']);
  });
});
