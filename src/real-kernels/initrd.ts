// The initial RAM disk: our init (emu/inits), the modules it loads, a console to print on.
import fs from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../emu/unicorn/package-root.js';
import { type ArchiveEntry, cpioArchive } from './cpio.js';
import type { ModuleFile } from './kernel-module.js';

export type ByteOrder = 'big' | 'little';

/** A cpio archive for `--initrd`. @param modules loaded by init in this order */
export function initialRamDisk(byteOrder: ByteOrder, modules: readonly ModuleFile[]): Uint8Array {
  const init = path.join(packageRoot(), 'fixtures/inits', byteOrder === 'big' ? 'init-be' : 'init-le');
  const entries: ArchiveEntry[] = [
    { name: 'dev', type: 'directory' },
    { name: 'dev/console', type: 'character device', major: 5, minor: 1 },
    { name: 'proc', type: 'directory' },
    { name: 'init', type: 'file', contents: fs.readFileSync(init), executable: true },
  ];
  if (modules.length > 0) {
    const list = modules.map(({ name }) => `/${name}.ko\n`).join('');
    entries.push({ name: 'modules', type: 'file', contents: Buffer.from(list) });
    for (const { name, file } of modules)
      entries.push({ name: `${name}.ko`, type: 'file', contents: fs.readFileSync(file) });
  }
  return cpioArchive(entries);
}
