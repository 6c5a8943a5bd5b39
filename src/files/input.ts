// What commands read: regular files, pipes and, as '-', standard input; whole and no larger than a limit, or line by line. What never ends
// (/dev/zero) and what is no text of anybody's (disks, folders) is refused.
import fs from 'node:fs';
import tty from 'node:tty';
import zlib from 'node:zlib';
import { UsageError } from '../errors.js';
import { claimInput } from './claims.js';
import { systemErrorText } from './system-error.js';

export interface InputRules {
  /** The option that names the file, for errors; without it the file is an argument. */
  flag?: string;
  /** Most bytes, also when decompressed. */
  limit?: number;
  /** It is an output of this command as well, which goes on with it. */
  goesOn?: boolean;
}

/** Texts are turned into objects of many times their size. */
const DEFAULT_LIMIT = 256 << 20;
/** Most bytes of a line. */
const LONGEST_LINE = 4 << 20;
const CHUNK = 1 << 18;
const LINE_FEED = 10;
/** Large pieces go back to the system when they are joined; those of the default size stay in the process. */
const GUNZIP_CHUNK = 1 << 20;

const STDIN = 0;
let stdinRead = false;

/** How messages, which are one line, name a file: `-` is stdin. */
export function inputName(file: string): string {
  return file === '-' ? 'stdin' : file.replaceAll('\n', '\\n');
}

/** @throws UsageError in one line when it cannot be read, is no regular file or pipe, or has more than `limit` bytes */
export function readInput(file: string, rules: InputRules = {}): Buffer {
  const { limit = DEFAULT_LIMIT } = rules;
  const chunks: Buffer[] = [];
  let length = 0;
  for (const chunk of chunksOf(file, rules, Math.min(sizeOf(file), limit) + 1)) {
    length += chunk.length;
    if (length > limit) throw tooLarge(file, rules, limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

/** Bytes of a regular file; 0 for what is none, or is not there. */
function sizeOf(file: string): number {
  const stat = file === '-' || file === '' ? undefined : fs.statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : 0;
}

/** The same with gzip undone, where it is gzip. @throws UsageError also for damaged gzip data, with the line where it begins */
export function readGunzipped(file: string, rules: InputRules = {}): Buffer {
  const { limit = DEFAULT_LIMIT } = rules;
  const bytes = readInput(file, rules);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return zlib.gunzipSync(bytes, { maxOutputLength: limit, chunkSize: GUNZIP_CHUNK });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(file, rules, limit);
    const { message } = error as Error;
    throw new UsageError(`${inputName(file)}:${linesBefore(bytes)}: damaged gzip data from here on: ${message}`);
  }
}

/** Lines that can still be read out of damaged gzip data. */
function linesBefore(bytes: Buffer): number {
  try {
    const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: DEFAULT_LIMIT };
    return zlib.gunzipSync(bytes, options).toString('latin1').split('\n').length;
  } catch {
    return 1;
  }
}

/** A line of UTF-8 text. */
export interface InputLine {
  text: string;
  /** From 1. */
  number: number;
  /** It ends with a line feed. The last line of a file that was cut does not. */
  whole: boolean;
  /** Bytes of the file up to its end. */
  end: number;
}

/** Reads as far as it is asked. @throws UsageError as readInput, and for a line that does not end */
export function* inputLines(file: string, rules: InputRules = {}): Generator<InputLine> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  let end = 0;
  const line = (bytes: Buffer, whole: boolean): InputLine => {
    end += bytes.length + (whole ? 1 : 0);
    return { text: bytes.toString(), number: ++number, whole, end };
  };
  for (const chunk of chunksOf(file, rules)) {
    let start = 0;
    for (let feed = chunk.indexOf(LINE_FEED); feed >= 0; feed = chunk.indexOf(LINE_FEED, start)) {
      yield line(Buffer.concat([rest, chunk.subarray(start, feed)]), true);
      rest = Buffer.alloc(0);
      start = feed + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(start)]);
    if (rest.length > LONGEST_LINE)
      throw new UsageError(`${inputName(file)}:${number + 1}: the line does not end within ${LONGEST_LINE >> 20} MB`);
  }
  if (rest.length > 0) yield line(rest, false);
}

/** The bytes as they come. @param piece bytes asked for at a time, at least CHUNK @throws UsageError as readInput, but for the limit: what is kept of them is for the reader to bound */
export function* chunksOf(file: string, rules: InputRules = {}, piece = CHUNK): Generator<Buffer> {
  const descriptor = openInput(file, rules);
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(Math.max(piece, CHUNK));
      const length = readSome(descriptor, chunk, file, rules);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    if (descriptor !== STDIN) fs.closeSync(descriptor);
  }
}

function openInput(file: string, rules: InputRules): number {
  const { flag = '' } = rules;
  if (file === '') throw new UsageError(`${flag === '' ? 'a file' : flag}: need the name of a file`);
  if (file === '-') {
    if (stdinRead) throw new UsageError('standard input (-) can be read only once');
    stdinRead = true;
    claimInput(STDIN, flag, 'stdin');
    return STDIN;
  }
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, 'r');
  } catch (error) {
    throw unreadable(file, rules, systemErrorText(error));
  }
  try {
    refuseOddities(descriptor, file, rules);
    if (!rules.goesOn) claimInput(file, flag, file);
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
  return descriptor;
}

function refuseOddities(descriptor: number, file: string, rules: InputRules): void {
  const stat = fs.fstatSync(descriptor);
  const nothing = fs.statSync('/dev/null', { throwIfNoEntry: false });
  if (stat.isDirectory()) throw unreadable(file, rules, 'it is a folder');
  if (stat.isBlockDevice()) throw unreadable(file, rules, 'it is a disk; need a file or a pipe');
  if (stat.isCharacterDevice() && !tty.isatty(descriptor) && stat.rdev !== nothing?.rdev)
    throw unreadable(file, rules, 'it is a device; need a file or a pipe');
}

/** @returns bytes read, 0 at the end */
function readSome(descriptor: number, chunk: Buffer, file: string, rules: InputRules): number {
  for (;;) {
    try {
      return fs.readSync(descriptor, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw unreadable(file, rules, systemErrorText(error));
      // Somebody made the pipe non-blocking: nothing is there yet.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function unreadable(file: string, { flag }: InputRules, why: string): UsageError {
  const name = flag === undefined ? inputName(file) : `${flag} ${inputName(file)}`;
  return new UsageError(`${name}: cannot be read (${why})`);
}

function tooLarge(file: string, rules: InputRules, limit: number): UsageError {
  return unreadable(file, rules, `more than ${limit >> 20} MB`);
}
