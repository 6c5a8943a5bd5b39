// What a Linux module says about itself: the .modinfo section of its ELF file, strings `name=value` (include/linux/module.h).
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';

/** Names of the modules that have to be loaded before `module`, in its own order. @throws UsageError for what is no module */
export function moduleDependencies(module: Uint8Array, source: string): string[] {
  const view = new DataView(module.buffer, module.byteOffset, module.byteLength);
  try {
    if (view.getUint32(0) !== 0x7f454c46 || module[4] !== 1) throw new RangeError();
    const little = module[5] === 1;
    const table = view.getUint32(32, little);
    const size = view.getUint16(46, little);
    const count = view.getUint16(48, little);
    const section = (index: number) => {
      const at = table + index * size;
      return {
        name: view.getUint32(at, little),
        offset: view.getUint32(at + 16, little),
        bytes: view.getUint32(at + 20, little),
      };
    };
    const names = section(view.getUint16(50, little));
    for (let i = 0; i < count; i++) {
      const { name, offset, bytes } = section(i);
      if (text(module, names.offset + name) !== '.modinfo') continue;
      if (offset + bytes > module.length) throw new RangeError();
      const strings = Buffer.from(module.subarray(offset, offset + bytes))
        .toString('latin1')
        .split('\0');
      const depends = strings.find((string) => string.startsWith('depends='))?.slice('depends='.length) ?? '';
      return depends.split(',').filter((word) => word !== '');
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new UsageError(`${source}: not a 32-bit kernel module`);
}

function text(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  if (at > bytes.length || end < 0) throw new RangeError();
  return Buffer.from(bytes.subarray(at, end)).toString('latin1');
}

/** A module's file and its name as the kernel has it. */
export interface ModuleFile {
  readonly name: string;
  readonly file: string;
}

/** `-` and `_` are the same letter in names of modules. */
const canonical = (name: string): string => name.replaceAll('-', '_');

/**
 * `wanted` and all that it needs from `folder` (lib/modules/VERSION), in the order in which they have to be loaded. Those built into the
 * kernel (modules.builtin) need no file.
 * @throws UsageError when one is nowhere, or comes compressed
 */
export function modulesToLoad(folder: string, wanted: string): ModuleFile[] {
  const files = new Map<string, string>();
  for (const entry of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const match = /^(.*)\.ko(\.\w+)?$/.exec(path.basename(entry));
    if (match) files.set(canonical(match[1]!), path.join(folder, entry));
  }
  const builtinList = path.join(folder, 'modules.builtin');
  const builtin = new Set(
    (fs.existsSync(builtinList) ? fs.readFileSync(builtinList, 'utf8').split('\n') : []).map((line) =>
      canonical(path.basename(line, '.ko')),
    ),
  );
  const order: ModuleFile[] = [];
  const seen = new Set<string>();
  const visit = (name: string, neededBy: string): void => {
    const key = canonical(name);
    if (seen.has(key) || (builtin.has(key) && !files.has(key))) return;
    seen.add(key);
    const file = files.get(key);
    if (file === undefined) throw new UsageError(`${folder}: no module ${name}, which ${neededBy} needs`);
    if (!file.endsWith('.ko')) throw new UsageError(`${file}: compressed modules cannot be read; unpack it first`);
    for (const needed of moduleDependencies(fs.readFileSync(file), file)) visit(needed, name);
    order.push({ name: key, file });
  };
  visit(wanted, 'the initial RAM disk');
  return order;
}
