// Galileo GT-64120 system controller: its registers, the way to PCI configuration space and the interrupt acknowledge.
// Register names and bits from its data sheet. What it decodes where is fixed here (memory-map.ts); the decode registers
// read as the boot code left them, since kernels take the windows from them.
import { swap32 } from './byte-order.js';
import type { PciBus, PciDevice } from './pci.js';

/** CPU interface configuration. */
const GT_CPU = 0x000;
/** Set: the processor is little endian and registers are not turned round. */
const GT_CPU_ENDIANNESS = 0x1000;
const GT_PCI0IOLD = 0x048;
const GT_PCI0IOHD = 0x050;
const GT_PCI0M0LD = 0x058;
const GT_PCI0M0HD = 0x060;
/** Where the registers themselves are decoded. */
const GT_ISD = 0x068;
const GT_PCI0M1LD = 0x080;
const GT_PCI0M1HD = 0x088;
const GT_PCI0IOREMAP = 0x0f0;
const GT_PCI0M0REMAP = 0x0f8;
const GT_PCI0M1REMAP = 0x100;
const GT_PCI0_CMD = 0xc00;
/** Set: bytes of configuration data are not swapped. */
const GT_PCI0_CMD_MBYTESWAP = 1;
const GT_INTRCAUSE = 0xc18;
/** A configuration cycle found nobody: master abort. */
const INTRCAUSE_MASABORT0 = 1 << 18;
/** Reading it is an interrupt acknowledge cycle on PCI: the 8259 answers with its vector. */
const GT_PCI0_IACK = 0xc34;
const GT_PCI0_CFGADDR = 0xcf8;
const GT_PCI0_CFGDATA = 0xcfc;
const CFGADDR_ENABLE = 0x8000_0000;

/** What the boot loader leaves (QEMU 7.2, hw/mips/malta.c): I/O at 18000000, memory at 10000000 and 18200000. */
const BOOT_VALUES: readonly (readonly [register: number, value: number])[] = [
  [GT_ISD, 0x0df],
  [GT_PCI0IOLD, 0x0c0],
  [GT_PCI0IOHD, 0x040],
  [GT_PCI0IOREMAP, 0x0c0],
  [GT_PCI0M0LD, 0x080],
  [GT_PCI0M0HD, 0x03f],
  [GT_PCI0M0REMAP, 0x080],
  [GT_PCI0M1LD, 0x0c1],
  [GT_PCI0M1HD, 0x05e],
  [GT_PCI0M1REMAP, 0x0c1],
];

/** Writing a low decode register sets the remap register of the same window. */
const REMAP_OF = new Map([
  [GT_PCI0IOLD, GT_PCI0IOREMAP],
  [GT_PCI0M0LD, GT_PCI0M0REMAP],
  [GT_PCI0M1LD, GT_PCI0M1REMAP],
]);

/** The controller's own function, 00:00.0. Its BARs are constants there, as in QEMU: Linux finds them invalid. */
const HOST_BRIDGE: PciDevice = {
  header: {
    vendor: 0x11ab,
    device: 0x4620,
    classCode: 0x06_0000,
    revision: 0x10,
    subsystemVendor: 0,
    subsystem: 0,
    interruptPin: 1,
    status: 0x0280, // fast back-to-back, medium DEVSEL
    bars: [],
    registers: {
      ...word(0x10, 0x0000_0008),
      ...word(0x14, 0x0100_0008),
      ...word(0x18, 0x1c00_0000),
      ...word(0x1c, 0x1f00_0000),
      ...word(0x20, 0x1400_0000),
      ...word(0x24, 0x1400_0001),
    },
  },
  read: () => 0,
  write: () => {},
};

/** A little-endian word of configuration space as bytes by register. */
function word(register: number, value: number): Record<number, number> {
  return Object.fromEntries([0, 1, 2, 3].map((i) => [register + i, (value >>> (8 * i)) & 0xff]));
}

export interface Gt64120State {
  /** The registers that are plain storage, by offset. */
  readonly registers: Readonly<Record<string, number>>;
  readonly configAddress: number;
  readonly interruptCause: number;
}

export class Gt64120 {
  readonly #pci: PciBus;
  readonly #acknowledge: () => number;
  readonly #bigEndian: boolean;
  readonly #registers = new Map<number, number>();
  #configAddress = 0;
  #interruptCause = 0;

  /** @param acknowledge answers an interrupt acknowledge cycle: the vector */
  constructor(pci: PciBus, bigEndian: boolean, acknowledge: () => number = () => 0) {
    this.#pci = pci;
    this.#bigEndian = bigEndian;
    this.#acknowledge = acknowledge;
    pci.add(0, HOST_BRIDGE);
    for (const [register, value] of BOOT_VALUES) this.#registers.set(register, value);
    this.#registers.set(GT_CPU, bigEndian ? 0 : GT_CPU_ENDIANNESS);
    this.#registers.set(GT_PCI0_CMD, bigEndian ? 0 : 0x1_0000 | GT_PCI0_CMD_MBYTESWAP);
  }

  /** A read of 1, 2 or 4 bytes, in the CPU's terms. */
  read(offset: number, size: number): number {
    const value = this.#order(this.#readUint32(offset & 0xffc));
    return size === 4 ? value : (value >>> this.#lane(offset, size)) & (size === 2 ? 0xffff : 0xff);
  }

  /** A write of 1, 2 or 4 bytes; a part of a register leaves the rest as it is. */
  write(offset: number, size: number, value: number): void {
    const register = offset & 0xffc;
    if (size === 4) return this.#writeUint32(register, this.#order(value >>> 0));
    const lane = this.#lane(offset, size);
    const mask = (size === 2 ? 0xffff : 0xff) << lane;
    const old = this.#order(this.#readUint32(register));
    this.#writeUint32(register, this.#order(((old & ~mask) | ((value << lane) & mask)) >>> 0));
  }

  /** Bits that the part of a register at `offset` is shifted by in the CPU's word. */
  #lane(offset: number, size: number): number {
    return 8 * (this.#bigEndian ? 4 - size - (offset & 3) : offset & 3);
  }

  /** The registers are little endian whatever the processor is. */
  #order(value: number): number {
    return this.#bigEndian ? swap32(value) : value;
  }

  #readUint32(register: number): number {
    switch (register) {
      case GT_INTRCAUSE:
        return this.#interruptCause;
      case GT_PCI0_IACK:
        return this.#acknowledge();
      case GT_PCI0_CFGADDR:
        return this.#configAddress;
      case GT_PCI0_CFGDATA: {
        const config = this.#select();
        return config ? this.#dataOrder(config.uint32(this.#configAddress & 0xfc)) : 0xffff_ffff;
      }
      default:
        return this.#registers.get(register) ?? 0;
    }
  }

  #writeUint32(register: number, value: number): void {
    switch (register) {
      case GT_INTRCAUSE:
        this.#interruptCause &= value; // writing zeros clears
        break;
      case GT_PCI0_CFGADDR:
        this.#configAddress = (value & 0x80ff_fffc) >>> 0;
        break;
      case GT_PCI0_CFGDATA:
        this.#select()?.write(this.#configAddress & 0xfc, this.#dataOrder(value));
        break;
      default: {
        this.#registers.set(register, value);
        const remap = REMAP_OF.get(register);
        if (remap !== undefined) this.#registers.set(remap, value);
      }
    }
  }

  /** Data of a cycle to another function than the controller's own is swapped once more, unless MByteSwap is set. */
  #dataOrder(value: number): number {
    const other = (this.#configAddress & 0x00ff_f800) !== 0;
    return other && !(this.#registers.get(GT_PCI0_CMD)! & GT_PCI0_CMD_MBYTESWAP) ? swap32(value) : value;
  }

  #select() {
    const address = this.#configAddress;
    const found =
      address & CFGADDR_ENABLE ? this.#pci.config((address >>> 16) & 0xff, (address >>> 8) & 0xff) : undefined;
    if (!found) this.#interruptCause |= INTRCAUSE_MASABORT0;
    return found;
  }

  state(): Gt64120State {
    return {
      registers: Object.fromEntries(this.#registers),
      configAddress: this.#configAddress,
      interruptCause: this.#interruptCause,
    };
  }

  restore({ registers, configAddress, interruptCause }: Gt64120State): void {
    this.#registers.clear();
    for (const [register, value] of Object.entries(registers)) this.#registers.set(Number(register), value);
    this.#configAddress = configAddress;
    this.#interruptCause = interruptCause;
  }
}
