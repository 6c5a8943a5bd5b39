// Kernels and initial RAM disks out of files, for Node; gzip is taken off without a word.
import fs from 'node:fs';
import zlib from 'node:zlib';
import { UsageError } from '../errors.js';
import { type KernelImage, parseKernel } from './kernel-image.js';

/** More than fits into the board's RAM many times over. */
const MAX_BYTES = 512 * 2 ** 20;

/** @throws UsageError in one line */
export function readKernel(file: string): KernelImage {
  let bytes = readRegularFile(file, 'kernel');
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzip(bytes, file);
  return parseKernel(bytes, file);
}

/** The file as it is: kernels unpack their initrd themselves. @throws UsageError in one line */
export function readInitrd(file: string): Uint8Array {
  const bytes = readRegularFile(file, 'initrd');
  if (bytes.length === 0) throw new UsageError(`${file}: the initrd is empty`);
  return bytes;
}

function gunzip(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return plain(zlib.gunzipSync(bytes, { maxOutputLength: MAX_BYTES }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what =
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `it unpacks to more than ${MAX_BYTES / 2 ** 20} MB`
        : 'its gzip data is cut short or damaged';
    throw new UsageError(`${file}: not a kernel for this board: ${what}`);
  }
}

function readRegularFile(file: string, what: string): Uint8Array {
  const bad = (why: string) => new UsageError(`cannot read the ${what} ${file}: ${why}`);
  try {
    const stat = fs.statSync(file);
    if (stat.isDirectory()) throw bad('it is a directory');
    if (!stat.isFile()) throw bad('it is not a regular file');
    if (stat.size > MAX_BYTES) throw bad(`it is larger than ${MAX_BYTES / 2 ** 20} MB`);
    return plain(fs.readFileSync(file));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw bad(code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'no permission' : `${code}`);
  }
}

/** The same bytes, not as a Buffer, whose slice() would share. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
