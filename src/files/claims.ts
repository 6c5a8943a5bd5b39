// Which files this process reads and writes: no output may go where another goes, or onto what is read.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';

interface Claim {
  /** The option, or '' for an argument. */
  readonly flag: string;
  /** A path, or the descriptor of a standard stream. */
  readonly file: string | number;
}

const inputs: Claim[] = [];
const outputs: Claim[] = [];
const STANDARD: readonly Claim[] = [
  { flag: 'standard output', file: 1 },
  { flag: 'standard error', file: 2 },
];

/** What names a file as it is now, whatever leads to it: device and inode, or the folder's and the name of one that is not there yet. */
function identity(file: string | number): string | undefined {
  try {
    const stat = typeof file === 'number' ? fs.fstatSync(file, { bigint: true }) : fs.statSync(file, { bigint: true });
    // Pipes and devices are nobody's.
    return stat.isFile() ? `${stat.dev}:${stat.ino}` : undefined;
  } catch {
    if (typeof file === 'number') return undefined;
    const folder = fs.statSync(path.dirname(file), { throwIfNoEntry: false, bigint: true });
    return `${folder ? `${folder.dev}:${folder.ino}` : path.dirname(file)}/${path.basename(file)}`;
  }
}

/** Of what is read: a path or, for standard input, 0. @throws UsageError when an output of this process goes there */
export function claimInput(file: string | number, flag: string, name: string): void {
  const other = holder(outputs, identity(file));
  if (other) throw clash(name, flag, `${other.flag} writes there already`);
  inputs.push({ flag, file });
}

/** @throws UsageError when an input or output of this process is that file, or its standard output or error goes there */
export function claimOutput(file: string, flag: string, name: string): void {
  const id = identity(file);
  const writer = holder([...outputs, ...STANDARD], id);
  if (writer) throw clash(name, flag, `${writer.flag} writes there already`);
  const reader = holder(inputs, id);
  if (reader) throw clash(name, flag, `${reader.flag || 'this command'} reads that file; give another name`);
  outputs.push({ flag, file });
}

function holder(claims: readonly Claim[], id: string | undefined): Claim | undefined {
  return id === undefined ? undefined : claims.find(({ file }) => identity(file) === id);
}

function clash(name: string, flag: string, why: string): UsageError {
  return new UsageError(`${flag === '' ? name : `${flag} ${name}`}: ${why}`);
}
