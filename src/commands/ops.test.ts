import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { UsageError } from '../errors.js';
import { statsLines } from '../percpu/index.js';
import { runScriptFile } from './ops.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-ops-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

const HEAD = [
  'cfg bits 32',
  'cfg cpus 2',
  'cfg static 80c40000 0x9000',
  'cfg vmalloc c0000000 fffcd000',
  'cfg linear 81000000',
  'init boot',
];

function run(lines: readonly string[], variant = 'fixed'): string[] {
  const file = path.join(folder, 'x.ops');
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  const output: string[] = [];
  runScriptFile(file, { variant: variant as 'fixed', pageSize: '4096' }, (line) => output.push(line));
  return output;
}

describe('ops', () => {
  it('echoes every operation with its words joined by one blank, and passes over comments', () => {
    const output = run([...HEAD, '# comment', '', '  alloc\t0   8 8  ']);
    expect(output.slice(-3)).toEqual([
      '> alloc 0 8 8',
      'T percpu_alloc_percpu: call_site=op reserved=0 is_atomic=0 size=8 align=8 base_addr=8100b000 off=0 ptr=80c4b000 bytes_alloc=16 gfp_flags=GFP_KERNEL',
      '= chunk=0 off=0 uoff=45056 ptr=80c4b000',
    ]);
  });

  it('reads gzip', () => {
    const file = path.join(folder, 'x.ops.gz');
    fs.writeFileSync(file, zlib.gzipSync(`${HEAD.join('\n')}\nnrpages\n`));
    const output: string[] = [];
    runScriptFile(file, { variant: 'fixed', pageSize: '4096' }, (line) => output.push(line));
    expect(output.at(-1)).toBe('= 32');
  });

  it.each<[string, string[], RegExp]>([
    ['an unknown operation', [...HEAD, 'allok 1 2 3'], /x\.ops:7: unknown operation "allok"$/],
    ['an unknown setting', ['cfg colour 3'], /x\.ops:1: unknown setting "cfg colour"$/],
    ['a missing word', [...HEAD, 'alloc 1 8'], /x\.ops:7: "alloc 1 8" lacks an alignment$/],
    ['a word too many', [...HEAD, 'alloc 1 8 8', 'free 1 2'], /x\.ops:8: unexpected "2"$/],
    ['a number that is none', [...HEAD, 'alloc 1 8k 8'], /x\.ops:7: "8k" is not a size$/],
    ['an unknown flag', [...HEAD, 'alloc 1 8 8 quickly'], /x\.ops:7: unknown flag "quickly"$/],
    ['an id in use', [...HEAD, 'alloc 1 8 8', 'alloc 1 8 8'], /x\.ops:8: id 1 is in use$/],
    ['a free of nothing', [...HEAD, 'free 3'], /x\.ops:7: free of id 3, which is not in use$/],
    ['an operation before init', ['cfg bits 32', 'work'], /x\.ops:2: "work" before init$/],
    ['a second init', [...HEAD, 'init boot'], /x\.ops:7: second init$/],
    [
      'a geometry that cannot be',
      [...HEAD.slice(0, 5), 'init setup 100 0 20480 4096 4096 4096 81000000 1 2 0 0 1'],
      /x\.ops:6: the first chunk cannot be set up: /,
    ],
    ['a CPU that is not there', [...HEAD, 'alloc 1 8 8', 'phys 1 2'], /x\.ops:8: CPU 2 does not exist/],
  ])('names file and line of %s', (_, lines, message) => {
    expect(() => run(lines)).toThrow(UsageError);
    expect(() => run(lines)).toThrow(message);
  });

  it('writes loops, ranges and lists out', () => {
    const output = run([
      ...HEAD,
      'for i in 1..2',
      '  for size in 8 $(i * 100 + (7 - 3) % 3)',
      '    alloc $(i * 1000 + $size) $size 8 nowarn',
      '  end',
      'end',
      'alloc 0..6 step 2 4,16,64 4 atomic',
      'alloc 7 4,8 4',
      'free 0..4 step 4',
      'for k in 3..1',
      '  nonsense',
      'end',
    ]);
    expect(output.filter((line) => /^> (alloc|free)/.test(line))).toEqual([
      '> alloc 1008 8 8 nowarn',
      '> alloc 1101 101 8 nowarn',
      '> alloc 2008 8 8 nowarn',
      '> alloc 2201 201 8 nowarn',
      '> alloc 0 4 4 atomic',
      '> alloc 2 16 4 atomic',
      '> alloc 4 64 4 atomic',
      '> alloc 6 4 4 atomic',
      '> alloc 7 4 4',
      '> free 0',
      '> free 4',
    ]);
  });

  it.each<[string, string[], RegExp]>([
    ['a loop without end', [...HEAD, 'for i in 1..3', 'work'], /x\.ops:7: "for" without "end"$/],
    ['an end without loop', [...HEAD, 'end'], /x\.ops:7: "end" without "for"$/],
    ['a loop over nothing', [...HEAD, 'for i 1..3', 'end'], /x\.ops:7: "for i 1\.\.3" is no loop: /],
    ['a range that is none', [...HEAD, 'for i in 1..x', 'end'], /x\.ops:7: "1\.\.x" is no range FIRST\.\.LAST$/],
    ['a step that is none', [...HEAD, 'free 1..9 step 0'], /x\.ops:7: "step 0" behind a range/],
    ['an unknown variable', [...HEAD, 'for i in 1..3', 'alloc $j 8 8', 'end'], /x\.ops:8: "\$j" is no loop's variable/],
    ['a bad expression', [...HEAD, 'for i in 1..3', 'alloc $(i *) 8 8', 'end'], /x\.ops:8: "i \*" is no expression/],
    ['a division by 0', [...HEAD, 'for i in 0..3', 'alloc $(8 / i) 8 8', 'end'], /x\.ops:8: "8 \/ i" divides by 0$/],
    ['an open parenthesis', [...HEAD, 'alloc $(1 8 8'], /x\.ops:7: ".*" has no closing parenthesis$/],
    ['a loop that makes an id twice', [...HEAD, 'for i in 1..2', 'alloc 5 8 8', 'end'], /x\.ops:8: id 5 is in use$/],
    ['a page size that is none', ['cfg page 5000'], /x\.ops:1: a page has .* bytes, not 5000$/],
    ['an echo that is none', ['echo maybe'], /x\.ops:1: echo wants on or off, not "maybe"$/],
  ])('names file and line of %s', (_, lines, message) => {
    expect(() => run(lines)).toThrow(UsageError);
    expect(() => run(lines)).toThrow(message);
  });

  it('answers questions only, with echo off; Percpu: is /proc/meminfo’s', () => {
    const script = ['echo off', ...HEAD, 'alloc 0 8 8', 'meminfo', 'nrpages', 'echo on', 'free 0'];
    expect(run(script)).toEqual([
      '> meminfo',
      '= Percpu:              128 kB',
      '> nrpages',
      '= 32',
      '> free 0',
      expect.stringMatching(/^T percpu_free_percpu: /),
      '= ok',
    ]);
    expect(run(['cfg page 16384', ...script])).toContain('= Percpu:              128 kB');
  });

  it('names a file that is not there', () => {
    expect(() => runScriptFile('/nonexistent/x.ops', { variant: 'fixed', pageSize: '4096' }, () => {})).toThrow(
      /^\/nonexistent\/x.ops: cannot be read \(ENOENT: /,
    );
  });
});

describe('stats', () => {
  it('has the kernel layout of percpu_stats', () => {
    const file = path.join(folder, 'stats.ops');
    fs.writeFileSync(file, `${[...HEAD, 'alloc 0 100 4', 'alloc 1 8 8', 'free 0'].join('\n')}\n`);
    const text = statsLines(runScriptFile(file, { variant: 'fixed', pageSize: '4096' }, () => {})!).join('\n');
    expect(text).toContain(
      'Percpu Memory Statistics\nAllocation Info:\n----------------------------------------\n  unit_size           :        65536\n',
    );
    expect(text).toContain(
      'Chunk: <- First Chunk\n  nr_alloc            :            1\n  max_alloc_size      :          100\n',
    );
    expect(text).toContain('  sum_frag            :          104\n  max_frag            :          104\n');
  });
});
