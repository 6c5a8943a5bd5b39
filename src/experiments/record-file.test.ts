import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { newCounters } from '../kernel/counters.js';
import { Random } from '../random.js';
import { mergeRecords, readRecords, recordLine, RecordFile } from './record-file.js';
import type { BootRecord } from './record.js';
import { DEFAULT_SETUP } from './setup.js';
import { sweepSummary } from './sweep-summary.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-records-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
let files = 0;
const fresh = (): string => path.join(folder, `${files++}.ndjson`);
const write = (text: string): string => {
  const file = fresh();
  fs.writeFileSync(file, text);
  return file;
};

const record = (seed: number, more: Partial<BootRecord> = {}): BootRecord => ({
  version: '1',
  options: DEFAULT_SETUP,
  seed,
  outcome: 'clean',
  signature: '',
  panic: '',
  reachedInit: true,
  counters: newCounters(),
  ...more,
});

describe('reading', () => {
  const good = JSON.stringify(
    record(7, { options: { ...DEFAULT_SETUP, kept: { targets: [{ host: 0, channel: 0, first: 1, last: 2 }] } } }),
  );
  test.each<[string, string, string]>([
    ['"staleStores":0', '"staleStores":1e999', 'counters.staleStores: null is not a whole number from 0'],
    ['"staleStores":0', '"staleStores":-5', 'counters.staleStores: -5 is not a whole number from 0'],
    ['"staleStores":0', '"staleStores":"x"', 'counters.staleStores: "x" is not a whole number from 0'],
    ['"staleStores":0,', '', 'counters.staleStores: missing'],
    ['"staleStores":0', '"staleStores":0,"__proto__":0', 'counters: "__proto__" is no field of it'],
    [/"counters":{.*}/.exec(good)![0].slice(0, -1), '"counters":{}', 'counters.simulatedSeconds: missing'],
    ['"seed":7', '"seed":-2', 'seed: -2 is not a whole number from 0 to 4294967295'],
    ['"reachedInit":true', '"reachedInit":null', 'reachedInit: null is not true or false'],
    ['"outcome":"clean"', '"outcome":"<b>"', 'outcome: "<b>" is not one of clean, oops, bug, panic, stall'],
    ['"kernel":"f183324133ea"', '"kernel":"__proto__"', 'options.kernel: "__proto__" is not one of '],
    ['"cpus":1', '"cpus":9', 'options.cpus: 9 is not a whole number from 1 to 8'],
    ['"first":1', '"first":null', 'options.kept.targets[0].first: null is not a whole number from 0'],
    [
      '"cpus":1',
      '"cpus":1,"geometry":{"atomSize":62536}',
      'options.geometry.atomSize: 62536 is not a size of a layout',
    ],
    ['"cpus":1', '"cpus":1,"rules":{"reclaim":[3,2]}', 'options.rules.reclaim: [3,2] is not a share, as [1,8]'],
    [good, '[]', '[] is not an object'],
    [good, 'null', 'null is not an object'],
  ])('%s as %s', (from, to, problem) => {
    expect(good).toContain(from);
    const file = write(`${good}\n${good.replace(from, to)}\n`);
    expect(() => readRecords(file)).toThrow(UsageError);
    expect(() => readRecords(file)).toThrow(`${file}:2: not a record of a boot: ${problem}`);
  });

  test('damaged files are one line or whole records, whatever is damaged', () => {
    const seed = Number(process.env.FUZZ_SEED ?? 20260101);
    const random = new Random(seed);
    const bytes = ['"', '{', '}', ',', '-', '9', 'e999', 'null', '\u0000', '\n', '[', ':', '"__proto__":1,', '\u001b'];
    for (let i = 0; i < 600; i++) {
      let text = `${good}\n${JSON.stringify(record(8))}\n`;
      for (let n = 1 + random.below(3); n > 0; n--) {
        const at = random.below(text.length);
        text = text.slice(0, at) + bytes[random.below(bytes.length)]! + text.slice(at + random.below(12));
      }
      const file = path.join(folder, 'damaged');
      fs.writeFileSync(file, text);
      try {
        const records = readRecords(file);
        expect(sweepSummary(DEFAULT_SETUP, records, 2), `FUZZ_SEED=${seed}`).not.toMatch(/NaN|Infinity|\p{Cc}(?<!\n)/u);
      } catch (error) {
        expect(error, `FUZZ_SEED=${seed}, file ${i}: ${text}`).toBeInstanceOf(UsageError);
        expect((error as Error).message).toMatch(/^[^\n]*damaged:\d+: [^\n]*$/);
      }
    }
  });

  test('merging names the lines that do not go together', () => {
    const merge = (...lists: BootRecord[][]): unknown =>
      mergeRecords(lists.map((records, i) => ({ file: 'ab'[i]!, records })));
    const other = { ...DEFAULT_SETUP, controllers: 1 };
    expect(() => merge([record(1), record(2, { options: other })])).toThrow(
      "a:2: the boot options are not the same as in a:1; merge needs one sweep's shards",
    );
    expect(() => merge([record(1)], [record(3), record(1, { outcome: 'oops' })])).toThrow(
      'b:2: seed 1 ended otherwise than in a:1',
    );
  });
});

const seedsIn = (file: string): number[] =>
  fs
    .readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as BootRecord).seed);

describe('the file of a sweep', () => {
  test('is in order of seeds at the end, and goes on after a torn line', () => {
    const file = write(`${recordLine(record(5))}{"version"`);
    const sweep = RecordFile.open(file, true, '1', DEFAULT_SETUP);
    sweep.append(record(2));
    expect(seedsIn(file)).toEqual([5, 2]);
    sweep.finish();
    expect(seedsIn(file)).toEqual([2, 5]);
    expect(fs.readdirSync(folder).filter((name) => name.includes('part'))).toEqual([]);
  });

  test.each([
    ['another version', '2', record(1), ':1: version 1 is not the same'],
    ['other options', '1', record(1, { options: { ...DEFAULT_SETUP, disks: 1 } }), ':1: the boot options are not'],
  ])('does not go on with %s', (_, version, first, problem) => {
    const file = write(recordLine(first));
    expect(() => RecordFile.open(file, true, version, DEFAULT_SETUP)).toThrow(problem);
    expect(fs.readFileSync(file, 'utf8')).toBe(recordLine(first));
  });

  test('does not go on with a seed that is there twice', () => {
    const file = write(recordLine(record(1)) + recordLine(record(1)));
    expect(() => RecordFile.open(file, true, '1', DEFAULT_SETUP)).toThrow(':2: seed 1 a second time');
  });

  test('never replaces a file, and cannot resume a device', () => {
    const file = write('precious');
    expect(() => RecordFile.open(file, false, '1', DEFAULT_SETUP)).toThrow('exists; go on with it by --resume');
    expect(fs.readFileSync(file, 'utf8')).toBe('precious');
    expect(() => RecordFile.open('/dev/null', true, '1', DEFAULT_SETUP)).toThrow('is no file to go on with');
  });

  test.skipIf(!fs.existsSync('/dev/full'))('on a full disk is one line', () => {
    const link = fresh();
    fs.symlinkSync('/dev/full', link);
    const sweep = RecordFile.open(link, false, '1', DEFAULT_SETUP);
    sweep.append(record(1));
    expect(() => sweep.finish()).toThrow(/^--out .*: cannot be written \(ENOSPC/);
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
  });
});
