// A kernel in the cache: its files, and what it is, in a folder that appears whole or not at all.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { cacheDir } from '../../emu/unicorn/cache-dir.js';
import { UsageError } from '../errors.js';

/** What `kernel.json` says, and `--json` prints. */
export interface KeptKernel {
  /** Linux's version as the kernel prints it. */
  readonly version: string;
  /** Debian's package, and its version. */
  readonly package: string;
  readonly packageVersion: string;
  readonly byteOrder: 'big' | 'little';
  /** Bytes. */
  readonly pageSize: number;
  /** Modules that init loads, in order. */
  readonly modules: readonly string[];
  /** Deviations from the package's source. */
  readonly changes: readonly string[];
  /** By name in the folder, SHA-256 in hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
  /** In `files`. */
  readonly kernel: string;
  readonly initrd: string;
}

const DESCRIPTION = 'kernel.json';

/** Where kernels are kept unless --cache says otherwise. */
export const defaultCache = (): string => path.join(cacheDir(), 'kernels');

export function sha256(bytes: Uint8Array): string {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

/** The kernel in `folder`, or undefined when there is none or a file of it is not what it was. */
export function keptKernel(folder: string): KeptKernel | undefined {
  try {
    const kernel = JSON.parse(fs.readFileSync(path.join(folder, DESCRIPTION), 'utf8')) as KeptKernel;
    for (const [name, sum] of Object.entries(kernel.files))
      if (sha256(fs.readFileSync(path.join(folder, name))) !== sum) return undefined;
    return kernel;
  } catch {
    return undefined;
  }
}

/** Puts `files` and the description into `folder`, replacing what was there. */
export function keepKernel(
  folder: string,
  description: Omit<KeptKernel, 'files'>,
  files: Readonly<Record<string, Uint8Array>>,
): KeptKernel {
  const kernel: KeptKernel = {
    ...description,
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
  };
  const unfinished = `${folder}.${process.pid}`;
  fs.mkdirSync(unfinished, { recursive: true });
  try {
    for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(path.join(unfinished, name), bytes);
    fs.writeFileSync(path.join(unfinished, DESCRIPTION), `${JSON.stringify(kernel, null, 2)}\n`);
    fs.rmSync(folder, { recursive: true, force: true });
    fs.renameSync(unfinished, folder);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true, force: true });
    throw new UsageError(`${folder}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
  return kernel;
}

/** The command line that runs it, with three controllers and four disks. */
export function runCommand(folder: string, { kernel, initrd }: KeptKernel): string[] {
  const at = (name: string): string => {
    const file = path.resolve(folder, name);
    const near = path.relative('', file);
    return near.startsWith('..') ? file : near;
  };
  return [
    ...['percpu-malta', 'run', at(kernel), '--initrd', at(initrd), '--append', 'console=ttyS0', '--controllers', '3'],
    ...Array.from({ length: 4 }, () => ['--drive', '8M']).flat(),
  ];
}
