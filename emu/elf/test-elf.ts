// Small ELF files for tests.

const HEADER = 52;
const PROGRAM_HEADER = 32;
const SECTION_HEADER = 40;

export interface TestElf {
  readonly bigEndian: boolean;
  readonly entry: number;
  readonly segments: readonly { address: number; loadAddress?: number; bytes: Uint8Array; memorySize: number }[];
  /** Functions; without any the file has no sections. */
  readonly symbols?: readonly (readonly [name: string, address: number])[];
  /** e_machine, default MIPS. */
  readonly machine?: number;
  /** e_type, default executable. */
  readonly type?: number;
  /** e_flags, default MIPS32 release 2, o32. */
  readonly flags?: number;
}

/** A 32-bit ELF file: headers, segment contents, symbol table, strings, section headers. */
export function makeElf(elf: TestElf): Uint8Array {
  const { segments, symbols = [] } = elf;
  const little = !elf.bigEndian;
  const names = ['', ...symbols.map(([name]) => name)].join('\0') + '\0';
  let at = HEADER + PROGRAM_HEADER * segments.length;
  const offsets = segments.map(({ bytes }) => (at += bytes.length) - bytes.length);
  const symtab = at;
  const strtab = symtab + 16 * (symbols.length + 1);
  const sections = strtab + names.length;
  const count = symbols.length > 0 ? 3 : 0;
  const file = new Uint8Array(sections + SECTION_HEADER * count);
  const view = new DataView(file.buffer);
  const words = (offset: number, values: readonly number[]) =>
    values.forEach((value, i) => view.setUint32(offset + 4 * i, value, little));
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, little ? 1 : 2, 1]);
  view.setUint16(16, elf.type ?? 2, little);
  view.setUint16(18, elf.machine ?? 8, little);
  words(20, [1, elf.entry, HEADER, count > 0 ? sections : 0, elf.flags ?? 0x7000_1001]);
  [HEADER, PROGRAM_HEADER, segments.length, SECTION_HEADER, count, 0].forEach((half, i) =>
    view.setUint16(40 + 2 * i, half, little),
  );
  segments.forEach(({ address, loadAddress = address, bytes, memorySize }, i) => {
    words(HEADER + PROGRAM_HEADER * i, [1, offsets[i], address, loadAddress, bytes.length, memorySize, 7, 1]);
    file.set(bytes, offsets[i]);
  });
  let nameAt = 1;
  symbols.forEach(([name, address], i) => {
    const entry = symtab + 16 * (i + 1);
    words(entry, [nameAt, address, 0]);
    file[entry + 12] = 0x12; // global function
    view.setUint16(entry + 14, 1, little);
    nameAt += name.length + 1;
  });
  file.set(new TextEncoder().encode(names), strtab);
  if (count > 0) {
    words(sections + SECTION_HEADER, [0, 2, 0, 0, symtab, strtab - symtab, 2, 1, 4, 16]);
    words(sections + 2 * SECTION_HEADER, [0, 3, 0, 0, strtab, names.length, 0, 0, 1, 0]);
  }
  return file;
}
