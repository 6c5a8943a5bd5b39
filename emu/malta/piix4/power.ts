// Power management of the PIIX4 (function 3): the ACPI registers at PMBA, of which kernels use the soft-off switch.
// Names from Intel's 82371AB data sheet, section 7.2.

const PMSTS = 0x00;
const PMEN = 0x02;
const PMCNTRL = 0x04;
const PMTMR = 0x08;
const GPSTS = 0x0c;
const GPEN = 0x0e;
const GLBSTS = 0x18;
const GLBEN = 0x20;
const GLBCTL = 0x28;
const DEVCTL = 0x2c;
/** Suspend enable: enters the state that SUS_TYP (bits 12..10) names; 0 is soft off. */
const PMCNTRL_SUS_EN = 0x2000;
/** Bytes decoded at PMBA. */
export const PM_SIZE = 0x40;
/** Its clock, Hz. */
const PMTMR_HZ = 3_579_545;
const NS_PER_SECOND = 1_000_000_000;

/** 16-bit registers that are cleared by writing ones. */
const STATUS_REGISTERS = [PMSTS, GPSTS, GLBSTS];
/** 16-bit registers that are plain storage; the two halves of the 32-bit ones among them. */
const STORED_REGISTERS = [PMEN, PMCNTRL, GPEN, GLBEN, GLBCTL, GLBCTL + 2, DEVCTL, DEVCTL + 2];

export interface PowerState {
  /** 16-bit registers by offset. */
  readonly registers: Readonly<Record<string, number>>;
}

export class PowerManagement {
  readonly #registers = new Map<number, number>();
  readonly #now: () => number;
  readonly #powerOff: () => void;

  /** @param now virtual nanoseconds @param powerOff the machine is switched off, or sent to sleep for ever */
  constructor(now: () => number, powerOff: () => void) {
    this.#now = now;
    this.#powerOff = powerOff;
  }

  /** @param offset from PMBA @param size 1, 2 or 4 */
  read(offset: number, size: number): number {
    if ((offset & ~3) === PMTMR) return this.#timer() >>> (8 * (offset & 3));
    const low = this.#registers.get(offset & ~1) ?? 0;
    if (size === 4) return (low | ((this.#registers.get(offset + 2) ?? 0) << 16)) >>> 0;
    return size === 2 ? low : (low >> (8 * (offset & 1))) & 0xff;
  }

  write(offset: number, size: number, value: number): void {
    if (size === 4) {
      this.#writeUint16(offset, value & 0xffff);
      this.#writeUint16(offset + 2, value >>> 16);
    } else if (size === 2) this.#writeUint16(offset, value);
    else {
      const shift = 8 * (offset & 1);
      const register = offset & ~1;
      const old = STATUS_REGISTERS.includes(register) ? 0 : this.read(register, 2) & ~(0xff << shift);
      this.#writeUint16(register, old | (value << shift));
    }
  }

  #writeUint16(register: number, value: number): void {
    if (STATUS_REGISTERS.includes(register))
      this.#registers.set(register, (this.#registers.get(register) ?? 0) & ~value & 0xffff);
    else if (STORED_REGISTERS.includes(register)) this.#registers.set(register, value);
    if (register === PMCNTRL && value & PMCNTRL_SUS_EN) {
      this.#registers.set(PMCNTRL, value & ~PMCNTRL_SUS_EN); // reads as 0 always
      this.#powerOff();
    }
  }

  /** 24 bits. */
  #timer(): number {
    const now = this.#now();
    const seconds = Math.floor(now / NS_PER_SECOND);
    const part = Math.floor(((now - seconds * NS_PER_SECOND) * PMTMR_HZ) / NS_PER_SECOND);
    return (seconds * PMTMR_HZ + part) % 0x100_0000;
  }

  state(): PowerState {
    return { registers: Object.fromEntries(this.#registers) };
  }

  restore({ registers }: PowerState): void {
    this.#registers.clear();
    for (const [register, value] of Object.entries(registers)) this.#registers.set(Number(register), value);
  }
}
