// NDJSON files of boot records. While a sweep runs, lines are appended as boots finish; at the end the file is put in order of
// seeds. A killed sweep leaves whole lines and at most one torn one at the end.
import fs from 'node:fs';
import { UsageError } from '../errors.js';
import { type InputLine, inputLines, inputName } from '../files/input.js';
import { OutputFile } from '../files/output.js';
import { systemErrorText } from '../files/system-error.js';
import { recordProblem } from './record-check.js';
import type { BootRecord } from './record.js';
import type { BootSetup } from './setup.js';

/** @throws UsageError "file:line: what is wrong" */
function parseLine<R>({ text, number }: InputLine, file: string, problemOf: RecordCheck): R {
  const where = `${inputName(file)}:${number}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${where}: not a JSON object`);
  }
  const problem = problemOf(value);
  if (problem !== undefined) throw new UsageError(`${where}: not a record of a boot: ${problem}`);
  return value as R;
}

/** What is wrong with a value as a record, undefined when nothing is. */
type RecordCheck = (value: unknown) => string | undefined;

/** All records of a file, in its order: the n-th is line n. @throws UsageError */
export function readRecords<R extends AnyRecord = BootRecord>(
  file: string,
  problemOf: RecordCheck = recordProblem,
): R[] {
  return recordsOf(inputLines(file), file, problemOf);
}

/** The same of lines that were read. @param file named in errors @throws UsageError */
export function recordsOf<R extends AnyRecord = BootRecord>(
  lines: Iterable<InputLine>,
  file: string,
  problemOf: RecordCheck = recordProblem,
): R[] {
  const records: R[] = [];
  for (const line of lines) {
    if (!line.whole)
      throw new UsageError(`${inputName(file)}:${line.number}: the last line is torn; go on with sweep --resume`);
    records.push(parseLine<R>(line, file, problemOf));
  }
  return records;
}

/** The records, each seed once, ascending. @throws UsageError when a seed has two different records or options differ */
export function mergeRecords<R extends AnyRecord>(files: readonly { file: string; records: readonly R[] }[]): R[] {
  const bySeed = new Map<number, { text: string; where: string; record: R }>();
  let first: { where: string; record: R } | undefined;
  for (const { file, records } of files)
    records.forEach((record, i) => {
      const where = `${inputName(file)}:${i + 1}`;
      first ??= { where, record };
      const problem = difference(first.record, record);
      if (problem !== undefined)
        throw new UsageError(`${where}: ${problem} as in ${first.where}; merge needs one sweep's shards`);
      const text = JSON.stringify(record);
      const known = bySeed.get(record.seed);
      if (known !== undefined && known.text !== text)
        throw new UsageError(`${where}: seed ${record.seed} ended otherwise than in ${known.where}`);
      bySeed.set(record.seed, { text, where, record });
    });
  return [...bySeed.values()].map(({ record }) => record).sort((a, b) => a.seed - b.seed);
}

/** What two records do not share, of what all records of a sweep share. */
function difference(
  a: Pick<AnyRecord, 'version' | 'options'>,
  b: Pick<AnyRecord, 'version' | 'options'>,
): string | undefined {
  if (a.version !== b.version) return `version ${b.version} is not the same`;
  return JSON.stringify(a.options) === JSON.stringify(b.options) ? undefined : 'the boot options are not the same';
}

/** What all kinds of records have. */
export interface AnyRecord {
  version: string;
  options: object;
  seed: number;
  stopAtForeignPage?: true;
}

/** What is asked for when a record is asked for. */
interface Asked {
  setup: object;
  seed: number;
  stopAtForeignPage?: boolean;
}

export function recordLine(record: AnyRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** What tells boots apart. */
function recordKey({ options, seed, stopAtForeignPage: stop }: Omit<AnyRecord, 'version'>): string {
  return `${seed} ${stop ? 'stop ' : ''}${JSON.stringify(options)}`;
}

/** The file of running boots. A pipe, a device or standard output gets all records at the end, in order. */
export class RecordFile<R extends AnyRecord = BootRecord> {
  /** What was there already, then what `append` added. */
  readonly records: R[];
  /** What was there already. */
  readonly earlier: ReadonlySet<R>;
  readonly #byKey: ReadonlyMap<string, R>;
  #setups: readonly object[] | undefined;
  readonly #output: OutputFile;
  /** Of the file while it grows. */
  readonly #descriptor: number | undefined;
  /** Bytes of whole lines in it. */
  #length: number;

  private constructor(
    output: OutputFile,
    setups: readonly object[] | undefined,
    records: R[],
    descriptor?: number,
    length = 0,
  ) {
    this.records = records;
    this.earlier = new Set(records);
    this.#byKey = new Map(records.map((record) => [recordKey(record), record]));
    this.#setups = setups;
    this.#output = output;
    this.#descriptor = descriptor;
    this.#length = length;
  }

  /**
   * @param resume go on with an existing file: its torn last line goes, its records stay
   * @param setups of all boots, in the order that the file is to have; undefined: any
   * @throws UsageError when the file cannot be written, exists without `resume`, or has records of other boots
   */
  static open(
    file: string,
    resume: boolean,
    version: string,
    setups: BootSetup | readonly BootSetup[] | undefined,
    flag = '--out',
  ): RecordFile {
    return RecordFile.openFor(file, resume, version, setups, recordProblem, flag);
  }

  /** The same for records of another kind. @param problemOf what is wrong with a value as such a record */
  static openFor<R extends AnyRecord>(
    file: string,
    resume: boolean,
    version: string,
    setups: object | readonly object[] | undefined,
    problemOf: RecordCheck,
    flag = '--out',
  ): RecordFile<R> {
    const output = new OutputFile(flag, file);
    const list = setups === undefined || isList(setups) ? setups : [setups];
    if (!output.isRegular) {
      if (resume) throw new UsageError(`--resume: ${flag} ${file} is no file to go on with`);
      return new RecordFile<R>(output, list, []);
    }
    const there = fs.statSync(output.place, { throwIfNoEntry: false });
    if (there && !resume && there.size > 0)
      throw new UsageError(`${flag} ${file}: exists; go on with it by --resume, or give another name`);
    const { records, length } = there ? readEarlier<R>(file, version, list, problemOf) : { records: [], length: 0 };
    try {
      const descriptor = fs.openSync(output.place, 'a');
      fs.ftruncateSync(descriptor, length);
      return new RecordFile<R>(output, list, records, descriptor, length);
    } catch (error) {
      throw unwritable(file, error);
    }
  }

  /** The record of a boot that the file had when it was opened. */
  find({ setup, seed, stopAtForeignPage }: Asked): R | undefined {
    return this.#byKey.get(
      recordKey({ options: setup, seed, ...(stopAtForeignPage ? { stopAtForeignPage: true } : {}) }),
    );
  }

  /** @throws UsageError when it cannot be written; the file then ends with its last whole record */
  append(record: R): void {
    this.records.push(record);
    if (this.#descriptor === undefined) return;
    const line = Buffer.from(recordLine(record));
    try {
      fs.writeFileSync(this.#descriptor, line);
      this.#length += line.length;
    } catch (error) {
      fs.ftruncateSync(this.#descriptor, this.#length);
      throw unwritable(this.#output.place, error);
    }
  }

  /** For a command that learns late what it boots. @param setups of all boots, in the order that the file is to have */
  order(setups: readonly object[]): void {
    this.#setups = setups;
  }

  /** Puts the file in order of setups and seeds, whole or not at all. @throws UsageError when it cannot be written */
  finish(): void {
    if (this.#descriptor !== undefined) fs.closeSync(this.#descriptor);
    const order = new Map(this.#setups?.map((setup, i) => [JSON.stringify(setup), i]));
    const rank = ({ options }: R): number => order.get(JSON.stringify(options)) ?? 0;
    const ranked = this.records.map((record) => ({ record, rank: order.size > 1 ? rank(record) : 0 }));
    ranked.sort((a, b) => a.rank - b.rank || a.record.seed - b.record.seed);
    this.#output.write(ranked.map(({ record }) => recordLine(record)).join(''));
  }

  /** In place of `finish`: the file has served its purpose. */
  remove(): void {
    if (this.#descriptor === undefined) return;
    fs.closeSync(this.#descriptor);
    fs.rmSync(this.#output.place, { force: true });
  }
}

function isList(setups: object | readonly object[]): setups is readonly object[] {
  return Array.isArray(setups);
}

function unwritable(file: string, error: unknown): UsageError {
  return new UsageError(`--out ${file}: cannot be written (${systemErrorText(error)})`);
}

/** The whole records of an interrupted command, and their length in bytes. */
function readEarlier<R extends AnyRecord>(
  file: string,
  version: string,
  setups: readonly object[] | undefined,
  wrongWith: RecordCheck,
): { records: R[]; length: number } {
  const records: R[] = [];
  const keys = new Set<string>();
  const texts = new Set(setups?.map((setup) => JSON.stringify(setup)));
  const problemOf = (record: R): string | undefined => {
    if (setups?.length === 1) return difference({ version, options: setups[0]! }, record);
    if (record.version !== version) return `version ${record.version} is not the same`;
    const belongs = setups === undefined || texts.has(JSON.stringify(record.options));
    return belongs ? undefined : 'the boot options are not the same';
  };
  let length = 0;
  for (const line of inputLines(file, { flag: '--resume', goesOn: true })) {
    if (!line.whole) break;
    const record = parseLine<R>(line, file, wrongWith);
    const where = `${file}:${line.number}`;
    const problem = problemOf(record);
    if (problem !== undefined) throw new UsageError(`${where}: ${problem} as of this command; --resume needs the same`);
    const key = recordKey(record);
    if (keys.has(key)) throw new UsageError(`${where}: seed ${record.seed} a second time`);
    keys.add(key);
    records.push(record);
    length = line.end;
  }
  return { records, length };
}

/** The lines of the records in order of seeds. */
export function recordsText(records: readonly AnyRecord[]): string {
  return [...records]
    .sort((a, b) => a.seed - b.seed)
    .map(recordLine)
    .join('');
}
