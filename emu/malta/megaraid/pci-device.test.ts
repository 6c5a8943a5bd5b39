import { describe, expect, it } from 'vitest';
import { swap32 } from '../byte-order.js';
import { Gt64120 } from '../gt64120.js';
import { PciBus } from '../pci.js';
import { RamBusMaster } from './bus-master.js';
import { addMegaRaidControllers, FIRST_SLOT } from './pci-device.js';
import * as reg from './registers.js';

const CFGADDR = 0xcf8;
const CFGDATA = 0xcfc;

function machine(disks: number[], maxCommands?: number): { bus: PciBus; gt: Gt64120; lines: boolean[] } {
  const bus = new PciBus();
  const gt = new Gt64120(bus, true);
  const lines: boolean[] = [];
  addMegaRaidControllers(
    {
      pci: bus,
      bus: new RamBusMaster(() => new Uint8Array(4096)),
      schedule: (_delay, run) => run(),
      setInterrupt: (index, asserted) => (lines[index] = asserted),
    },
    disks,
    { command: 0, medium: 0 },
    maxCommands,
  );
  return { bus, gt, lines };
}

function config(gt: Gt64120, slot: number, register: number): number {
  gt.write(CFGADDR, 4, swap32(0x80000000 | (slot << 11) | register));
  return gt.read(CFGDATA, 4);
}

function configure(gt: Gt64120, slot: number, register: number, value: number): void {
  config(gt, slot, register);
  gt.write(CFGDATA, 4, value);
}

describe('controllers on the bus', () => {
  it('sit at 00:14.0 and following with the identity of a QEMU megasas', () => {
    const { gt } = machine([1, 0, 0]);
    for (const slot of [FIRST_SLOT, FIRST_SLOT + 1, FIRST_SLOT + 2]) {
      expect(config(gt, slot, 0x00)).toBe(0x00601000);
      expect(config(gt, slot, 0x08)).toBe(0x01040000);
      expect(config(gt, slot, 0x2c)).toBe(0x10131000);
      expect(config(gt, slot, 0x3c) >>> 8).toBe(1);
    }
    expect(config(gt, FIRST_SLOT + 3, 0x00)).toBe(0xffffffff);
  });

  it('answer at BAR 0 and at BAR 2', () => {
    const { bus, gt } = machine([1], 1008);
    configure(gt, FIRST_SLOT, 0x10, 0x1000_4000);
    configure(gt, FIRST_SLOT, 0x18, 0x1400);
    configure(gt, FIRST_SLOT, 0x04, 3);
    expect(bus.read('memory', 0x1000_4000 + reg.MFI_OSP0, 4)).toBe(0xb05003f0);
    expect(bus.read('memory', 0x1000_4000 + reg.MFI_OSP0, 1)).toBe(0xf0);
    expect(bus.read('io', 0x1400 + reg.MFI_OSP0, 4)).toBe(0xb05003f0);
    bus.write('memory', 0x1000_4000 + reg.MFI_OMSK, 4, 0x7fffffff);
    expect(bus.read('io', 0x1400 + reg.MFI_OMSK, 4)).toBe(0x7fffffff);
  });

  it('are refused beyond three, and beyond eight disks', () => {
    expect(() => machine([0, 0, 0, 0])).toThrow(RangeError);
    expect(() => machine([9])).toThrow(RangeError);
  });
});
