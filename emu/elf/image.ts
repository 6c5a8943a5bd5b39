// The guest image with everything known about it: the file, its symbols, its tables of source lines and structures.
import { type ElfImage, parseElf } from './elf.js';
import { LineTable } from './line-table.js';
import { SymbolTable } from './symbols.js';
import { TypeTable } from './type-table.js';

export interface GuestImage {
  readonly file: string;
  readonly elf: ElfImage;
  readonly symbols: SymbolTable;
  /** Empty when the image has no `.lines` file beside it. */
  readonly lines: LineTable;
  /** Empty when the image has no `.types` file beside it. */
  readonly types: TypeTable;
}

/** @param lines text of its `.lines` file @param types of its `.types` file @throws UsageError when it cannot be parsed */
export function guestImage(file: string, bytes: Uint8Array, lines: string, types: string): GuestImage {
  const elf = parseElf(bytes, file);
  const stem = file.replace(/\.[^./\\]*$/, '');
  return {
    file,
    elf,
    symbols: new SymbolTable(elf, file),
    lines: new LineTable(lines, `${stem}.lines`),
    types: new TypeTable(types, `${stem}.types`),
  };
}
