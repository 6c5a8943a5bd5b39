import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../errors.js';
import { ScsiDisk, type ScsiResult } from '../megaraid/scsi-disk.js';
import { openDrives } from './drives.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'drives-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A file of `bytes` bytes in which block n is filled with n. */
function image(name: string, bytes: number): string {
  const file = path.join(folder, name);
  fs.writeFileSync(
    file,
    Uint8Array.from({ length: bytes }, (_, i) => i >> 9),
  );
  return file;
}

function disk(option: string): { disk: ScsiDisk; close: () => void } {
  const { drives, close } = openDrives([option], 1);
  return { disk: new ScsiDisk(0, drives[0].medium), close };
}

function read(target: ScsiDisk, lba: number, count = 1): ScsiResult {
  return target.read(lba, count, count * 512);
}

function firstBytes(result: ScsiResult): number[] {
  if (!('data' in result)) throw new Error(`sense ${JSON.stringify(result.sense)}`);
  return Array.from({ length: result.data.length / 512 }, (_, i) => result.data[512 * i]);
}

function sense(result: ScsiResult): number[] {
  if (!('sense' in result)) throw new Error('no sense');
  return [result.sense.key, result.sense.asc, result.sense.ascq];
}

const filled = (value: number) => (length: number) => new Uint8Array(length).fill(value);

/** Runs a command that has no data in either direction or some coming in. */
function command(target: ScsiDisk, cdb: number[]): ScsiResult {
  return target.execute(0, Uint8Array.of(...cdb, ...new Array<number>(16 - cdb.length).fill(0)), 512, filled(0));
}

describe('an image', () => {
  test('is read block by block, across what is read ahead', () => {
    const { disk: target, close } = disk(image('large', 300 * 512));
    expect(target.blocks).toBe(300);
    expect(firstBytes(read(target, 0))).toEqual([0]);
    expect(firstBytes(read(target, 126, 4))).toEqual([126, 127, 128, 129]);
    expect(firstBytes(read(target, 299))).toEqual([299 & 0xff]);
    expect(firstBytes(read(target, 3))).toEqual([3]);
    expect(sense(read(target, 299, 2))).toEqual([5, 0x21, 0]);
    close();
  });

  test('is copied on write: the guest reads back what it wrote, the file stays', () => {
    const file = image('cow', 8 * 512);
    const before = fs.readFileSync(file);
    const { disk: target, close } = disk(file);
    expect(target.write(3, 2, filled(0xee))).toEqual({ data: new Uint8Array(0) });
    expect(firstBytes(read(target, 2, 4))).toEqual([2, 0xee, 0xee, 5]);
    expect(sense(target.write(7, 2, filled(1)))).toEqual([5, 0x21, 0]);
    expect(firstBytes(read(target, 7))).toEqual([7]);
    close();
    expect(fs.readFileSync(file)).toEqual(before);
    expect(target.traffic).toEqual({ reads: 2, writes: 1, blocksRead: 5, blocksWritten: 2 });
  });

  test('is written through with rw', () => {
    const file = image('rw', 8 * 512);
    const { disk: target, close } = disk(`${file},rw`);
    expect(firstBytes(read(target, 0, 8))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    target.write(3, 1, filled(0xee));
    expect(firstBytes(read(target, 2, 3))).toEqual([2, 0xee, 4]);
    close();
    const after = fs.readFileSync(file);
    expect(after).toHaveLength(8 * 512);
    expect(Array.from({ length: 8 }, (_, i) => after[512 * i])).toEqual([0, 1, 2, 0xee, 4, 5, 6, 7]);
  });

  test('is write protected with ro, and says so', () => {
    const { disk: target, close } = disk(`${image('ro', 1024)},ro`);
    expect(sense(target.write(0, 1, filled(1)))).toEqual([7, 0x27, 0]);
    const modes = command(target, [0x1a, 0, 0x3f, 0, 255]);
    expect('data' in modes && modes.data[2]).toBe(0x80);
    close();
  });

  test('whose size is no multiple of 512 has a last block filled up with zeros', () => {
    const { disk: target, close } = disk(image('odd', 1025));
    expect(target.blocks).toBe(3);
    const last = read(target, 2);
    expect('data' in last && [...last.data.subarray(0, 3)]).toEqual([2, 0, 0]);
    close();
  });

  test('that is cut short while it is in use gives an unrecovered read error', () => {
    const file = image('cut', 400 * 512);
    const { disk: target, close } = disk(file);
    fs.truncateSync(file, 512);
    expect(sense(read(target, 300))).toEqual([3, 0x11, 0]);
    close();
  });

  test('may have a comma in its name', () => {
    image('a,b', 512);
    const { disk: target, close } = disk(`${path.join(folder, 'a,,b')},ro`);
    expect(target.blocks).toBe(1);
    close();
  });
});

test('a size makes a blank disk', () => {
  const { disk: target } = disk('8M');
  expect(target.blocks).toBe(16384);
  expect(firstBytes(read(target, 16383))).toEqual([0]);
  target.write(5, 1, filled(9));
  expect(firstBytes(read(target, 4, 3))).toEqual([0, 9, 0]);
  expect(openDrives(['512K', '1G'], 1).drives.map(({ medium }) => medium!.blocks)).toEqual([1024, 2 ** 21]);
});

test('an empty drive is there and has no medium', () => {
  const { disk: target } = disk('none');
  expect(sense(read(target, 0))).toEqual([2, 0x3a, 0]);
  expect(sense(target.write(0, 1, filled(1)))).toEqual([2, 0x3a, 0]);
  for (const opcode of [0x00, 0x25, 0x28]) expect(sense(command(target, [opcode]))).toEqual([2, 0x3a, 0]);
  const inquiry = command(target, [0x12, 0, 0, 0, 36]);
  expect('data' in inquiry && [...inquiry.data.subarray(0, 2)]).toEqual([0x00, 0x80]);
});

test('drives hang on the first controller unless told otherwise, in their order', () => {
  const { drives } = openDrives(['8M', '1M,controller=2', '2M,controller=0'], 3);
  expect(drives.map(({ controller, medium }) => [controller, medium!.blocks])).toEqual([
    [0, 16384],
    [2, 2048],
    [0, 4096],
  ]);
});

describe('what cannot be is one line', () => {
  test.each([
    ['/no/such/file', /there is no such file/],
    [folder, /it is a directory/],
    ['/dev/null', /not a regular file/],
    ['', /is missing/],
    [',rw', /is missing/],
    ['8M,rw', /blank disk has no file/],
    ['0M', /1K to 16T/],
    ['99999T', /1K to 16T/],
    ['8M,controller=1', /no controller 1: the board has 1/],
    ['8M,cache=none', /'cache=none' is not known/],
    ['8M,controller=x', /'controller=x' is not known/],
    ['8M,ro,rw', /one choice/],
    ['none,rw', /an empty drive is not rw/],
  ])('%s', (option, message) => {
    expect(() => openDrives([option], 1)).toThrow(UsageError);
    expect(() => openDrives([option], 1)).toThrow(message);
    expect(() => openDrives([option], 1)).toThrow(/^--drive [^\n]*$/);
  });

  test('empty files, odd sizes with rw, one file written twice, too many disks, no controller', () => {
    const empty = path.join(folder, 'empty');
    fs.writeFileSync(empty, '');
    expect(() => openDrives([empty], 1)).toThrow(/the file is empty/);
    expect(() => openDrives([`${image('odd2', 513)},rw`], 1)).toThrow(/513 bytes, is no multiple of 512/);
    const file = image('twice', 512);
    expect(() => openDrives([file, `${file},rw`], 1)).toThrow(/same file/);
    expect(() => openDrives([`${file},rw`, file], 1)).toThrow(/same file/);
    const { drives, close } = openDrives([file, file], 1);
    expect(drives).toHaveLength(2);
    close();
    expect(() => openDrives(new Array<string>(9).fill('1M'), 1)).toThrow(/8 disks/);
    expect(() => openDrives(['1M'], 0)).toThrow(/--controllers 1/);
  });
});
