// Source lines for addresses from the debug information of a kernel that was built with it: section .debug_line (DWARF versions 2 to 5, section 6.2 of
// each). Only what an address needs is read: one pass notes which stretch of the programs is about which addresses, a look runs that stretch again.
import { latin1 } from '../latin1.js';
import type { SourceLine } from './line-table.js';

export interface DebugSections {
  readonly line: Uint8Array;
  /** .debug_line_str and .debug_str, empty where the file has none. */
  readonly lineStrings: Uint8Array;
  readonly strings: Uint8Array;
}

/** Standard opcodes that do more than skip their operands. */
const LNS = {
  extended: 0,
  copy: 1,
  advancePc: 2,
  advanceLine: 3,
  setFile: 4,
  constAddPc: 8,
  fixedAdvancePc: 9,
} as const;
const LNE = { endSequence: 1, setAddress: 2 } as const;
const LNCT = { path: 1, directoryIndex: 2 } as const;
const FORM = {
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  string: 0x08,
  block: 0x09,
  data1: 0x0b,
  strp: 0x0e,
  udata: 0x0f,
  data16: 0x1e,
  lineStrp: 0x1f,
} as const;

/** One compilation unit's line number program. */
interface Unit {
  readonly version: number;
  readonly minInstruction: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly operands: readonly number[];
  /** Where directories and files stand, and where the program does. */
  readonly tables: number;
  readonly start: number;
  readonly end: number;
}

/** Addresses from `low` up to `high`, by the program of `unit` from `at` on. */
interface Sequence {
  readonly low: number;
  readonly high: number;
  readonly unit: Unit;
  readonly at: number;
}

interface Row {
  readonly address: number;
  readonly file: number;
  readonly line: number;
}

/** Damaged information is no reason to stop: where it cannot be read there are no lines. */
export class DwarfLines {
  readonly #sections: DebugSections;
  readonly #bigEndian: boolean;
  #sequences: readonly Sequence[] | undefined;
  readonly #files = new Map<Unit, readonly string[]>();

  constructor(sections: DebugSections, bigEndian: boolean) {
    this.#sections = sections;
    this.#bigEndian = bigEndian;
  }

  /** Where the instruction at `address` comes from; undefined where that is not known. */
  lookup(address: number): SourceLine | undefined {
    this.#sequences ??= this.#index();
    const sequence = this.#sequences.find(({ low, high }) => low <= address && address < high);
    if (!sequence) return undefined;
    let found: Row | undefined;
    this.#run(sequence.unit, sequence.at, (row) => {
      if (row.address <= address) found = row;
    });
    if (!found || found.line === 0) return undefined;
    const file = this.#filesOf(sequence.unit)[found.file];
    return file === undefined ? undefined : { file, line: found.line };
  }

  #reader(bytes: Uint8Array, at: number, end = bytes.length): Reader {
    return new Reader(bytes, this.#bigEndian, at, end);
  }

  #index(): Sequence[] {
    const sequences: Sequence[] = [];
    const { line } = this.#sections;
    for (let at = 0; at + 4 <= line.length;) {
      let next = line.length;
      try {
        const reader = this.#reader(line, at);
        const length = reader.u32();
        if (length >= 0xffff_fff0) break; // 64-bit DWARF
        next = reader.at + length;
        const unit = readUnit(this.#reader(line, reader.at, Math.min(next, line.length)));
        if (unit) this.#sequencesOf(unit, sequences);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      at = next;
    }
    return sequences;
  }

  #sequencesOf(unit: Unit, sequences: Sequence[]): void {
    for (let at = unit.start; at < unit.end;) {
      let low = Infinity;
      const { end, high } = this.#run(unit, at, (row) => (low = Math.min(low, row.address)));
      // what the linker threw away begins at 0
      if (low > 0 && high > low) sequences.push({ low, high, unit, at });
      at = end;
    }
  }

  /** Runs a program up to the end of a sequence. @param emit gets each row but the one that ends it */
  #run(unit: Unit, from: number, emit: (row: Row) => void): { end: number; high: number } {
    const { opcodeBase, lineBase, lineRange, minInstruction, operands } = unit;
    const reader = this.#reader(this.#sections.line, from, unit.end);
    let [address, file, line] = [0, 1, 1];
    while (!reader.done) {
      const opcode = reader.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        address += minInstruction * Math.floor(adjusted / lineRange);
        line += lineBase + (adjusted % lineRange);
        emit({ address, file, line });
        continue;
      }
      switch (opcode) {
        case LNS.extended: {
          const length = reader.uleb();
          const end = reader.at + length;
          const extended = length > 0 ? reader.u8() : 0;
          if (extended === LNE.endSequence) return { end, high: address };
          if (extended === LNE.setAddress) address = reader.u32();
          reader.at = end;
          break;
        }
        case LNS.copy:
          emit({ address, file, line });
          break;
        case LNS.advancePc:
          address += minInstruction * reader.uleb();
          break;
        case LNS.advanceLine:
          line += reader.sleb();
          break;
        case LNS.setFile:
          file = reader.uleb();
          break;
        case LNS.constAddPc:
          address += minInstruction * Math.floor((255 - opcodeBase) / lineRange);
          break;
        case LNS.fixedAdvancePc:
          address += reader.u16();
          break;
        default:
          for (let i = operands[opcode] ?? 0; i > 0; i--) reader.uleb();
      }
    }
    return { end: unit.end, high: 0 };
  }

  #filesOf(unit: Unit): readonly string[] {
    let files = this.#files.get(unit);
    if (!files) {
      try {
        const reader = this.#reader(this.#sections.line, unit.tables, unit.start);
        files = unit.version >= 5 ? this.#files5(reader) : files4(reader);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        files = [];
      }
      this.#files.set(unit, files);
    }
    return files;
  }

  /** Version 5: tables of which each says what its entries are made of. Directory 0 is where the compiler ran. */
  #files5(reader: Reader): string[] {
    const directories = this.#entries(reader).map(({ path }) => path);
    return this.#entries(reader).map(({ path, directory }) => sourcePath(directories, directory, path));
  }

  #entries(reader: Reader): { path: string; directory: number }[] {
    const formats = Array.from({ length: reader.u8() }, () => ({ content: reader.uleb(), form: reader.uleb() }));
    return Array.from({ length: reader.uleb() }, () => {
      const entry = { path: '', directory: 0 };
      for (const { content, form } of formats) {
        const value = this.#value(reader, form);
        if (content === LNCT.path) entry.path = String(value);
        else if (content === LNCT.directoryIndex) entry.directory = Number(value);
      }
      return entry;
    });
  }

  #value(reader: Reader, form: number): number | string {
    switch (form) {
      case FORM.string:
        return reader.text();
      case FORM.lineStrp:
        return this.#reader(this.#sections.lineStrings, reader.u32()).text();
      case FORM.strp:
        return this.#reader(this.#sections.strings, reader.u32()).text();
      case FORM.udata:
        return reader.uleb();
      case FORM.data1:
        return reader.u8();
      case FORM.data2:
        return reader.u16();
      case FORM.data4:
        return reader.u32();
      case FORM.data8:
        reader.at += 8;
        return 0;
      case FORM.data16:
        reader.at += 16;
        return 0;
      case FORM.block:
        reader.at += reader.uleb();
        return 0;
      default:
        throw new RangeError(`form ${form}`);
    }
  }
}

/** Up to version 4: directories and files end with an empty name; both count from 1. */
function files4(reader: Reader): string[] {
  const directories = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) directories.push(name);
  const files = [''];
  for (let name = reader.text(); name !== ''; name = reader.text()) {
    files.push(sourcePath(directories, reader.uleb(), name));
    reader.uleb(); // when it was changed
    reader.uleb(); // bytes
  }
  return files;
}

/** As the compiler was told: relative to where it ran, without `.` and what `..` takes back. */
function sourcePath(directories: readonly string[], index: number, name: string): string {
  const directory = directories[index] ?? '';
  const root = directories[0] ?? '';
  let path = name.startsWith('/') || index === 0 || directory === '' ? name : `${directory}/${name}`;
  if (root !== '' && path.startsWith(`${root}/`)) path = path.slice(root.length + 1);
  const parts: string[] = [];
  for (const part of path.split('/')) {
    const last = parts.at(-1);
    if (part === '..' && last !== undefined && last !== '..' && last !== '') parts.pop();
    else if (part !== '.' && (part !== '' || parts.length === 0)) parts.push(part);
  }
  return parts.join('/');
}

/** @param reader behind the length @returns undefined for a version that is not known */
function readUnit(reader: Reader): Unit | undefined {
  const version = reader.u16();
  if (version < 2 || version > 5) return undefined;
  if (version >= 5) reader.at += 2; // sizes of addresses and segment selectors
  const length = reader.u32();
  const start = reader.at + length;
  const minInstruction = reader.u8();
  if (version >= 4) reader.at += 1; // operations per instruction
  reader.at += 1; // default of is_stmt
  const lineBase = (reader.u8() << 24) >> 24;
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || opcodeBase === 0) throw new RangeError('damaged header');
  const operands = [0, ...Array.from({ length: opcodeBase - 1 }, () => reader.u8())];
  const { at: tables, end } = reader;
  return { version, minInstruction, lineBase, lineRange, opcodeBase, operands, tables, start, end };
}

/** @throws RangeError behind the end */
class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #little: boolean;

  constructor(
    bytes: Uint8Array,
    bigEndian: boolean,
    public at: number,
    readonly end: number,
  ) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, end);
    this.#little = !bigEndian;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  u8(): number {
    return this.#view.getUint8(this.at++);
  }

  u16(): number {
    this.at += 2;
    return this.#view.getUint16(this.at - 2, this.#little);
  }

  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, this.#little);
  }

  /** Numbers of 7 bits a byte, the lowest first; those beyond 32 bits are cut. */
  uleb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  sleb(): number {
    let value = 0;
    for (let shift = 0; ;) {
      const byte = this.u8();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) return byte & 0x40 && shift < 32 ? value | (-1 << shift) : value;
    }
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.at);
    if (end < 0 || end >= this.end) throw new RangeError('a string without an end');
    const text = latin1(this.#bytes.subarray(this.at, end));
    this.at = end + 1;
    return text;
  }
}
