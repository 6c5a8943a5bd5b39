// The PIIX4 on the PCI bus: 00:0a.0, the ISA bridge that routes PCI interrupts, and 00:0a.3, power management. The IDE
// and USB functions (1 and 2) are not there. Register names from Intel's 82371AB data sheet; values after reset as QEMU
// and its boot code leave them.
import type { ConfigSpace, PciBus, PciDevice } from '../pci.js';
import { PM_SIZE } from './power.js';

export const PIIX4_SLOT = 0x0a;

/** Function 0: PIRQ route control, one byte for each of PIRQA to PIRQD. */
const PIRQRC = 0x60;
const PIRQRC_DISABLE = 0x80;
/** Function 3: base of the power management registers, and the bit in PMREGMISC that decodes them. */
const PMBA = 0x40;
const PMBA_MASK = 0xffc0;
const PMREGMISC = 0x80;
const PMREGMISC_PMIOSE = 0x01;

const ISA_BRIDGE: PciDevice = {
  header: {
    vendor: 0x8086,
    device: 0x7110,
    classCode: 0x06_0100,
    revision: 0,
    subsystemVendor: 0,
    subsystem: 0,
    interruptPin: 0,
    bars: [],
    command: 0x0007,
    status: 0x0200, // medium DEVSEL
    multiFunction: true,
    registers: {
      0x4c: 0x4d, // I/O recovery
      0x4e: 0x03, // X-bus chip select
      0x60: 10,
      0x61: 10,
      0x62: 11,
      0x63: 11,
      0x69: 0x02, // top of memory
      0x70: 0x80,
      0x76: 0x0c,
      0x77: 0x0c,
      0x78: 0x02,
      0xa0: 0x08,
      0xa8: 0x0f,
    },
    writableRegisters: true,
  },
  read: () => 0,
  write: () => {},
};

const POWER_MANAGEMENT: PciDevice = {
  header: {
    vendor: 0x8086,
    device: 0x7113,
    classCode: 0x06_8000,
    revision: 3,
    subsystemVendor: 0,
    subsystem: 0,
    interruptPin: 1,
    bars: [],
    status: 0x0280,
    registers: {
      0x40: 0x01,
      0x90: 0x01, // SMBus base 1100
      0x91: 0x11,
    },
    writableRegisters: true,
  },
  read: () => 0,
  write: () => {},
};

export class Piix4Functions {
  readonly #isa: ConfigSpace;
  readonly #power: ConfigSpace;
  /** Levels of PIRQA .. PIRQD: how many devices pull each. */
  readonly #pirq = [0, 0, 0, 0];
  readonly #setIrq: (irq: number, asserted: boolean) => void;

  /** @param setIrq drives an ISA interrupt */
  constructor(pci: PciBus, setIrq: (irq: number, asserted: boolean) => void) {
    this.#setIrq = setIrq;
    this.#isa = pci.add(PIIX4_SLOT, ISA_BRIDGE, 0);
    this.#power = pci.add(PIIX4_SLOT, POWER_MANAGEMENT, 3);
  }

  /** A device starts or stops pulling PIRQA (0) .. PIRQD (3). Interrupts that share an ISA line are or-ed. */
  setPirq(pirq: number, asserted: boolean): void {
    this.#pirq[pirq] += asserted ? 1 : -1;
    const irq = this.#route(pirq);
    if (irq === undefined) return;
    this.#setIrq(
      irq,
      this.#pirq.some((level, other) => level > 0 && this.#route(other) === irq),
    );
  }

  #route(pirq: number): number | undefined {
    const route = this.#isa.uint8(PIRQRC + pirq);
    return route & PIRQRC_DISABLE ? undefined : route & 15;
  }

  /** Offset of I/O port `port` into the power management registers, if they are decoded there. */
  powerOffset(port: number): number | undefined {
    if (!(this.#power.uint8(PMREGMISC) & PMREGMISC_PMIOSE)) return undefined;
    const offset = port - (this.#power.uint16(PMBA) & PMBA_MASK);
    return offset >= 0 && offset < PM_SIZE ? offset : undefined;
  }

  state(): readonly number[] {
    return [...this.#pirq];
  }

  restore(state: readonly number[]): void {
    this.#pirq.splice(0, 4, ...state);
  }
}

/**
 * The PIRQ that pin INTA..INTD (1 .. 4) of the device in `slot` is wired to (Malta user's manual; Linux
 * arch/mips/pci/fixup-malta.c): PCI connectors 1 to 4 are slots 18 to 21.
 */
export function pirqOf(slot: number, pin: number): number {
  const rotation = slot >= 18 && slot <= 21 ? slot - 18 : 0;
  return (rotation + pin - 1) & 3;
}
