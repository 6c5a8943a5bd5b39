// PCI as the GT-64120 shows it: configuration cycles through two registers, memory and I/O windows in front of the
// devices' BARs. Register and bit names from the PCI 2.2 specification and the GT-64120 data sheet.
import { GT64120, PCI_MEMORY } from './memory-map.js';

const GT_INTRCAUSE = 0xc18;
const GT_PCI0_CFGADDR = 0xcf8;
const GT_PCI0_CFGDATA = 0xcfc;
const CFGADDR_ENABLE = 0x8000_0000;
/** Interrupt cause: the last configuration cycle found nobody. */
const INTRCAUSE_MASABORT0 = 1 << 18;

const PCI_ID = 0x00;
const PCI_COMMAND = 0x04;
const PCI_CLASS_REVISION = 0x08;
const PCI_BAR0 = 0x10;
const PCI_SUBSYSTEM = 0x2c;
const PCI_INTERRUPT = 0x3c;
const PCI_COMMAND_IO = 1;
const PCI_COMMAND_MEMORY = 2;
/** I/O, memory, bus master, parity and SERR enable, INTx disable: the bits a driver sets. */
const PCI_COMMAND_WRITABLE = 0x0547;
/** Flag bits of a BAR: I/O space; a memory address of 64 bits, whose upper half is the next BAR register. */
const PCI_BAR_IO = 1;
const PCI_BAR_MEM64 = 4;

export type PciSpace = 'memory' | 'io';

/** A base address register. `size` is in bytes, a power of two of at least 16. */
export interface PciBar {
  readonly kind: PciSpace;
  readonly size: number;
  /** Memory with a 64-bit address: the next register is its upper half and must be left out of `bars`. */
  readonly is64?: boolean;
}

/** What stands in a function's configuration header. */
export interface PciHeader {
  readonly vendor: number;
  readonly device: number;
  /** 24 bits: base class, subclass, interface. */
  readonly classCode: number;
  readonly revision: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
  /** 1 INTA .. 4 INTD, 0 none. */
  readonly interruptPin: number;
  /** By register number 0 .. 5; undefined where the function has none. */
  readonly bars: readonly (PciBar | undefined)[];
}

/**
 * A PCI function. The bus keeps its configuration header and decodes its BARs; the device answers accesses to them.
 * Values are in the device's own (little-endian) order: the bus swaps bytes for the big-endian processor, as the
 * GT-64120 does. Devices reach RAM through the machine they were made with.
 */
export interface PciDevice {
  readonly header: PciHeader;
  /** @param bar register number 0 .. 5 @param offset bytes into the BAR @param size 1, 2 or 4 */
  read(bar: number, offset: number, size: number): number;
  write(bar: number, offset: number, size: number, value: number): void;
}

/** The configuration space of one function: header registers the bus needs, zeros elsewhere. */
class ConfigSpace {
  readonly device: PciDevice;
  command = 0;
  #interruptLine = 0;
  readonly #bars = [0, 0, 0, 0, 0, 0];

  constructor(device: PciDevice) {
    this.device = device;
  }

  /** Offset of `address` into the BAR, if it decodes it. */
  offset(bar: number, space: PciSpace, address: number): number | undefined {
    const description = this.device.header.bars[bar];
    const enabled = space === 'memory' ? PCI_COMMAND_MEMORY : PCI_COMMAND_IO;
    if (description?.kind !== space || !(this.command & enabled)) return undefined;
    if (description.is64 && this.#bars[bar + 1] !== 0) return undefined;
    const offset = address - this.#bars[bar];
    return offset >= 0 && offset < description.size ? offset : undefined;
  }

  read(register: number): number {
    const { header } = this.device;
    switch (register) {
      case PCI_ID:
        return ((header.device << 16) | header.vendor) >>> 0;
      case PCI_COMMAND:
        return this.command;
      case PCI_CLASS_REVISION:
        return ((header.classCode << 8) | header.revision) >>> 0;
      case PCI_SUBSYSTEM:
        return ((header.subsystem << 16) | header.subsystemVendor) >>> 0;
      case PCI_INTERRUPT:
        return (header.interruptPin << 8) | this.#interruptLine;
    }
    const bar = (register - PCI_BAR0) >> 2;
    return bar >= 0 && bar < 6 ? (this.#bars[bar] | this.#flags(bar)) >>> 0 : 0;
  }

  #flags(bar: number): number {
    const description = this.device.header.bars[bar];
    if (!description) return 0;
    return description.kind === 'io' ? PCI_BAR_IO : description.is64 ? PCI_BAR_MEM64 : 0;
  }

  write(register: number, value: number): void {
    if (register === PCI_COMMAND) this.command = value & PCI_COMMAND_WRITABLE;
    else if (register === PCI_INTERRUPT) this.#interruptLine = value & 0xff;
    const bar = (register - PCI_BAR0) >> 2;
    if (bar < 0 || bar >= 6) return;
    const { bars } = this.device.header;
    const description = bars[bar];
    // Bits below the size read back as 0: that is how software measures a BAR.
    if (description) this.#bars[bar] = (value & -description.size) >>> 0;
    else if (bars[bar - 1]?.is64) this.#bars[bar] = value >>> 0;
  }
}

/** The GT-64120's own function, 00:00.0. */
const HOST_BRIDGE: PciDevice = {
  header: {
    vendor: 0x11ab,
    device: 0x4620,
    classCode: 0x06_0000,
    revision: 0x10,
    subsystemVendor: 0,
    subsystem: 0,
    interruptPin: 0,
    bars: [],
  },
  read: () => 0,
  write: () => {},
};

/** PCI bus 0 behind the GT-64120. */
export class PciBus {
  readonly #functions = new Map<number, ConfigSpace>();
  #address = 0;
  #cause = 0;

  constructor() {
    this.add(0, HOST_BRIDGE);
  }

  /** Plugs `device` in as function 0 of `slot` (0x14 is 00:14.0). @throws Error when the slot is taken */
  add(slot: number, device: PciDevice): void {
    const devfn = slot << 3;
    if (this.#functions.has(devfn)) throw new Error(`PCI slot ${slot} is taken`);
    this.#functions.set(devfn, new ConfigSpace(device));
  }

  /** Reads a word of the system controller at `offset` bytes from GT64120.base. */
  readController(offset: number): number {
    switch (offset & (GT64120.size - 4)) {
      case GT_INTRCAUSE:
        return swap32(this.#cause);
      case GT_PCI0_CFGADDR:
        return swap32(this.#address);
      case GT_PCI0_CFGDATA: {
        const selected = this.#select();
        if (!selected) return 0xffff_ffff;
        const value = selected.read(this.#address & 0xfc);
        return this.#selectsController() ? swap32(value) : value;
      }
      default:
        return 0;
    }
  }

  writeController(offset: number, value: number): void {
    switch (offset & (GT64120.size - 4)) {
      case GT_INTRCAUSE:
        this.#cause &= swap32(value); // writing zeros clears
        break;
      case GT_PCI0_CFGADDR:
        this.#address = swap32(value);
        break;
      case GT_PCI0_CFGDATA:
        this.#select()?.write(this.#address & 0xfc, this.#selectsController() ? swap32(value) : value);
        break;
    }
  }

  /** The controller's registers are little endian; the data of a cycle to another function is not swapped. */
  #selectsController(): boolean {
    return (this.#address & 0x00ff_f800) === 0;
  }

  #select(): ConfigSpace | undefined {
    const found =
      this.#address & CFGADDR_ENABLE && (this.#address & 0x00ff_0000) === 0
        ? this.#functions.get((this.#address >> 8) & 0xff)
        : undefined;
    if (!found) this.#cause |= INTRCAUSE_MASABORT0;
    return found;
  }

  /** A processor read in the memory or I/O window, `address` on the PCI bus; all ones when no BAR decodes it. */
  read(space: PciSpace, address: number, size: number): number {
    const hit = this.#decode(space, address);
    return hit ? swap(hit.device.read(hit.bar, hit.offset, size), size) : swap(0xffff_ffff, size);
  }

  write(space: PciSpace, address: number, size: number, value: number): void {
    const hit = this.#decode(space, address);
    hit?.device.write(hit.bar, hit.offset, size, swap(value, size));
  }

  #decode(space: PciSpace, address: number): { device: PciDevice; bar: number; offset: number } | undefined {
    for (const config of this.#functions.values()) {
      for (let bar = 0; bar < 6; bar++) {
        const offset = config.offset(bar, space, address);
        if (offset !== undefined) return { device: config.device, bar, offset };
      }
    }
    return undefined;
  }
}

/** PCI address of an offset into the processor's window: memory is mapped one to one, I/O starts at port 0. */
export function pciAddress(space: PciSpace, offset: number): number {
  return space === 'memory' ? PCI_MEMORY.base + offset : offset;
}

function swap32(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

function swap(value: number, size: number): number {
  if (size === 4) return swap32(value);
  return size === 2 ? ((value & 0xff) << 8) | ((value >>> 8) & 0xff) : value & 0xff;
}
