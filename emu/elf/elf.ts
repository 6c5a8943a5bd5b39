// Reads a 32-bit MIPS executable: what to load where, and its symbols (System V ABI, chapters 4 and 5).
import { UsageError } from '../errors.js';
import { latin1 } from '../latin1.js';

/** A part of the image to load: `bytes` at `address`, then zeros up to `memorySize`. */
export interface Segment {
  /** Virtual address: kseg0, or kseg2 in kernels that run behind the TLB. */
  readonly address: number;
  /** Where it is loaded, as the file has it (p_paddr); in kseg0 too as a rule. */
  readonly loadAddress: number;
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
/** Sizes of the table's entries in ELF32, bytes. */
const PROGRAM_HEADER = 32;
const SECTION_HEADER = 40;
/** Kernels have a handful. */
const MAX_PROGRAM_HEADERS = 64;
const SHT_NULL = 0;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHF_COMPRESSED = 0x800;
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
    const reader = new ElfReader(bytes, true);
    return { entry: reader.entry, segments: reader.segments(), symbols: reader.symbols() };
  } catch (error) {
    if (error instanceof RangeError) throw bad('the file is cut short or damaged');
    throw error;
  }
}

/** The parts of an ELF32 file whose header is known to be there. All but the getters throw RangeError where it ends too soon. */
export class ElfReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;

  constructor(bytes: Uint8Array, bigEndian: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = !bigEndian;
  }

  #half(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  #word(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  /** e_type. */
  get type(): number {
    return this.#half(16);
  }

  /** e_machine. */
  get machine(): number {
    return this.#half(18);
  }

  get entry(): number {
    return this.#word(24);
  }

  /** e_flags. */
  get flags(): number {
    return this.#word(36);
  }

  /** The bytes `offset` .. `offset + size`. @throws RangeError when the file ends before */
  #slice(offset: number, size: number): Uint8Array {
    if (offset + size > this.#bytes.length) throw new RangeError('outside the file');
    return this.#bytes.subarray(offset, offset + size);
  }

  segments(): Segment[] {
    const segments: Segment[] = [];
    const [table, entrySize, count] = [this.#word(28), this.#half(42), this.#half(44)];
    if (count > 0 && (entrySize !== PROGRAM_HEADER || count > MAX_PROGRAM_HEADERS))
      throw new RangeError('program headers of another size, or too many');
    for (let i = 0; i < count; i++) {
      const at = table + i * PROGRAM_HEADER;
      if (this.#word(at) !== PT_LOAD) continue;
      const segment = {
        address: this.#word(at + 8),
        loadAddress: this.#word(at + 12),
        bytes: this.#slice(this.#word(at + 4), this.#word(at + 16)),
        memorySize: this.#word(at + 20),
      };
      if (segment.memorySize < segment.bytes.length) throw new RangeError('a segment larger than its memory');
      if (segment.memorySize > 0) segments.push(segment);
    }
    return segments;
  }

  #section(i: number): Record<'name' | 'type' | 'flags' | 'link' | 'offset' | 'size', number> {
    const at = this.#word(32) + i * SECTION_HEADER;
    return {
      name: this.#word(at),
      type: this.#word(at + 4),
      flags: this.#word(at + 8),
      link: this.#word(at + 24),
      offset: this.#word(at + 16),
      size: this.#word(at + 20),
    };
  }

  get #sections(): number {
    const count = this.#word(32) === 0 ? 0 : this.#half(48);
    if (count > 0 && this.#half(46) !== SECTION_HEADER) throw new RangeError('section headers of another size');
    return count;
  }

  /** @throws RangeError when the file ends before all of its sections */
  checkSections(): void {
    for (let i = 0; i < this.#sections; i++) {
      const { type, offset, size } = this.#section(i);
      if (type !== SHT_NULL && type !== SHT_NOBITS) this.#slice(offset, size);
    }
  }

  /** The bytes of the section of that name, as they are needed for debug information; undefined without one, and where it is compressed. */
  sectionNamed(wanted: string): Uint8Array | undefined {
    const count = this.#sections;
    const index = this.#half(50);
    if (index === 0 || index >= count) return undefined;
    const strings = this.#section(index);
    const names = this.#slice(strings.offset, strings.size);
    for (let i = 0; i < count; i++) {
      const { type, offset, size, name, flags } = this.#section(i);
      if (type === SHT_NOBITS || (flags & SHF_COMPRESSED) !== 0) continue;
      if (latin1(names.subarray(name, name + wanted.length + 1)) === `${wanted}\0`) return this.#slice(offset, size);
    }
    return undefined;
  }

  symbols(): ElfSymbol[] {
    const symbols: ElfSymbol[] = [];
    for (let i = 0; i < this.#sections; i++) {
      const symtab = this.#section(i);
      if (symtab.type !== SHT_SYMTAB) continue;
      const strtab = this.#section(symtab.link);
      this.#readSymbols(symbols, this.#slice(symtab.offset, symtab.size), this.#slice(strtab.offset, strtab.size));
    }
    return symbols;
  }

  #readSymbols(symbols: ElfSymbol[], entries: Uint8Array, names: Uint8Array): void {
    const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    for (let at = 16; at + 16 <= entries.length; at += 16) {
      const info = entries[at + 12];
      const type = info & 15;
      const nameAt = view.getUint32(at, this.#little);
      const name = latin1(names.subarray(nameAt, names.indexOf(0, nameAt)));
      const index = view.getUint16(at + 14, this.#little);
      if (name === '' || index === 0 || type === STT_SECTION || type === STT_FILE) continue;
      symbols.push({
        name,
        value: view.getUint32(at + 4, this.#little),
        size: view.getUint32(at + 8, this.#little),
        isFunction: type === STT_FUNC,
        isGlobal: info >> 4 !== 0,
        isAbsolute: index === SHN_ABS,
      });
    }
  }
}
