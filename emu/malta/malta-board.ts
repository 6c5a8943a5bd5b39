// The Malta board without its processor: every chip, wired up. emu/malta/board.ts puts our own guest's CPU on it, a real
// kernel runs on it through the same BoardHost.
import type { BoardHost } from './board-host.js';
import { swap, truncate } from './byte-order.js';
import type { Medium } from './disk/medium.js';
import { Fpga, type FpgaState } from './fpga.js';
import { Gt64120, type Gt64120State } from './gt64120.js';
import { I8042, type I8042State } from './i8042.js';
import { ISA_PORTS, IsaBus } from './isa.js';
import { Mc146818, type Mc146818State } from './mc146818.js';
import { RamBusMaster } from './megaraid/bus-master.js';
import { MegaRaidController, type ControllerState } from './megaraid/controller.js';
import { MegaRaidPciDevice } from './megaraid/pci-device.js';
import { ScsiDisk } from './megaraid/scsi-disk.js';
import { BOOT_FLASH, FPGA, GT64120, PCI_IO, PCI_MEMORY, PCI_MEMORY_1 } from './memory-map.js';
import { PciBus, type PciBusState } from './pci.js';
import { Piix4Functions, pirqOf } from './piix4/functions.js';
import { I8254, type I8254State } from './piix4/i8254.js';
import { InterruptControllers, type InterruptControllersState } from './piix4/i8259.js';
import { PowerManagement, type PowerState } from './piix4/power.js';
import { Timers, type TimersState } from './timers.js';
import { Uart, type UartState } from './uart.js';
import { Random } from '../random.js';

/** Slots of PCI connectors 1 to 4; kernels know how these are wired to interrupts. */
const FIRST_CONNECTOR = 18;
export const MAX_CONTROLLERS = 4;
/** Disks on one controller. */
export const MAX_DISKS = 8;

/** Hardware interrupt inputs of the CPU, as Cause.IP numbers. */
const IP_I8259 = 2;
const IP_CBUS_UART = 4;
const IRQ_TIMER = 0;
const IRQ_KEYBOARD = 1;
const IRQ_COM2 = 3;
const IRQ_COM1 = 4;
const IRQ_CLOCK = 8;
const IRQ_MOUSE = 12;

/**
 * Edge/level control of the slave 8259: PCI interrupts, which come on ISA 10 and 11, are levels. On a Malta YAMON sets this,
 * kernels do not. QEMU's loader does not either: there a command is complete before two controllers can share a line.
 */
const PCI_LEVEL_TRIGGERED = 0x0c;

/** The CBUS UART in the FPGA's page. */
const CBUS_UART = 0x900;
const CBUS_UART_END = 0x940;
/** Revision word in the boot flash: board 2, core card 1 (a CPU on a GT-64120), as QEMU's. */
const REVISION = 0x10;
const REVISION_VALUE = 0x0000_0420;

/** Mean latencies of controllers, seconds; each command's own is drawn from the seed. */
export const COMMAND_SECONDS = 40e-6;
const MEDIUM_SECONDS = 150e-6;
/** Streams of the seed. */
const STREAM_CLOCK = 0x7274_6300;
const STREAM_CONTROLLER = 0x6d66_6900;

export interface MaltaDrive {
  /** Number of the controller it hangs on. */
  readonly controller: number;
  /** Undefined: a drive with nothing in it. */
  readonly medium: Medium | undefined;
}

export interface MaltaBoardOptions {
  /** MegaRAID controllers, 0 to 4, in PCI slots 18 and up; default 0. */
  readonly controllers?: number;
  /** In order of targets on their controllers. */
  readonly drives?: readonly MaltaDrive[];
  /** Of what hardware leaves to chance: the clock's phase and how long the controllers' commands take. Default 0. */
  readonly seed?: number;
  /** Mean time of a controller's commands that need no medium, seconds; 0 as in QEMU. Default COMMAND_SECONDS. */
  readonly commandSeconds?: number;
  /** Date at power-on, seconds since 1970. */
  readonly start?: number;
  /** False: the PIIX4's functions are not on the PCI bus; its ISA devices are there all the same. Default true. */
  readonly southbridge?: boolean;
  /** A byte was sent. @param port 0 COM1 (ttyS0), 1 COM2 (ttyS1), 2 CBUS UART (ttyS2) */
  readonly onSerial?: (port: number, byte: number) => void;
}

/** Everything in the devices, as plain values; RAM and CPU are not among them. */
export interface MaltaBoardState {
  readonly timers: TimersState;
  readonly pci: PciBusState;
  readonly gt64120: Gt64120State;
  readonly pirq: readonly number[] | null;
  readonly interrupts: InterruptControllersState;
  readonly timer: I8254State;
  readonly power: PowerState;
  readonly clock: Mc146818State;
  readonly serial: readonly UartState[];
  readonly keyboard: I8042State;
  readonly fpga: FpgaState;
  readonly controllers: readonly ControllerState[];
}

export class MaltaBoard {
  readonly timers: Timers;
  readonly pci = new PciBus();
  readonly gt64120: Gt64120;
  readonly interrupts: InterruptControllers;
  readonly timer: I8254;
  readonly power: PowerManagement;
  readonly clock: Mc146818;
  /** COM1, COM2 and the CBUS UART. */
  readonly serial: readonly [Uart, Uart, Uart];
  readonly keyboard: I8042;
  readonly fpga: Fpga;
  readonly controllers: readonly MegaRaidController[];
  /** All disks, in the order of the drives they were made of. */
  readonly disks: readonly ScsiDisk[];
  readonly #host: BoardHost;
  readonly #piix4: Piix4Functions | undefined;
  readonly #isa: IsaBus;

  /** @throws RangeError for more controllers or disks than there is room for */
  constructor(host: BoardHost, options: MaltaBoardOptions = {}) {
    const { controllers = 0, drives = [], seed = 0, southbridge = true, onSerial, start } = options;
    const { commandSeconds = COMMAND_SECONDS } = options;
    this.#host = host;
    this.timers = new Timers(() => host.now());
    const setIrq = (irq: number, asserted: boolean): void => this.interrupts.setIrq(irq, asserted);
    this.interrupts = new InterruptControllers((asserted) => host.setInterruptLine(IP_I8259, asserted));
    this.gt64120 = new Gt64120(this.pci, host.bigEndian, () => this.interrupts.acknowledge());
    this.interrupts.slave.writeElcr(PCI_LEVEL_TRIGGERED);
    this.#piix4 = southbridge ? new Piix4Functions(this.pci, setIrq) : undefined;
    this.timer = new I8254(this.timers, (asserted) => setIrq(IRQ_TIMER, asserted));
    this.power = new PowerManagement(
      () => host.now(),
      () => host.end('power off'),
    );
    this.clock = new Mc146818(
      this.timers,
      (nanoseconds) => host.consume(nanoseconds),
      (asserted) => setIrq(IRQ_CLOCK, asserted),
      { phase: new Random(seed, STREAM_CLOCK).below(1_000_000_000), ...(start === undefined ? {} : { start }) },
    );
    this.serial = [
      new Uart((asserted) => setIrq(IRQ_COM1, asserted), this.timers),
      new Uart((asserted) => setIrq(IRQ_COM2, asserted), this.timers),
      new Uart((asserted) => host.setInterruptLine(IP_CBUS_UART, asserted), this.timers),
    ];
    if (onSerial) this.serial.forEach((uart, port) => (uart.onByte = (byte) => onSerial(port, byte)));
    this.keyboard = new I8042(
      (asserted) => setIrq(IRQ_KEYBOARD, asserted),
      (asserted) => setIrq(IRQ_MOUSE, asserted),
      () => host.end('reset'),
    );
    this.fpga = new Fpga(host.bigEndian, () => host.end('reset'));
    this.#isa = new IsaBus({
      interrupts: this.interrupts,
      timer: this.timer,
      clock: this.clock,
      com1: this.serial[0],
      com2: this.serial[1],
      keyboard: this.keyboard,
      reset: () => host.end('reset'),
    });
    this.disks = drives.map(({ medium }, drive) => new ScsiDisk(drive, medium));
    this.controllers = this.#plugIn(controllers, drives, seed, commandSeconds);
    this.#mapDevices();
  }

  #plugIn(count: number, drives: readonly MaltaDrive[], seed: number, commandSeconds: number): MegaRaidController[] {
    if (count > MAX_CONTROLLERS) throw new RangeError(`at most ${MAX_CONTROLLERS} controllers`);
    const host = this.#host;
    const bus = new RamBusMaster(
      () => host.ram(),
      (address, length) => host.codeChanged(address, length),
    );
    return Array.from({ length: count }, (_, index) => {
      const slot = FIRST_CONNECTOR + index;
      const own = this.disks.filter((_, drive) => drives[drive].controller === index);
      if (own.length > MAX_DISKS) throw new RangeError(`at most ${MAX_DISKS} disks on a controller`);
      const controller = new MegaRaidController(
        {
          bus,
          setInterrupt: (asserted) => this.#piix4?.setPirq(pirqOf(slot, 1), asserted),
          schedule: (seconds, run) => this.timers.at(Math.round(host.now() + seconds * 1e9), run),
          again: (deadline, run) => this.timers.again(deadline, run),
        },
        {
          disks: own,
          latency: {
            command: commandSeconds,
            medium: MEDIUM_SECONDS,
            random: new Random(seed, STREAM_CONTROLLER + index),
          },
        },
      );
      this.pci.add(slot, new MegaRaidPciDevice(controller));
      return controller;
    });
  }

  /**
   * Device callbacks are bound methods here, not closures: V8 keeps a function's optimised code as long as the function, and compiled the
   * closures of a board anew for each board of a sweep.
   */
  #mapDevices(): void {
    const host = this.#host;
    host.mapMmio(PCI_IO.base, PCI_IO.size, this.#readPort.bind(this), this.#writePort.bind(this));
    for (const { base, size } of [PCI_MEMORY, PCI_MEMORY_1])
      host.mapMmio(base, size, this.#readMemory.bind(this, base), this.#writeMemory.bind(this, base));
    const { gt64120 } = this;
    host.mapMmio(GT64120.base, GT64120.size, gt64120.read.bind(gt64120), gt64120.write.bind(gt64120));
    host.mapMmio(FPGA.base, FPGA.size, this.#readFpga.bind(this), this.#writeFpga.bind(this));
    host.mapMmio(
      BOOT_FLASH.base,
      BOOT_FLASH.size,
      (offset, size) => ((offset & ~3) === REVISION ? this.#part(REVISION_VALUE, offset, size) : 0),
      () => {}, // read only
    );
  }

  /** A word on the little-endian buses: byte addresses stay what they are, so a big-endian CPU sees words turned round. */
  #littleEndian(value: number, size: number): number {
    return this.#host.bigEndian ? swap(value, size) : truncate(value, size);
  }

  #readMemory(base: number, offset: number, size: number): number {
    return this.#littleEndian(this.pci.read('memory', base + offset, size), size);
  }

  #writeMemory(base: number, offset: number, size: number, value: number): void {
    this.pci.write('memory', base + offset, size, this.#littleEndian(value, size));
  }

  /** What a load of `size` bytes at `offset` finds of a word in the CPU's order. */
  #part(word: number, offset: number, size: number): number {
    const lane = offset & 3;
    return truncate(word >>> (8 * (this.#host.bigEndian ? 4 - size - lane : lane)), size);
  }

  #readPort(port: number, size: number): number {
    return this.#littleEndian(this.#inPort(port, size), size);
  }

  #writePort(port: number, size: number, value: number): void {
    this.#outPort(port, size, this.#littleEndian(value, size));
  }

  #inPort(port: number, size: number): number {
    if (port < ISA_PORTS) return this.#isa.read(port, size);
    const power = this.#piix4?.powerOffset(port);
    return power === undefined ? this.pci.read('io', port, size) : this.power.read(power, size);
  }

  #outPort(port: number, size: number, value: number): void {
    if (port < ISA_PORTS) return this.#isa.write(port, size, value);
    const power = this.#piix4?.powerOffset(port);
    if (power === undefined) this.pci.write('io', port, size, value);
    else this.power.write(power, size, value);
  }

  #readFpga(offset: number, size: number): number {
    if (offset >= CBUS_UART && offset < CBUS_UART_END)
      return truncate(this.serial[2].read((offset - CBUS_UART) >> 3), size);
    return truncate(this.fpga.read(offset & ~3), size);
  }

  #writeFpga(offset: number, _size: number, value: number): void {
    if (offset >= CBUS_UART && offset < CBUS_UART_END) this.serial[2].write((offset - CBUS_UART) >> 3, value & 0xff);
    else this.fpga.write(offset & ~3, value >>> 0);
  }

  state(): MaltaBoardState {
    return {
      timers: this.timers.state(),
      pci: this.pci.state(),
      gt64120: this.gt64120.state(),
      pirq: this.#piix4?.state() ?? null,
      interrupts: this.interrupts.state(),
      timer: this.timer.state(),
      power: this.power.state(),
      clock: this.clock.state(),
      serial: this.serial.map((uart) => uart.state()),
      keyboard: this.keyboard.state(),
      fpga: this.fpga.state(),
      controllers: this.controllers.map((controller) => controller.state()),
    };
  }

  /** Brings a board made with the same options into a saved state. The host's interrupt lines are the host's to restore. */
  restore(state: MaltaBoardState): void {
    this.timers.restore(state.timers); // first: the others ask for their calls again
    this.pci.restore(state.pci);
    this.gt64120.restore(state.gt64120);
    if (state.pirq) this.#piix4?.restore(state.pirq);
    this.interrupts.restore(state.interrupts);
    this.timer.restore(state.timer);
    this.power.restore(state.power);
    this.clock.restore(state.clock);
    this.serial.forEach((uart, port) => uart.restore(state.serial[port]));
    this.keyboard.restore(state.keyboard);
    this.fpga.restore(state.fpga);
    this.controllers.forEach((controller, index) => controller.restore(state.controllers[index]));
  }
}
