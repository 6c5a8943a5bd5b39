// The guest image with everything known about it: the file, its symbols, its tables of source lines and structures.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
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

const loaded = new Map<string, GuestImage>();

/** Reads `file` and the line table beside it, once per process. @throws UsageError when it cannot be read or parsed */
export function loadImage(file: string): GuestImage {
  const known = loaded.get(file);
  if (known) return known;
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(fs.readFileSync(file)); // not a Buffer: its slice() would share
  } catch (error) {
    throw new UsageError(`cannot read the guest image ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  const elf = parseElf(bytes, file);
  const stem = path.join(path.dirname(file), path.basename(file, path.extname(file)));
  const beside = (extension: string): [text: string, source: string] => {
    const table = `${stem}.${extension}`;
    return [fs.existsSync(table) ? fs.readFileSync(table, 'utf8') : '', table];
  };
  const image: GuestImage = {
    file,
    elf,
    symbols: new SymbolTable(elf, file),
    lines: new LineTable(...beside('lines')),
    types: new TypeTable(...beside('types')),
  };
  loaded.set(file, image);
  return image;
}
