// Reads the guest image and its tables from files.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
import { type GuestImage, guestImage } from './image.js';

const loaded = new Map<string, GuestImage>();

/** Reads `file` and the tables beside it, once per process. @throws UsageError when it cannot be read or parsed */
export function loadImage(file: string): GuestImage {
  const known = loaded.get(file);
  if (known) return known;
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(fs.readFileSync(file)); // not a Buffer: its slice() would share
  } catch (error) {
    throw new UsageError(`cannot read the guest image ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
  const stem = path.join(path.dirname(file), path.basename(file, path.extname(file)));
  const beside = (extension: string): string => {
    const table = `${stem}.${extension}`;
    return fs.existsSync(table) ? fs.readFileSync(table, 'utf8') : '';
  };
  const image = guestImage(file, bytes, beside('lines'), beside('types'));
  loaded.set(file, image);
  return image;
}
