import { describe, expect, it } from 'vitest';
import { contradictions, isStatsText, parseStatsText } from './stats-text.js';

/** As a kernel of 2021 prints it, in numbers of our own. */
const TEXT = `Percpu Memory Statistics
Allocation Info:
----------------------------------------
  unit_size           :       262144
  static_size         :       180000
  reserved_size       :         8192
  dyn_size            :        28904
  atom_size           :      2097152
  alloc_size          :      2097152

Global Stats:
----------------------------------------
  nr_alloc            :          120
  nr_dealloc          :           20
  nr_cur_alloc        :          100
  nr_max_alloc        :          104
  nr_chunks           :            2
  nr_max_chunks       :            2
  min_alloc_size      :            4
  max_alloc_size      :         8208
  empty_pop_pages     :            3

Per Chunk Stats:
----------------------------------------
Chunk: <- Reserved Chunk
  nr_alloc            :            0
  free_bytes          :         8192
  contig_bytes        :         8192

Chunk: <- First Chunk
  nr_alloc            :           60
  free_bytes          :         4000
  contig_bytes        :          900

Chunk (sidelined):
  nr_alloc            :           40
  free_bytes          :       200000
  contig_bytes        :       150000
  memcg_aware         :            1

`;

describe('percpu_stats', () => {
  it('of a kernel is read', () => {
    const { fields, chunks } = parseStatsText(TEXT, 'stats');
    expect([fields.get('unit_size'), fields.get('nr_cur_alloc'), fields.size]).toEqual([262144, 100, 15]);
    expect(chunks.map(({ title, fields: own }) => [title, own.get('nr_alloc')])).toEqual([
      ['<- Reserved Chunk', 0],
      ['<- First Chunk', 60],
      ['(sidelined)', 40],
    ]);
    expect(contradictions({ fields, chunks })).toEqual([]);
  });

  it.each<[string, string]>([
    ['quoted', TEXT.replace(/^/gm, '> ')],
    ['with the ends of lines of DOS', TEXT.replaceAll('\n', '\r\n')],
    ['without indent', TEXT.replace(/^ +/gm, '')],
    ['in a mail', `Here:\n\n${TEXT}\nRegards: me\n`],
  ])('%s is the same', (_, text) => {
    const plain = parseStatsText(TEXT, 'stats');
    const read = parseStatsText(text, 'stats');
    expect([...read.fields]).toEqual([...plain.fields]);
    expect(read.chunks.map(({ fields }) => [...fields])).toEqual(plain.chunks.map(({ fields }) => [...fields]));
  });

  it.each<[string, string, RegExp]>([
    ['cut within a line', TEXT.slice(0, TEXT.indexOf('180000') - 3), /^stats:5: "static_size +:" has no number$/],
    [
      'with the same number twice',
      TEXT.replace('nr_dealloc', 'nr_alloc  '),
      /^stats:14: nr_alloc for the second time$/,
    ],
    ['without any number', 'Percpu Memory Statistics\n', /^stats:1: no numbers of percpu_stats$/],
  ])('%s is one line', (_, text, message) => {
    expect(() => parseStatsText(text, 'stats')).toThrow(message);
  });

  it.each<[string, string, RegExp]>([
    [
      'nr_cur_alloc        :          100',
      'nr_cur_alloc        :          101',
      /^nr_alloc - nr_dealloc is not nr_cur_alloc: 100, not 101$/,
    ],
    ['static_size         :       180000', 'static_size         :       280000', /exceed unit_size$/],
    [
      'nr_alloc            :           60',
      'nr_alloc            :           61',
      /^the areas of all chunks are not nr_cur_alloc: 101, not 100$/,
    ],
    [
      'contig_bytes        :          900',
      'contig_bytes        :         9000',
      /^chunk 2 <- First Chunk: contig_bytes exceeds free_bytes$/,
    ],
  ])('%s as %s does not add up', (right, wrong, message) => {
    const found = contradictions(parseStatsText(TEXT.replace(right, wrong), 'stats'));
    expect(found[0]).toMatch(message);
  });

  it('is told from an operation script', () => {
    expect([
      isStatsText(TEXT),
      isStatsText('  nr_cur_alloc : 4'),
      isStatsText('# stats\ncfg bits 32\nstats\n'),
    ]).toEqual([true, true, false]);
  });

  it.each([
    ['with no-break spaces', TEXT.replaceAll(' ', '\u00a0')],
    ['with no-break spaces whose bytes were read one by one', TEXT.replaceAll(' ', '\u00c2\u00a0')],
    ['off a console', TEXT.replace(/^/gm, '[   12.345678] ')],
  ])('reads the text %s', (_, text) => {
    expect(isStatsText(text)).toBe(true);
    expect(parseStatsText(text, 'x')).toEqual(parseStatsText(TEXT, 'x'));
  });
});
