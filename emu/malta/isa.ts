// The devices at fixed I/O ports: the PIIX4's own, the super I/O's two UARTs and keyboard controller. They are eight bits wide; the bridge
// takes wider accesses apart, lowest port first.
import type { I8042 } from './i8042.js';
import type { Mc146818 } from './mc146818.js';
import type { I8254 } from './piix4/i8254.js';
import type { InterruptControllers } from './piix4/i8259.js';
import type { Uart } from './uart.js';

/** Reset control register of the PIIX4, and the bit that resets the processor. */
const RCR = 0xcf9;
const RCR_RCPU = 0x04;

export interface IsaDevices {
  readonly interrupts: InterruptControllers;
  readonly timer: I8254;
  readonly clock: Mc146818;
  readonly com1: Uart;
  readonly com2: Uart;
  readonly keyboard: I8042;
  /** A hard reset was asked for. */
  reset(): void;
}

/** Ports from here on belong to PCI. */
export const ISA_PORTS = 0x1000;

export class IsaBus {
  readonly #devices: IsaDevices;

  constructor(devices: IsaDevices) {
    this.#devices = devices;
  }

  /** @param size 1, 2 or 4 bytes; a little-endian value */
  read(port: number, size: number): number {
    if (size === 1) return this.#read(port);
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#read(port + i) << (8 * i);
    return value >>> 0;
  }

  write(port: number, size: number, value: number): void {
    for (let i = 0; i < size; i++) this.#write(port + i, (value >>> (8 * i)) & 0xff);
  }

  /** A port that nobody answers at reads as all ones. */
  #read(port: number): number {
    const { interrupts, timer, clock, com1, com2, keyboard } = this.#devices;
    switch (port) {
      case 0x20:
      case 0x21:
        return interrupts.master.read(port & 1);
      case 0x40:
      case 0x41:
      case 0x42:
      case 0x43:
        return timer.read(port & 3);
      case 0x60:
        return keyboard.readData();
      case 0x61:
        return timer.readControl();
      case 0x64:
        return keyboard.readStatus();
      case 0x70:
      case 0x71:
        return clock.read(port & 1);
      case 0xa0:
      case 0xa1:
        return interrupts.slave.read(port & 1);
      case 0x4d0:
        return interrupts.master.readElcr();
      case 0x4d1:
        return interrupts.slave.readElcr();
    }
    if (port >> 3 === 0x3f8 >> 3) return com1.read(port & 7);
    if (port >> 3 === 0x2f8 >> 3) return com2.read(port & 7);
    return 0xff;
  }

  #write(port: number, value: number): void {
    const { interrupts, timer, clock, com1, com2, keyboard } = this.#devices;
    switch (port) {
      case 0x20:
      case 0x21:
        return interrupts.master.write(port & 1, value);
      case 0x40:
      case 0x41:
      case 0x42:
      case 0x43:
        return timer.write(port & 3, value);
      case 0x60:
        return keyboard.writeData(value);
      case 0x61:
        return timer.writeControl(value);
      case 0x64:
        return keyboard.writeCommand(value);
      case 0x70:
      case 0x71:
        return clock.write(port & 1, value);
      case 0xa0:
      case 0xa1:
        return interrupts.slave.write(port & 1, value);
      case 0x4d0:
        return interrupts.master.writeElcr(value);
      case 0x4d1:
        return interrupts.slave.writeElcr(value);
      case RCR:
        if (value & RCR_RCPU) this.#devices.reset();
        return;
    }
    if (port >> 3 === 0x3f8 >> 3) com1.write(port & 7, value);
    else if (port >> 3 === 0x2f8 >> 3) com2.write(port & 7, value);
  }
}
