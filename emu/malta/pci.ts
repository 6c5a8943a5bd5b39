// PCI: the configuration space of a function and the bus that finds functions and decodes their BARs. Register and bit
// names from the PCI 2.2 specification. Values are little-endian words as on the bus; the bridge turns bytes round.

const PCI_VENDOR_ID = 0x00;
const PCI_DEVICE_ID = 0x02;
const PCI_COMMAND = 0x04;
const PCI_STATUS = 0x06;
const PCI_CLASS_REVISION = 0x08;
const PCI_CACHE_LINE_SIZE = 0x0c;
const PCI_HEADER_TYPE = 0x0e;
const PCI_BASE_ADDRESS_0 = 0x10;
const PCI_SUBSYSTEM_VENDOR_ID = 0x2c;
const PCI_SUBSYSTEM_ID = 0x2e;
const PCI_INTERRUPT_LINE = 0x3c;
const PCI_INTERRUPT_PIN = 0x3d;
const PCI_COMMAND_IO = 1;
const PCI_COMMAND_MEMORY = 2;
/** I/O, memory, bus master, parity and SERR enable, INTx disable: the bits a driver sets. */
const PCI_COMMAND_WRITABLE = 0x0547;
const PCI_HEADER_TYPE_MULTI_FUNC = 0x80;
/** Flag bits of a BAR: I/O space; a memory address of 64 bits, whose upper half is the next BAR register. */
const PCI_BAR_IO = 1;
const PCI_BAR_MEM64 = 4;
const CONFIG_SIZE = 256;

export type PciSpace = 'memory' | 'io';

/** A base address register. `size` is in bytes, a power of two of at least 16. */
export interface PciBar {
  readonly kind: PciSpace;
  readonly size: number;
  /** Memory with a 64-bit address: the next register is its upper half and must be left out of `bars`. */
  readonly is64?: boolean;
}

/** What stands in a function's configuration header after power-on. */
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
  /** Default 0. */
  readonly command?: number;
  /** Default 0. */
  readonly status?: number;
  /** There are functions 1 to 7 in the same slot. */
  readonly multiFunction?: boolean;
  /** Bytes at other registers, by their number. */
  readonly registers?: Readonly<Record<number, number>>;
  /** Bytes 40 to ff can be written, as in a chip with registers of its own there. */
  readonly writableRegisters?: boolean;
}

/**
 * A PCI function. The bus keeps its configuration space and decodes its BARs; the device answers accesses to them, in
 * its own (little-endian) order. Devices reach RAM through the machine they were made with.
 */
export interface PciDevice {
  readonly header: PciHeader;
  /** @param bar register number 0 .. 5 @param offset bytes into the BAR @param size 1, 2 or 4 */
  read(bar: number, offset: number, size: number): number;
  write(bar: number, offset: number, size: number, value: number): void;
}

export interface ConfigSpaceState {
  readonly bytes: readonly number[];
}

/** The 256 bytes of configuration space of one function. */
export class ConfigSpace {
  readonly #bytes = new Uint8Array(CONFIG_SIZE);
  readonly #writable = new Uint8Array(CONFIG_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(readonly device: PciDevice) {
    const { header } = device;
    const view = this.#view;
    view.setUint16(PCI_VENDOR_ID, header.vendor, true);
    view.setUint16(PCI_DEVICE_ID, header.device, true);
    view.setUint16(PCI_COMMAND, header.command ?? 0, true);
    view.setUint16(PCI_STATUS, header.status ?? 0, true);
    view.setUint32(PCI_CLASS_REVISION, (header.classCode << 8) | header.revision, true);
    view.setUint8(PCI_HEADER_TYPE, header.multiFunction ? PCI_HEADER_TYPE_MULTI_FUNC : 0);
    view.setUint16(PCI_SUBSYSTEM_VENDOR_ID, header.subsystemVendor, true);
    view.setUint16(PCI_SUBSYSTEM_ID, header.subsystem, true);
    view.setUint8(PCI_INTERRUPT_PIN, header.interruptPin);
    for (const [register, value] of Object.entries(header.registers ?? {})) this.#bytes[Number(register)] = value;
    const writable = new DataView(this.#writable.buffer);
    writable.setUint16(PCI_COMMAND, PCI_COMMAND_WRITABLE, true);
    writable.setUint8(PCI_CACHE_LINE_SIZE, 0xff);
    writable.setUint8(PCI_INTERRUPT_LINE, 0xff);
    if (header.writableRegisters) this.#writable.fill(0xff, 0x40);
    header.bars.forEach((bar, i) => {
      if (!bar) return;
      // Bits below the size read back as 0: that is how software measures a BAR.
      const register = PCI_BASE_ADDRESS_0 + 4 * i;
      writable.setUint32(register, -bar.size, true);
      if (bar.kind === 'io') view.setUint32(register, PCI_BAR_IO, true);
      if (bar.is64) {
        view.setUint32(register, PCI_BAR_MEM64, true);
        writable.setUint32(register + 4, 0xffff_ffff, true);
      }
    });
  }

  uint8(register: number): number {
    return this.#view.getUint8(register);
  }

  uint16(register: number): number {
    return this.#view.getUint16(register, true);
  }

  uint32(register: number): number {
    return this.#view.getUint32(register, true);
  }

  /** Writes the word at `register`, a multiple of 4, as far as it is writable. */
  write(register: number, value: number): void {
    for (let i = 0; i < 4; i++) {
      const mask = this.#writable[register + i];
      this.#bytes[register + i] = (this.#bytes[register + i] & ~mask) | ((value >>> (8 * i)) & mask);
    }
  }

  /** Offset of `address` into BAR number `bar`, if it decodes it. */
  offset(bar: number, space: PciSpace, address: number): number | undefined {
    const description = this.device.header.bars[bar];
    const enabled = space === 'memory' ? PCI_COMMAND_MEMORY : PCI_COMMAND_IO;
    if (description?.kind !== space || !(this.uint16(PCI_COMMAND) & enabled)) return undefined;
    const register = PCI_BASE_ADDRESS_0 + 4 * bar;
    if (description.is64 && this.uint32(register + 4) !== 0) return undefined;
    const offset = address - ((this.uint32(register) & -description.size) >>> 0);
    return offset >= 0 && offset < description.size ? offset : undefined;
  }

  state(): ConfigSpaceState {
    return { bytes: [...this.#bytes] };
  }

  restore({ bytes }: ConfigSpaceState): void {
    this.#bytes.set(bytes);
  }
}

/** Configuration spaces by device and function number. */
export type PciBusState = Readonly<Record<string, ConfigSpaceState>>;

/** PCI bus 0. */
export class PciBus {
  readonly #functions = new Map<number, ConfigSpace>();

  /**
   * Plugs `device` in as a function of `slot` (0x14 is 00:14.0), by default function 0.
   * @throws Error when the place is taken
   */
  add(slot: number, device: PciDevice, func = 0): ConfigSpace {
    const devfn = (slot << 3) | func;
    if (this.#functions.has(devfn)) throw new Error(`PCI slot ${slot} function ${func} is taken`);
    const config = new ConfigSpace(device);
    this.#functions.set(devfn, config);
    return config;
  }

  /** Configuration space of the function at `devfn` (slot * 8 + function) of a bus; undefined where nobody answers. */
  config(bus: number, devfn: number): ConfigSpace | undefined {
    return bus === 0 ? this.#functions.get(devfn) : undefined;
  }

  /** A read at a bus address; all ones when no BAR decodes it. @param size bytes: 1, 2 or 4 */
  read(space: PciSpace, address: number, size: number): number {
    const hit = this.#decode(space, address);
    return hit ? hit.device.read(hit.bar, hit.offset, size) : 0xffff_ffff;
  }

  write(space: PciSpace, address: number, size: number, value: number): void {
    const hit = this.#decode(space, address);
    hit?.device.write(hit.bar, hit.offset, size, value);
  }

  #decode(space: PciSpace, address: number): { device: PciDevice; bar: number; offset: number } | undefined {
    for (const config of this.#functions.values()) {
      const { bars } = config.device.header;
      for (let bar = 0; bar < bars.length; bar++) {
        const offset = config.offset(bar, space, address);
        if (offset !== undefined) return { device: config.device, bar, offset };
      }
    }
    return undefined;
  }

  state(): PciBusState {
    return Object.fromEntries([...this.#functions].map(([devfn, config]) => [devfn, config.state()]));
  }

  restore(state: PciBusState): void {
    for (const [devfn, config] of this.#functions) config.restore(state[devfn]);
  }
}
