// The controller as a PCI function, and the controllers of a machine: 00:14.0, 00:15.0, 00:16.0, with all disks on the
// first, as in the boots of the ground truth.

import { OverlayMedium } from '../disk/medium.js';
import { syntheticBlocks } from '../disk/synthetic-blocks.js';
import type { PciBus, PciDevice, PciHeader } from '../pci.js';
import { PCI_DEVICE_SAS1078R, PCI_SUBSYSTEM_8708EM2, PCI_VENDOR_LSI } from './controller-info.js';
import { MegaRaidController, type CommandLatency, type ControllerHost } from './controller.js';
import { ScsiDisk } from './scsi-disk.js';

export const FIRST_SLOT = 0x14;
export const MAX_CONTROLLERS = 3;
export const MAX_DISKS = 8;

/** Blocks of the root disk and of the others (24 MB and 8 MB), as in the ground truth. */
export const ROOT_DISK_BLOCKS = 49152;
export const DATA_DISK_BLOCKS = 16384;

/** Register window; the message unit's 256 bytes are at its start. */
const MMIO_BAR = 0;
const IO_BAR = 2;

const HEADER: PciHeader = {
  vendor: PCI_VENDOR_LSI,
  device: PCI_DEVICE_SAS1078R,
  classCode: 0x01_0400, // mass storage, RAID
  revision: 0,
  subsystemVendor: PCI_VENDOR_LSI,
  subsystem: PCI_SUBSYSTEM_8708EM2,
  interruptPin: 1,
  bars: [
    { kind: 'memory', size: 0x4000, is64: true },
    undefined,
    { kind: 'io', size: 0x100 },
    { kind: 'memory', size: 0x40000, is64: true }, // queue window; nothing behind it in QEMU either
  ],
};

/** Connects a controller's registers to BAR 0 and BAR 2. */
export class MegaRaidPciDevice implements PciDevice {
  readonly header = HEADER;

  constructor(readonly controller: MegaRaidController) {}

  read(bar: number, offset: number, size: number): number {
    if (bar !== MMIO_BAR && bar !== IO_BAR) return 0;
    const value = this.controller.readUint32(offset & ~3);
    if (size === 4) return value;
    return (value >>> (8 * (offset & 3))) & (size === 2 ? 0xffff : 0xff);
  }

  /** Registers are words; a write of a part of one does nothing. */
  write(bar: number, offset: number, size: number, value: number): void {
    if ((bar === MMIO_BAR || bar === IO_BAR) && size === 4 && (offset & 3) === 0) {
      this.controller.writeUint32(offset, value);
    }
  }
}

/** What all controllers of a machine share. */
export interface MegaRaidMachine extends Pick<ControllerHost, 'bus' | 'schedule'> {
  readonly pci: PciBus;
  /** The interrupt line of controller `index` (0 is 00:14.0) changes. */
  setInterrupt(index: number, asserted: boolean): void;
}

/**
 * Plugs in one controller per element of `disks`, the number of disks it has.
 * @param maxCommands command limit; QEMU's default when not given
 * @throws RangeError when there are more controllers or disks than the machine takes
 */
export function addMegaRaidControllers(
  machine: MegaRaidMachine,
  disks: readonly number[],
  latency: CommandLatency,
  maxCommands?: number,
): MegaRaidController[] {
  if (disks.length > MAX_CONTROLLERS) throw new RangeError(`at most ${MAX_CONTROLLERS} controllers`);
  if (disks.some((count) => !Number.isInteger(count) || count < 0 || count > MAX_DISKS)) {
    throw new RangeError(`0 to ${MAX_DISKS} disks on a controller`);
  }
  let drive = 0;
  return disks.map((count, index) => {
    const targets = Array.from({ length: count }, () => {
      const blocks = syntheticBlocks(drive, drive === 0 ? ROOT_DISK_BLOCKS : DATA_DISK_BLOCKS);
      const disk = new ScsiDisk(drive, new OverlayMedium(blocks));
      drive++;
      return disk;
    });
    const host: ControllerHost = {
      bus: machine.bus,
      schedule: (delay, run) => machine.schedule(delay, run),
      setInterrupt: (asserted) => machine.setInterrupt(index, asserted),
    };
    const options = { disks: targets, latency, ...(maxCommands === undefined ? {} : { maxCommands }) };
    const controller = new MegaRaidController(host, options);
    machine.pci.add(FIRST_SLOT + index, new MegaRaidPciDevice(controller));
    return controller;
  });
}
