// Reads logs from files and pipes, compressed or not, a piece at a time.
import fs from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { UsageError } from '../errors.js';
import { systemErrorText } from '../files/system-error.js';
import type { KernelEvent } from '../kernel/events.js';
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
  const name = nameOf(file);
  const { bytes, control } = await readLines(file, (line) => decoder.add(line), progress);
  if (bytes === 0) throw new UsageError(`${name}: the log is empty`);
  const decoded = decoder.finish();
  if (decoded.kernelLines === 0) {
    const isBinary = control / bytes > BINARY_SHARE;
    const found = isBinary ? 'binary data' : `no kernel message in ${decoded.lines} lines`;
    throw new UsageError(`${name}: ${found}: a console log of a Linux kernel is expected`);
  }
  return decoded;
}

/** Reads a gt_log, or what `boot --log` wrote. @throws UsageError naming the first line that is no event */
export async function readEvents(file: string): Promise<PageHistory> {
  const history = new PageHistory();
  let number = 0;
  const { bytes } = await readLines(file, (line) => {
    number++;
    const isEvent = line.startsWith('{') ? addJson(history, line) : history.addLogLine(line.replace(/\r$/, ''));
    if (!isEvent)
      throw new UsageError(
        `${nameOf(file)}:${number}: not an event of a gt_log ("seq time cpu pid type ...") or of boot --log (JSON)`,
      );
  });
  if (bytes === 0 || history.events === 0) throw new UsageError(`${nameOf(file)}: no page event in it`);
  return history;
}

/** Takes a line of `boot --log`; false when it is none. */
function addJson(history: PageHistory, line: string): boolean {
  try {
    const event = JSON.parse(line) as KernelEvent;
    if (/^checker_/.test(event.type)) return true; // what the checker saw, between the events
    if (typeof event.seq !== 'number' || typeof event.t !== 'number' || typeof event.type !== 'string') return false;
    history.addEvent(event);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'stdin' : file;
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
  let stream: Readable | undefined;
  try {
    const total = file === '-' ? 0 : fs.statSync(file).size;
    stream = file === '-' ? process.stdin : fs.createReadStream(file, { highWaterMark: 1 << 18 });
    let read = 0;
    const counted = (size: number) => progress?.((read += size), total);
    for await (const chunk of await decompressed(stream, counted)) {
      const buffer = chunk as Buffer;
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
    if (error instanceof UsageError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_')) throw new UsageError(`${nameOf(file)}: the compressed data is damaged (${message})`);
    throw new UsageError(`cannot read ${nameOf(file)}: ${systemErrorText(error)}`);
  } finally {
    stream?.destroy();
  }
  rest += decoder.end();
  if (rest !== '') take(rest);
  return { bytes, control };
}

/** The stream's data, decompressed when it starts like a gzip file. */
async function decompressed(stream: Readable, counted: (bytes: number) => void): Promise<AsyncIterable<unknown>> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await iterator.next();
  async function* all(): AsyncGenerator<Buffer> {
    for (let item = first; !item.done; item = await iterator.next()) {
      counted(item.value.length);
      yield item.value;
    }
  }
  const isGzip = !first.done && first.value[0] === 0x1f && first.value[1] === 0x8b;
  if (!isGzip) return all();
  const source = Readable.from(all(), { objectMode: false });
  const gunzip = zlib.createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

function controlCharacters(buffer: Buffer): number {
  let count = 0;
  for (const byte of buffer)
    if (byte < 7 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32) || byte > 0xf7) count++;
  return count;
}
