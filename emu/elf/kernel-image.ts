// A kernel as somebody built it: a 32-bit MIPS ELF of either byte order, with or without symbols. What cannot run here is
// refused in one line that says what it is instead.
import { UsageError } from '../errors.js';
import { DwarfLines } from './dwarf-lines.js';
import { ElfReader, type ElfSymbol, type Segment } from './elf.js';
import type { SourceLines } from './line-table.js';
import { SymbolTable } from './symbols.js';

const ELFCLASS32 = 1;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const ELFDATA2MSB = 2;
const ET_REL = 1;
const ET_EXEC = 2;
const ET_CORE = 4;
const EM_MIPS = 8;
const MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'x86 (i386)',
  4: 'm68k',
  15: 'PA-RISC',
  20: 'PowerPC',
  21: 'PowerPC64',
  22: 's390',
  40: 'ARM',
  42: 'SuperH',
  43: 'SPARC64',
  62: 'x86-64',
  183: 'ARM64',
  243: 'RISC-V',
  258: 'LoongArch',
};

/** e_flags (System V ABI, MIPS supplement). */
const EF_MIPS_MICROMIPS = 0x0200_0000;
const EF_MIPS_ARCH = 0xf000_0000;
/** Instruction sets that no CPU of this board has. */
const FOREIGN_ISA: Readonly<Record<number, string>> = {
  0x2: 'MIPS III (64-bit)',
  0x3: 'MIPS IV (64-bit)',
  0x4: 'MIPS V (64-bit)',
  0x6: 'MIPS64',
  0x8: 'MIPS64 release 2',
  0x9: 'MIPS32 release 6',
  0xa: 'MIPS64 release 6',
};

/** Files that people give instead, by how they begin. */
const OTHER_FILES: readonly (readonly [magic: readonly number[], offset: number, what: string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 0, 'it is compressed with xz: unpack it first (xz -d)'],
  [[0x28, 0xb5, 0x2f, 0xfd], 0, 'it is compressed with zstd: unpack it first (zstd -d)'],
  [[0x42, 0x5a, 0x68], 0, 'it is compressed with bzip2: unpack it first (bzip2 -d)'],
  [[0x5d, 0x00, 0x00], 0, 'it is compressed with lzma: unpack it first (xz -d --format=lzma)'],
  [[0x04, 0x22, 0x4d, 0x18], 0, 'it is compressed with lz4: unpack it first (lz4 -d)'],
  [[0x27, 0x05, 0x19, 0x56], 0, 'it is a U-Boot image: the ELF vmlinux beside it is wanted'],
  [[0xd0, 0x0d, 0xfe, 0xed], 0, 'it is a device tree or FIT image: the ELF vmlinux is wanted'],
  [[0x48, 0x64, 0x72, 0x53], 0x202, 'it is an x86 kernel (bzImage): a MIPS Malta kernel is wanted'],
  [[0x41, 0x52, 0x4d, 0x64], 56, 'it is an ARM64 kernel (Image): a MIPS Malta kernel is wanted'],
  [
    [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e],
    0,
    'it is an archive or a Debian package: the vmlinux or vmlinuz in it is wanted',
  ],
  [[0x30, 0x37, 0x30, 0x37, 0x30], 0, 'it is a cpio archive: give it with --initrd, and a kernel first'],
];

export interface KernelImage {
  /** The file, as named in messages. */
  readonly source: string;
  readonly bigEndian: boolean;
  /** Virtual address. */
  readonly entry: number;
  readonly segments: readonly Segment[];
  /** Read when first asked for; undefined in a stripped kernel. */
  readonly symbols: SymbolTable | undefined;
  /** From its debug information; undefined in a kernel without. */
  readonly lines: SourceLines | undefined;
}

/** @param source named in messages: the file @throws UsageError when it is anything but a kernel for this board */
export function parseKernel(bytes: Uint8Array, source: string): KernelImage {
  const bad = (what: string) => new UsageError(`${source}: not a kernel for this board: ${what}`);
  if (bytes.length === 0) throw bad('the file is empty');
  if (!startsWith(bytes, [0x7f, 0x45, 0x4c, 0x46], 0)) {
    const other = OTHER_FILES.find(([magic, offset]) => startsWith(bytes, magic, offset));
    throw bad(other?.[2] ?? 'it is no ELF file; a vmlinux or vmlinuz for MIPS Malta is wanted');
  }
  if (bytes.length < 52) throw bad('the file is cut short in its ELF header');
  const [elfClass, data] = [bytes[4], bytes[5]];
  if ((elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64) || (data !== ELFDATA2LSB && data !== ELFDATA2MSB))
    throw bad('its ELF header is damaged');
  const bigEndian = data === ELFDATA2MSB;
  const reader = new ElfReader(bytes, bigEndian);
  if (reader.machine !== EM_MIPS)
    throw bad(
      `it is for ${MACHINES[reader.machine] ?? `another processor (ELF machine ${reader.machine})`}, not for MIPS`,
    );
  if (elfClass === ELFCLASS64) throw bad('it is a 64-bit MIPS kernel; the board has 32-bit CPUs');
  if (reader.type === ET_REL) throw bad('it is a module or object file, not a linked kernel');
  if (reader.type !== ET_EXEC)
    throw bad(reader.type === ET_CORE ? 'it is a core dump' : 'it is a shared object or a program');
  const isa = FOREIGN_ISA[(reader.flags & EF_MIPS_ARCH) >>> 28];
  if (isa !== undefined) throw bad(`it is built for ${isa}; the CPUs here are MIPS32 release 2 and 5`);
  if (reader.flags & EF_MIPS_MICROMIPS) throw bad('it is built for microMIPS, which the CPUs here do not have');
  if (reader.entry < 0x8000_0000)
    throw bad(`it starts at ${hex(reader.entry)}, in user space: it is a program, not a kernel`);
  try {
    const segments = reader.segments();
    if (segments.length === 0) throw bad('there is nothing in it to load');
    reader.checkSections();
    return new ParsedKernel(source, bigEndian, reader, segments);
  } catch (error) {
    if (error instanceof RangeError) throw bad('the file is cut short or damaged');
    throw error;
  }
}

class ParsedKernel implements KernelImage {
  readonly entry: number;
  readonly lines: SourceLines | undefined;
  #symbols: SymbolTable | undefined;
  #reader: ElfReader | undefined;

  constructor(
    readonly source: string,
    readonly bigEndian: boolean,
    reader: ElfReader,
    readonly segments: readonly Segment[],
  ) {
    this.entry = reader.entry;
    this.lines = debugLines(reader, bigEndian);
    this.#reader = reader;
  }

  get symbols(): SymbolTable | undefined {
    if (this.#reader) {
      const { entry, segments } = this;
      const symbols = readableSymbols(this.#reader);
      if (symbols.length > 0) this.#symbols = new SymbolTable({ entry, segments, symbols }, this.source);
      this.#reader = undefined;
    }
    return this.#symbols;
  }
}

/** A kernel whose symbol table is damaged runs without names. */
function readableSymbols(reader: ElfReader): readonly ElfSymbol[] {
  try {
    return reader.symbols();
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** What lies in the file is read when it is asked for. */
function debugLines(reader: ElfReader, bigEndian: boolean): SourceLines | undefined {
  const section = (name: string): Uint8Array => reader.sectionNamed(name) ?? new Uint8Array(0);
  try {
    const line = reader.sectionNamed('.debug_line');
    const strings = { lineStrings: section('.debug_line_str'), strings: section('.debug_str') };
    return line && new DwarfLines({ line, ...strings }, bigEndian);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[], offset: number): boolean {
  return magic.every((byte, i) => bytes[offset + i] === byte);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
