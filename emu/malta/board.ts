// The Malta board as our own guest has it: the CPU, its RAM, the devices of malta-board.ts and the doorbell to the host.
import { type CpuModel, MipsCpu, type TlbMode } from '../mips/cpu.js';
import { UsageError } from '../errors.js';
import type { EngineLibrary } from '../unicorn/engine.js';
import { MaltaBoard } from './malta-board.js';
import { DOORBELL } from './memory-map.js';
import type { PciBus } from './pci.js';
import type { Uart } from './uart.js';

export const DEFAULT_MEMORY_MB = 128;
/** The image, its stack and the self test's pages need this much. */
const MIN_MEMORY_MB = 16;
/** Above are the PCI windows. */
const MAX_MEMORY_MB = 256;

export interface BoardOptions {
  engine: EngineLibrary;
  /** Default 24Kf. */
  cpu?: CpuModel;
  /** Default qemu. */
  tlb?: TlbMode;
  /** RAM in MB, 16 to 256, default 128. */
  memoryMB?: number;
  /** Of TLB replacement; 32 bits, default 0. */
  seed?: number;
  /** False: without the C hooks. */
  shim?: boolean;
  /** The CPU's instructions can be waited for (MipsCpuOptions). */
  debug?: boolean;
  /** Every access through the TLB is checked (MipsCpu.translations). */
  check?: boolean;
}

export class Board {
  readonly cpu: MipsCpu;
  readonly devices: MaltaBoard;
  /** A store to the doorbell register with this value. */
  onDoorbell: (call: number) => void = () => {};

  /** @throws UsageError when the memory size does not fit the address map */
  constructor({
    engine,
    cpu = '24Kf',
    tlb = 'qemu',
    memoryMB = DEFAULT_MEMORY_MB,
    seed = 0,
    shim = true,
    debug = false,
    check = false,
  }: BoardOptions) {
    if (!Number.isInteger(memoryMB) || memoryMB < MIN_MEMORY_MB || memoryMB > MAX_MEMORY_MB)
      throw new UsageError(`memory of ${memoryMB} MB: the board takes ${MIN_MEMORY_MB} to ${MAX_MEMORY_MB}, whole MB`);
    const ramBytes = memoryMB * 0x10_0000;
    this.cpu = new MipsCpu({ engine, model: cpu, ramBytes, tlb, seed, shim, debug, checkTranslations: check });
    // The guest polls and has the host for a clock: no device interrupts it or tells it the time. It does not look for a
    // southbridge either, and its console shows what is on the bus.
    this.devices = new MaltaBoard(
      {
        bigEndian: true,
        ram: () => this.cpu.ram,
        mapMmio: (physical, size, read, write) => this.cpu.mapMmio(physical, size, read, write),
        setInterruptLine: () => {},
        now: () => 0,
        consume: () => {},
        end: () => this.cpu.stop(),
        codeChanged: () => {},
      },
      { southbridge: false },
    );
    this.cpu.mapMmio(DOORBELL.base, DOORBELL.size, () => 0, this.#ring.bind(this));
  }

  #ring(_offset: number, _size: number, value: number): void {
    this.onDoorbell(value);
  }

  /** COM1, the guest's console. */
  get uart(): Uart {
    return this.devices.serial[0];
  }

  get pci(): PciBus {
    return this.devices.pci;
  }
}
