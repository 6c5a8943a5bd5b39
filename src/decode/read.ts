// Reads logs from files and pipes, compressed or not, a piece at a time.
import fs from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { UsageError } from '../errors.js';
import { chunksOf, inputName } from '../files/input.js';
import { otherKind } from '../files/other-kind.js';
import { readEvent } from '../kernel/event-check.js';
import type { DecodedConsole, DecodeOptions } from './console.js';
import { ConsoleDecoder } from './console.js';
import { MAX_LINE } from './line.js';
import { PageHistory } from './page-history.js';

/** Called as a file is read: bytes so far, of all (0 when unknown). */
export type Progress = (bytes: number, total: number) => void;

/** Share of control characters above which data is called binary when no kernel message is in it. */
const BINARY_SHARE = 0.05;

/** Decodes the log in `file`, `-` for standard input. @throws UsageError when it cannot be read or is no console log */
export async function decodeFile(
  file: string,
  options: DecodeOptions = {},
  progress?: Progress,
): Promise<DecodedConsole> {
  const decoder = new ConsoleDecoder(options);
  const name = inputName(file);
  let start = '';
  const take = (line: string): void => {
    if (start.length < MAX_LINE) start += `${line}\n`;
    decoder.add(line);
  };
  const { bytes, control } = await readLines(file, take, progress);
  if (bytes === 0) throw new UsageError(`${name}: the log is empty`);
  const decoded = decoder.finish();
  if (decoded.kernelLines === 0) {
    const isBinary = control / bytes > BINARY_SHARE;
    const found = isBinary
      ? 'binary data'
      : `no kernel message in ${decoded.lines === 1 ? '1 line' : `${decoded.lines} lines`}`;
    throw new UsageError(`${name}: ${found}: a console log of a Linux kernel is expected${otherKind(start, 'decode')}`);
  }
  return decoded;
}

/** Reads a gt_log, or what `boot --log` wrote. @throws UsageError naming the first line that is no event */
export async function readEvents(file: string): Promise<PageHistory> {
  const history = new PageHistory();
  let number = 0;
  const { bytes } = await readLines(file, (line) => {
    addEventLine(history, line, inputName(file), ++number);
  });
  if (bytes === 0 || history.events === 0) throw new UsageError(`${inputName(file)}: no page event in it`);
  return history;
}

/** Takes a line of either kind. @throws UsageError "file:line: what is wrong" */
export function addEventLine(history: PageHistory, line: string, file: string, number: number): void {
  if (line.startsWith('{')) history.addEvent(readEvent(line, file, number));
  else if (!history.addLogLine(line.replace(/\r$/, '')))
    throw new UsageError(
      `${file}:${number}: not an event of a gt_log ("seq time cpu pid type ...") or of boot --log (JSON)`,
    );
}

/** Hands every line of `file` to `take`; lines end in \n, or in \r when there is no \n in the file's first piece. Returns the number of (decompressed) bytes and of control characters among them. */
async function readLines(
  file: string,
  take: (line: string) => void,
  progress?: Progress,
): Promise<{ bytes: number; control: number }> {
  const decoder = new StringDecoder('utf8');
  let [bytes, control, rest] = [0, 0, ''];
  let lineEnd = '\n';
  const total = file === '-' ? 0 : (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  let read = 0;
  const counted = (size: number) => progress?.((read += size), total);
  try {
    for await (const buffer of decompressed(chunksOf(file), counted)) {
      bytes += buffer.length;
      if (bytes < 1 << 20) control += controlCharacters(buffer);
      const text = decoder.write(buffer);
      if (bytes === buffer.length && !text.includes('\n') && text.includes('\r')) lineEnd = '\r';
      const lines = (rest + text).split(lineEnd);
      rest = lines.pop()!;
      // Of a line without end only as much is kept as will be looked at.
      if (rest.length > 2 * MAX_LINE) rest = rest.slice(0, MAX_LINE);
      for (const line of lines) take(line);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_')) throw error;
    throw new UsageError(`${inputName(file)}: the compressed data is damaged (${message})`);
  }
  rest += decoder.end();
  if (rest !== '') take(rest);
  return { bytes, control };
}

/** The data, decompressed when it starts like a gzip file. @param counted told the compressed bytes of each piece */
async function* decompressed(
  chunks: Generator<Buffer>,
  counted: (bytes: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const next = (): Buffer | undefined => {
    const { done, value } = chunks.next();
    return done === true ? undefined : value;
  };
  const first = next();
  if (!first) return;
  function* all(): Generator<Buffer> {
    for (let chunk: Buffer | undefined = first; chunk; chunk = next()) {
      counted(chunk.length);
      yield chunk;
    }
  }
  if (first[0] !== 0x1f || first[1] !== 0x8b) return yield* all();
  const source = Readable.from(all(), { objectMode: false });
  const gunzip = zlib.createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  yield* source.pipe(gunzip) as AsyncIterable<Buffer>;
}

function controlCharacters(buffer: Buffer): number {
  let count = 0;
  for (const byte of buffer)
    if (byte < 7 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32) || byte > 0xf7) count++;
  return count;
}
