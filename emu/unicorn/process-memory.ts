// Looks into this process's own memory without the risk of a crash: the kernel copies, and refuses bad addresses.
import fs from 'node:fs';
import koffi from 'koffi';
import type { HostMemory } from './engine.js';

/** A pipe holds at least this much without a reader (Linux: 64 KB, macOS: 16 KB). */
const CHUNK = 0x4000;
const PAGE = 0x1000;
/** Static data lies within this distance behind a library's code. */
const IMAGE_SPAN = 64 << 20;

interface SafePipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  write(fd: number, address: bigint, length: number): number | bigint;
}

let pipe: SafePipe | undefined;

function safePipe(): SafePipe {
  if (!pipe) {
    const libc = koffi.load(null);
    const ends = new Int32Array(2);
    const open = libc.func('int pipe(void* ends)') as (ends: Int32Array) => number;
    if (open(ends) !== 0) throw new Error('no pipe for reading the engine’s memory');
    const write = libc.func('intptr_t write(int fd, void* bytes, size_t length)') as SafePipe['write'];
    pipe = { readEnd: ends[0], writeEnd: ends[1], write };
  }
  return pipe;
}

export class ProcessMemory implements HostMemory {
  readonly pointerBytes = 8;
  readonly engineAddress: number;
  readonly #code: number;
  /** Made once each: a view costs more than what it is looked at for. */
  readonly #views = new Map<number, Uint32Array>();

  /** @param code address of a function of the engine's library */
  constructor(engineAddress: number, code: number) {
    this.engineAddress = engineAddress;
    this.#code = code;
  }

  read(address: number, length: number): Uint8Array {
    const { readEnd, writeEnd, write } = safePipe();
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      // From a page's start on: of a page of the pipe that it cannot fill the kernel keeps nothing, so that all of it would be lost
      // up to the end of what is mapped.
      const toPage = PAGE - ((address + done) % PAGE);
      const want = Math.min(toPage < PAGE ? toPage : CHUNK, length - done);
      const written = Number(write(writeEnd, BigInt(address + done), want));
      if (written <= 0) break;
      done += fs.readSync(readEnd, bytes, done, written, null);
      if (written < want) break;
    }
    return bytes.subarray(0, done);
  }

  words(address: number, count: number): Uint32Array {
    let view = this.#views.get(address);
    if (view?.length !== count) {
      view = new Uint32Array(koffi.view(BigInt(address), count * 4));
      this.#views.set(address, view);
    }
    return view;
  }

  dataRanges(): { start: number; end: number }[] {
    return process.platform === 'linux' ? this.#mappedData() : this.#imageSpan();
  }

  /** The library's writable mappings and what follows them without a gap (.bss). */
  #mappedData(): { start: number; end: number }[] {
    const mappings = fs
      .readFileSync('/proc/self/maps', 'latin1')
      .split('\n')
      .map((line) => /^([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \d+ *(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, start, end, access, file]) => ({ start: parseInt(start, 16), end: parseInt(end, 16), access, file }));
    const library = mappings.find(({ start, end }) => start <= this.#code && this.#code < end)?.file;
    const ranges: { start: number; end: number }[] = [];
    for (const { start, end, access, file } of mappings) {
      const bss = file === '' && ranges.at(-1)?.end === start;
      if (access.startsWith('rw') && (file === library || bss)) ranges.push({ start, end });
    }
    return ranges;
  }

  /** Where no memory map can be asked: everything readable from the library's code on. */
  #imageSpan(): { start: number; end: number }[] {
    const first = this.#code - (this.#code % CHUNK);
    const ranges: { start: number; end: number }[] = [];
    for (let start = first; start < first + IMAGE_SPAN; start += CHUNK) {
      const end = start + this.read(start, CHUNK).length;
      const last = ranges.at(-1);
      if (last?.end === start) last.end = end;
      else if (end > start) ranges.push({ start, end });
    }
    return ranges.filter(({ start, end }) => end > start);
  }
}
