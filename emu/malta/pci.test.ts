import { describe, expect, test } from 'vitest';
import { PciBus, type PciDevice } from './pci.js';

const CFGADDR = 0xcf8;
const CFGDATA = 0xcfc;
const INTRCAUSE = 0xc18;

const swap = (v: number) => ((v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24)) >>> 0;

/** Configuration cycles as a big-endian Linux does them: the address swapped, the data not, but for the bridge itself. */
function config(bus: PciBus, slot: number, register: number, value?: number): number {
  bus.writeController(CFGADDR, swap((0x8000_0000 | (slot << 11) | register) >>> 0));
  const order = slot === 0 ? swap : (v: number) => v;
  if (value !== undefined) bus.writeController(CFGDATA, order(value >>> 0));
  return order(bus.readController(CFGDATA));
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
  bus.add(0x14, device);
  return { bus, log };
}

describe('configuration space', () => {
  test('shows the bridge at 00:00.0 and the device at 00:14.0', () => {
    const { bus } = board();
    expect(config(bus, 0, 0)).toBe(0x4620_11ab);
    expect(config(bus, 0x14, 0)).toBe(0x0060_1000);
    expect(config(bus, 0x14, 8)).toBe(0x0104_0004);
    expect(config(bus, 0x14, 0x2c)).toBe(0x1013_1000);
    expect(config(bus, 0x14, 0x3c)).toBe(0x0100);
    expect(config(bus, 0x14, 0x3c, 0xff0b)).toBe(0x010b);
  });

  test('an empty slot gives all ones and a master abort that software clears', () => {
    const { bus } = board();
    config(bus, 0x14, 0);
    expect(bus.readController(INTRCAUSE)).toBe(0);
    expect(config(bus, 0x15, 0)).toBe(0xffff_ffff);
    expect(swap(bus.readController(INTRCAUSE))).toBe(1 << 18);
    bus.writeController(INTRCAUSE, 0);
    expect(bus.readController(INTRCAUSE)).toBe(0);
  });

  test('BARs are measured by writing ones', () => {
    const { bus } = board();
    const sizes = [0, 1, 2, 3, 4, 5].map((bar) => config(bus, 0x14, 0x10 + 4 * bar, 0xffff_ffff));
    expect(sizes).toEqual([0xffff_c004, 0xffff_ffff, 0xffff_ff01, 0xfffc_0004, 0xffff_ffff, 0]);
  });

  test('a slot is taken once', () => {
    const { bus } = board();
    expect(() => bus.add(0x14, { header: { bars: [] } as never, read: () => 0, write: () => {} })).toThrow('taken');
  });
});

describe('windows', () => {
  test('decode BARs only where enabled, and swap bytes', () => {
    const { bus, log } = board();
    config(bus, 0x14, 0x10, 0x1004_0000);
    config(bus, 0x14, 0x14, 0);
    config(bus, 0x14, 0x18, 0x1000);
    expect(bus.read('memory', 0x1004_0008, 4)).toBe(0xffff_ffff);
    config(bus, 0x14, 4, 2);
    expect(bus.read('memory', 0x1004_0008, 4)).toBe(swap(0x1122_3308));
    expect(bus.read('memory', 0x1004_0002, 2)).toBe(0x0233);
    expect(bus.read('memory', 0x1004_4000, 4)).toBe(0xffff_ffff);
    expect(bus.read('io', 0x1004, 4)).toBe(0xffff_ffff);
    config(bus, 0x14, 4, 3);
    expect(bus.read('io', 0x1004, 4)).toBe(swap(0x1122_3324));
    bus.write('memory', 0x1004_3ffc, 4, 0x0100_0000);
    bus.write('io', 0x1001, 1, 0xab);
    expect(log).toEqual([
      [0, 0x3ffc, 4, 1],
      [2, 1, 1, 0xab],
    ]);
  });

  test('a 64-bit BAR above 4 GB decodes nothing here', () => {
    const { bus } = board();
    config(bus, 0x14, 4, 2);
    config(bus, 0x14, 0x10, 0x1004_0000);
    config(bus, 0x14, 0x14, 1);
    expect(bus.read('memory', 0x1004_0008, 4)).toBe(0xffff_ffff);
  });
});
