// Reads a 32-bit big-endian MIPS executable: what to load where, and its symbols (System V ABI, chapters 4 and 5).
import { UsageError } from '../errors.js';

/** A part of the image to load: `bytes` at `address`, then zeros up to `memorySize`. */
export interface Segment {
  /** Virtual address (kseg0). */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Bytes in memory, at least bytes.length. */
  readonly memorySize: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  /** Bytes; 0 when the assembler did not say. */
  readonly size: number;
  readonly isFunction: boolean;
  readonly isGlobal: boolean;
  /** A constant instead of an address (section index SHN_ABS). */
  readonly isAbsolute: boolean;
}

export interface ElfImage {
  readonly entry: number;
  readonly segments: readonly Segment[];
  readonly symbols: readonly ElfSymbol[];
}

const EM_MIPS = 8;
const ET_EXEC = 2;
const PT_LOAD = 1;
const SHT_SYMTAB = 2;
const SHN_ABS = 0xfff1;
const STT_FUNC = 2;
const STT_SECTION = 3;
const STT_FILE = 4;

/**
 * Parses `bytes`, an ELF32 big-endian MIPS executable with a symbol table.
 * @param source named in error messages: the file @throws UsageError when it is something else or cut short
 */
export function parseElf(bytes: Uint8Array, source: string): ElfImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bad = (what: string) => new UsageError(`${source}: not a usable guest image: ${what}`);
  if (bytes.length < 52 || view.getUint32(0) !== 0x7f454c46) throw bad('no ELF header');
  if (bytes[4] !== 1 || bytes[5] !== 2 || view.getUint16(18) !== EM_MIPS || view.getUint16(16) !== ET_EXEC)
    throw bad('not a 32-bit big-endian MIPS executable');
  try {
    return { entry: view.getUint32(24), segments: readSegments(view, bytes), symbols: readSymbols(view, bytes) };
  } catch (error) {
    if (error instanceof RangeError) throw bad('the file is cut short or damaged');
    throw error;
  }
}

/** The bytes `offset` .. `offset + size`. @throws RangeError when the file ends before */
function slice(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  if (offset + size > bytes.length) throw new RangeError('outside the file');
  return bytes.subarray(offset, offset + size);
}

function readSegments(view: DataView, bytes: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  const [table, entrySize, count] = [view.getUint32(28), view.getUint16(42), view.getUint16(44)];
  for (let i = 0; i < count; i++) {
    const at = table + i * entrySize;
    if (view.getUint32(at) !== PT_LOAD) continue;
    segments.push({
      address: view.getUint32(at + 8),
      bytes: slice(bytes, view.getUint32(at + 4), view.getUint32(at + 16)),
      memorySize: view.getUint32(at + 20),
    });
  }
  return segments;
}

function readSymbols(view: DataView, bytes: Uint8Array): ElfSymbol[] {
  const [table, entrySize, count] = [view.getUint32(32), view.getUint16(46), view.getUint16(48)];
  const section = (i: number) => {
    const at = table + i * entrySize;
    return {
      type: view.getUint32(at + 4),
      link: view.getUint32(at + 24),
      bytes: () => slice(bytes, view.getUint32(at + 16), view.getUint32(at + 20)),
    };
  };
  const symbols: ElfSymbol[] = [];
  for (let i = 0; i < count; i++) {
    const symtab = section(i);
    if (symtab.type !== SHT_SYMTAB) continue;
    const names = section(symtab.link).bytes();
    const entries = symtab.bytes();
    const entryView = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    for (let at = 16; at + 16 <= entries.length; at += 16) {
      const info = entries[at + 12];
      const type = info & 15;
      const nameAt = entryView.getUint32(at);
      const name = Buffer.from(names.subarray(nameAt, names.indexOf(0, nameAt))).toString('latin1');
      const index = entryView.getUint16(at + 14);
      if (name === '' || index === 0 || type === STT_SECTION || type === STT_FILE) continue;
      symbols.push({
        name,
        value: entryView.getUint32(at + 4),
        size: entryView.getUint32(at + 8),
        isFunction: type === STT_FUNC,
        isGlobal: info >> 4 !== 0,
        isAbsolute: index === SHN_ABS,
      });
    }
  }
  return symbols;
}
