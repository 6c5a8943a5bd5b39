// The guest image with everything known about it: the file, its symbols, its line table.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
import { type ElfImage, parseElf } from './elf.js';
import { LineTable } from './line-table.js';
import { SymbolTable } from './symbols.js';

export interface GuestImage {
  readonly file: string;
  readonly elf: ElfImage;
  readonly symbols: SymbolTable;
  /** Empty when the image has no `.lines` file beside it. */
  readonly lines: LineTable;
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
  const linesFile = path.join(path.dirname(file), `${path.basename(file, path.extname(file))}.lines`);
  const image: GuestImage = {
    file,
    elf,
    symbols: new SymbolTable(elf, file),
    lines: new LineTable(fs.existsSync(linesFile) ? fs.readFileSync(linesFile, 'utf8') : '', linesFile),
  };
  loaded.set(file, image);
  return image;
}
