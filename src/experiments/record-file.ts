// NDJSON files of boot records. While a sweep runs, lines are appended as boots finish; at the end the file is put in order of
// seeds. A killed sweep leaves whole lines and at most one torn one at the end.
import fs from 'node:fs';
import { UsageError } from '../errors.js';
import type { BootRecord } from './record.js';
import type { BootSetup } from './setup.js';

/** @throws UsageError "file:line: what is wrong" */
function parseLine(line: string, file: string, number: number): BootRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new UsageError(`${file}:${number}: not a JSON object`);
  }
  const record = value as Partial<BootRecord> | null;
  if (
    typeof record !== 'object' ||
    !Number.isInteger(record?.seed) ||
    typeof record?.outcome !== 'string' ||
    typeof record.options !== 'object' ||
    typeof record.counters !== 'object'
  )
    throw new UsageError(`${file}:${number}: not a record of a boot`);
  return record as BootRecord;
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** All records of a file, in its order. @throws UsageError */
export function readRecords(file: string): BootRecord[] {
  const lines = readText(file).split('\n');
  if (lines.at(-1) === '') lines.pop();
  else throw new UsageError(`${file}:${lines.length}: the last line is torn; go on with sweep --resume`);
  return lines.map((line, i) => parseLine(line, file, i + 1));
}

/** The records, each seed once, ascending. @throws UsageError when a seed has two different records or options differ */
export function mergeRecords(files: readonly { file: string; records: readonly BootRecord[] }[]): BootRecord[] {
  const bySeed = new Map<number, { text: string; file: string; record: BootRecord }>();
  let first: { file: string; record: BootRecord } | undefined;
  for (const { file, records } of files)
    for (const record of records) {
      first ??= { file, record };
      const problem = difference(first.record, record);
      if (problem !== undefined)
        throw new UsageError(`${file}: ${problem} as in ${first.file}; merge needs one sweep's shards`);
      const text = JSON.stringify(record);
      const known = bySeed.get(record.seed);
      if (known !== undefined && known.text !== text)
        throw new UsageError(`${file}: seed ${record.seed} ended otherwise than in ${known.file}`);
      bySeed.set(record.seed, { text, file, record });
    }
  return [...bySeed.values()].map(({ record }) => record).sort((a, b) => a.seed - b.seed);
}

/** What two records do not share, of what all records of a sweep share. */
function difference(
  a: { version: string; options: BootSetup },
  b: { version: string; options: BootSetup },
): string | undefined {
  if (a.version !== b.version) return `version ${b.version} is not the same`;
  return JSON.stringify(a.options) === JSON.stringify(b.options) ? undefined : 'the boot options are not the same';
}

export function recordLine(record: BootRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** The file of a running sweep. */
export class RecordFile {
  readonly file: string;
  /** What was there already, then what `append` added. */
  readonly records: BootRecord[];
  #descriptor: number;

  private constructor(file: string, records: BootRecord[], descriptor: number) {
    this.file = file;
    this.records = records;
    this.#descriptor = descriptor;
  }

  /**
   * @param resume go on with an existing file: its torn last line goes, its records stay
   * @throws UsageError when the file cannot be written, exists without `resume`, or comes from another sweep
   */
  static open(file: string, resume: boolean, version: string, options: BootSetup): RecordFile {
    const exists = fs.existsSync(file);
    if (exists && !resume && fs.statSync(file).size > 0)
      throw new UsageError(`--out ${file}: exists; go on with it by --resume, or give another name`);
    const records: BootRecord[] = [];
    let length = 0;
    if (exists) {
      const text = readText(file);
      const whole = text.slice(0, text.lastIndexOf('\n') + 1);
      length = Buffer.byteLength(whole);
      whole.split('\n').forEach((line, i) => line !== '' && records.push(parseLine(line, file, i + 1)));
      for (const record of records) {
        const problem = difference({ version, options }, record);
        if (problem !== undefined)
          throw new UsageError(`--resume ${file}: ${problem} as in the file's record of seed ${record.seed}`);
      }
    }
    let descriptor: number;
    try {
      descriptor = fs.openSync(file, exists ? 'r+' : 'wx');
      fs.ftruncateSync(descriptor, length);
      fs.closeSync(descriptor);
      descriptor = fs.openSync(file, 'a');
    } catch (error) {
      throw new UsageError(`--out ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
    }
    return new RecordFile(file, records, descriptor);
  }

  append(record: BootRecord): void {
    this.records.push(record);
    fs.writeSync(this.#descriptor, recordLine(record));
  }

  /** Puts the file in order of seeds, whole or not at all. */
  finish(): void {
    fs.closeSync(this.#descriptor);
    writeRecords(this.file, this.records);
  }
}

/** Writes the records in order of seeds under a temporary name, then gives them theirs. @throws UsageError */
export function writeRecords(file: string, records: readonly BootRecord[]): void {
  const sorted = [...records].sort((a, b) => a.seed - b.seed);
  try {
    fs.writeFileSync(`${file}.part`, sorted.map(recordLine).join(''));
    fs.renameSync(`${file}.part`, file);
  } catch (error) {
    throw new UsageError(`${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}
