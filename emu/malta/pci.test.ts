import { describe, expect, test } from 'vitest';
import { swap32 } from './byte-order.js';
import { Gt64120 } from './gt64120.js';
import { PciBus, type PciDevice } from './pci.js';

const CFGADDR = 0xcf8;
const CFGDATA = 0xcfc;
const INTRCAUSE = 0xc18;

/** Configuration cycles as a big-endian Linux does them: the address swapped, the data not, but for the bridge itself. */
function config(gt: Gt64120, slot: number, register: number, value?: number): number {
  gt.write(CFGADDR, 4, swap32((0x8000_0000 | (slot << 11) | register) >>> 0));
  const order = slot === 0 ? swap32 : (v: number) => v;
  if (value !== undefined) gt.write(CFGDATA, 4, order(value >>> 0));
  return order(gt.read(CFGDATA, 4));
}

function board() {
  const log: [bar: number, offset: number, size: number, value: number][] = [];
  const device: PciDevice = {
    header: {
      vendor: 0x1000,
      device: 0x0060,
      classCode: 0x01_0400,
      revision: 4,
      subsystemVendor: 0x1000,
      subsystem: 0x1013,
      interruptPin: 1,
      bars: [
        { kind: 'memory', size: 0x4000, is64: true },
        undefined,
        { kind: 'io', size: 0x100 },
        { kind: 'memory', size: 0x40000, is64: true },
      ],
    },
    read: (bar, offset, size) => (0x11223300 + bar * 16 + offset) & (size === 4 ? -1 : 0xffff),
    write: (...access) => log.push(access),
  };
  const bus = new PciBus();
  const gt = new Gt64120(bus, true);
  bus.add(0x14, device);
  return { bus, gt, log };
}

describe('configuration space', () => {
  test('shows the bridge at 00:00.0 and the device at 00:14.0', () => {
    const { gt } = board();
    expect(config(gt, 0, 0)).toBe(0x4620_11ab);
    expect(config(gt, 0x14, 0)).toBe(0x0060_1000);
    expect(config(gt, 0x14, 8)).toBe(0x0104_0004);
    expect(config(gt, 0x14, 0x2c)).toBe(0x1013_1000);
    expect(config(gt, 0x14, 0x3c)).toBe(0x0100);
    expect(config(gt, 0x14, 0x3c, 0xff0b)).toBe(0x010b);
  });

  test('an empty slot gives all ones and a master abort that software clears', () => {
    const { gt } = board();
    config(gt, 0x14, 0);
    expect(gt.read(INTRCAUSE, 4)).toBe(0);
    expect(config(gt, 0x15, 0)).toBe(0xffff_ffff);
    expect(swap32(gt.read(INTRCAUSE, 4))).toBe(1 << 18);
    gt.write(INTRCAUSE, 4, 0);
    expect(gt.read(INTRCAUSE, 4)).toBe(0);
  });

  test('BARs are measured by writing ones', () => {
    const { gt } = board();
    const sizes = [0, 1, 2, 3, 4, 5].map((bar) => config(gt, 0x14, 0x10 + 4 * bar, 0xffff_ffff));
    expect(sizes).toEqual([0xffff_c004, 0xffff_ffff, 0xffff_ff01, 0xfffc_0004, 0xffff_ffff, 0]);
  });

  test('a slot is taken once', () => {
    const { bus } = board();
    expect(() => bus.add(0x14, { header: { bars: [] } as never, read: () => 0, write: () => {} })).toThrow('taken');
  });
});

describe('windows', () => {
  test('decode BARs only where enabled', () => {
    const { bus, gt, log } = board();
    config(gt, 0x14, 0x10, 0x1004_0000);
    config(gt, 0x14, 0x14, 0);
    config(gt, 0x14, 0x18, 0x1000);
    expect(bus.read('memory', 0x1004_0008, 4)).toBe(0xffff_ffff);
    config(gt, 0x14, 4, 2);
    expect(bus.read('memory', 0x1004_0008, 4)).toBe(0x1122_3308);
    expect(bus.read('memory', 0x1004_0002, 2)).toBe(0x3302);
    expect(bus.read('memory', 0x1004_4000, 4)).toBe(0xffff_ffff);
    expect(bus.read('io', 0x1004, 4)).toBe(0xffff_ffff);
    config(gt, 0x14, 4, 3);
    expect(bus.read('io', 0x1004, 4)).toBe(0x1122_3324);
    bus.write('memory', 0x1004_3ffc, 4, 1);
    bus.write('io', 0x1001, 1, 0xab);
    expect(log).toEqual([
      [0, 0x3ffc, 4, 1],
      [2, 1, 1, 0xab],
    ]);
  });

  test('a 64-bit BAR above 4 GB decodes nothing here', () => {
    const { bus, gt } = board();
    config(gt, 0x14, 4, 2);
    config(gt, 0x14, 0x10, 0x1004_0000);
    config(gt, 0x14, 0x14, 1);
    expect(bus.read('memory', 0x1004_0008, 4)).toBe(0xffff_ffff);
  });
});
