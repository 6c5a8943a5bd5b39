import { describe, expect, it } from 'vitest';
import type { ScsiDisk, ScsiResult } from './scsi-disk.js';
import { syntheticDisk } from './test-driver.js';

const none = (): Uint8Array => new Uint8Array(0);

function run(disk: ScsiDisk, cdb: number[], limit = 4096, lun = 0): ScsiResult {
  const padded = new Uint8Array(16);
  padded.set(cdb);
  return disk.execute(lun, padded, limit, none);
}

function data(result: ScsiResult): number[] {
  if (!('data' in result)) throw new Error(`sense ${JSON.stringify(result.sense)}`);
  return [...result.data];
}

function sense(result: ScsiResult): number[] {
  if (!('sense' in result)) throw new Error('no sense');
  return [result.sense.key, result.sense.asc, result.sense.ascq];
}

describe('a disk', () => {
  const disk = syntheticDisk(0);

  it('has 49152 blocks of 512 bytes in both READ CAPACITY commands', () => {
    expect(data(run(disk, [0x25]))).toEqual([0, 0, 0xbf, 0xff, 0, 0, 2, 0]);
    const long = data(run(disk, [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32]));
    expect(long.slice(0, 12)).toEqual([0, 0, 0, 0, 0, 0, 0xbf, 0xff, 0, 0, 2, 0]);
    expect(long.length).toBe(32);
  });

  it('shows the mode sense header the console prints: 63 00 00 08', () => {
    expect(data(run(disk, [0x1a, 0, 0x3f, 0, 4]))).toEqual([0x63, 0, 0, 8]);
    expect(data(run(disk, [0x1a, 0, 0x3f, 0, 255])).length).toBe(0x64);
  });

  it('has its write cache on and no DPO or FUA', () => {
    const page = data(run(disk, [0x1a, 0, 0x08, 0, 255]));
    expect(page.slice(0, 4)).toEqual([31, 0, 0, 8]);
    expect(page.slice(12, 15)).toEqual([0x08, 18, 0x04]);
    expect(data(run(disk, [0x1a, 0x08, 0x08, 0, 255])).length).toBe(4 + 20); // without the block descriptor
    expect(data(run(disk, [0x5a, 0, 0x08, 0, 0, 0, 0, 0, 255])).slice(0, 8)).toEqual([0, 34, 0, 0, 0, 0, 0, 8]);
  });

  it('refuses saved mode pages and unknown ones', () => {
    expect(sense(run(disk, [0x1a, 0, 0xc8, 0, 255]))).toEqual([5, 0x39, 0]);
    expect(sense(run(disk, [0x1a, 0, 0x2a, 0, 255]))).toEqual([5, 0x24, 0]);
  });

  it('has the vital product data pages it lists, and no serial number', () => {
    const list = data(run(disk, [0x12, 1, 0, 0, 255]));
    expect(list).toEqual([0, 0, 0, 5, 0x00, 0x83, 0xb0, 0xb1, 0xb2]);
    for (const page of list.slice(4)) expect(data(run(disk, [0x12, 1, page, 0, 255]))[1]).toBe(page);
    expect(sense(run(disk, [0x12, 1, 0x80, 0, 255]))).toEqual([5, 0x24, 0]);
  });

  it('has logical unit 0 only', () => {
    expect(data(run(disk, [0xa0, 0, 0, 0, 0, 0, 0, 0, 16, 0]))).toEqual([0, 0, 0, 8, ...new Array(12).fill(0)]);
    expect(data(run(disk, [0x12, 0, 0, 0, 36], 4096, 1))[0]).toBe(0x7f);
    expect(sense(run(disk, [0x25], 4096, 1))).toEqual([5, 0x25, 0]);
  });

  it('clips data to allocation length and buffer', () => {
    expect(data(run(disk, [0x12, 0, 0, 0, 5])).length).toBe(5);
    expect(data(run(disk, [0x12, 0, 0, 0, 36], 7)).length).toBe(7);
  });

  it('reads with 6, 10, 12 and 16 byte commands alike', () => {
    const forms = [
      [0x08, 0, 0, 9, 2],
      [0x28, 0, 0, 0, 0, 9, 0, 0, 2],
      [0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2],
      [0x88, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2],
    ].map((cdb) => data(run(disk, cdb)));
    expect(forms[0].length).toBe(1024);
    for (const form of forms) expect(form).toEqual(forms[0]);
    expect(data(run(disk, [0x08, 0, 0, 9, 0], 1 << 20)).length).toBe(256 * 512);
    expect(
      sense(run(disk, [0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ).toEqual([5, 0x21, 0]);
  });

  it('has contents that depend on nothing but the drive and the block', () => {
    const again = syntheticDisk(0);
    const other = syntheticDisk(1);
    const cdb = [0x28, 0, 0, 0, 0x12, 0x34, 0, 0, 1];
    expect(data(run(disk, cdb))).toEqual(data(run(again, cdb)));
    expect(data(run(disk, cdb))).not.toEqual(data(run(other, cdb)));
  });

  it('does not write when the initiator offers less than a command says', () => {
    expect(sense(run(disk, [0x2a, 0, 0, 0, 0, 9, 0, 0, 2], 512))).toEqual([5, 0x24, 0]);
  });

  it('answers what it does not know with INVALID OPCODE', () => {
    expect(sense(run(disk, [0xff]))).toEqual([5, 0x20, 0]);
  });
});
