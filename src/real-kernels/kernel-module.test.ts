import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { moduleDependencies, modulesToLoad } from './kernel-module.js';

/** An ELF file with nothing but a .modinfo section. */
function module(info: string, little = true): Buffer {
  const names = '\0.modinfo\0.shstrtab\0';
  const modinfo = Buffer.from(`license=GPL\0depends=${info}\0name=x\0`);
  const bytes = Buffer.alloc(52 + 3 * 40 + names.length + modinfo.length);
  const [put32, put16] = little
    ? [bytes.writeUInt32LE.bind(bytes), bytes.writeUInt16LE.bind(bytes)]
    : [bytes.writeUInt32BE.bind(bytes), bytes.writeUInt16BE.bind(bytes)];
  bytes.write('\x7fELF\x01', 'latin1');
  bytes[5] = little ? 1 : 2;
  put32(52, 32); // section headers
  put16(40, 46);
  put16(3, 48);
  put16(2, 50);
  const text = 52 + 3 * 40;
  const section = (index: number, name: number, offset: number, size: number) => {
    put32(name, 52 + index * 40);
    put32(offset, 52 + index * 40 + 16);
    put32(size, 52 + index * 40 + 20);
  };
  section(1, 1, text + names.length, modinfo.length);
  section(2, 10, text, names.length);
  bytes.write(names, text, 'latin1');
  modinfo.copy(bytes, text + names.length);
  return bytes;
}

describe('what a module needs', () => {
  it.each([true, false])('stands in its .modinfo (little endian: %s)', (little) => {
    expect(moduleDependencies(module('scsi_mod,raid-class', little), 'x.ko')).toEqual(['scsi_mod', 'raid-class']);
    expect(moduleDependencies(module('', little), 'x.ko')).toEqual([]);
  });

  it('is asked of modules only', () => {
    const message = /^x\.ko: not a 32-bit kernel module$/;
    expect(() => moduleDependencies(Buffer.from('no ELF'), 'x.ko')).toThrow(message);
    const whole = module('a');
    for (let length = 0; length < whole.length - 1; length += 7)
      expect(() => moduleDependencies(whole.subarray(0, length), 'x.ko')).toThrow(message);
  });
});

describe('modules to load', () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'modules-'));
    fs.mkdirSync(path.join(folder, 'kernel/drivers'), { recursive: true });
  });
  afterEach(() => fs.rmSync(folder, { recursive: true }));
  const put = (name: string, depends: string) =>
    fs.writeFileSync(path.join(folder, 'kernel/drivers', name), module(depends));

  it('come after what they need, once each; built-in ones need no file', () => {
    put('megaraid_sas.ko', 'raid_class,scsi_mod,scsi_common');
    put('raid-class.ko', 'scsi_common');
    put('scsi_common.ko', '');
    fs.writeFileSync(path.join(folder, 'modules.builtin'), 'kernel/drivers/scsi/scsi_mod.ko\n');
    expect(modulesToLoad(folder, 'megaraid_sas').map(({ name }) => name)).toEqual([
      'scsi_common',
      'raid_class',
      'megaraid_sas',
    ]);
  });

  it('that are nowhere or compressed end in one line', () => {
    put('a.ko', 'b');
    expect(() => modulesToLoad(folder, 'a')).toThrow(/no module b, which a needs/);
    put('b.ko.xz', '');
    expect(() => modulesToLoad(folder, 'a')).toThrow(/b\.ko\.xz: compressed modules cannot be read/);
  });
});
