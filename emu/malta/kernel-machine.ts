// A board with somebody's kernel on it: CPU, devices, loader and virtual time put together, and why a run ends.
import type { KernelImage } from '../elf/kernel-image.js';
import { UsageError } from '../errors.js';
import { type CpuModel, MipsCpu, type TlbMode } from '../mips/cpu.js';
import { Random } from '../random.js';
import type { EngineLibrary } from '../unicorn/engine.js';
import type { BoardEnd, BoardHost, MmioRead, MmioWrite } from './board-host.js';
import { type BootState, loadKernel } from './loader.js';
import { MaltaBoard, type MaltaDrive } from './malta-board.js';

const MB = 0x10_0000;
export const KERNEL_MEMORY_MB = { least: 32, most: 256, default: 128 } as const;

/** Virtual time of an instruction: 500 million a second, so that a second of the guest is little more than one of ours. */
const NS_PER_INSTRUCTION = 2;
/** Count goes at half of the Malta's 200 MHz. */
const COUNT_NS = 10;
/** Stream of the seed: what Count shows at power-on. */
const STREAM_COUNT = 0x636f_756e;

export interface KernelMachineOptions {
  engine: EngineLibrary;
  kernel: KernelImage;
  /** Default 24Kf. */
  cpu?: CpuModel;
  /** MB, 32 to 256, default 128. */
  memoryMB?: number;
  /** `hardware`: entries that tlbwr throws out are gone at once. Default qemu. */
  tlb?: TlbMode;
  /** What hardware leaves to chance: TLB replacement, latencies, clock phase, Count. Default 0. */
  seed?: number;
  commandLine?: string;
  initrd?: Uint8Array;
  /** 0 to 4, default 0. */
  controllers?: number;
  drives?: readonly MaltaDrive[];
  /** Mean time of a controller's commands that need no medium, seconds. Default that of the board. */
  commandSeconds?: number;
  /** A byte was sent. @param port 0 COM1, 1 COM2, 2 CBUS UART */
  onSerial?: (port: number, byte: number) => void;
  /** Stops and the program counter exact at every instruction; slower. */
  precise?: boolean;
  /** Instructions can be waited for; implies `precise`. */
  debug?: boolean;
  /** False: without the C hooks. */
  shim?: boolean;
  /** The portable path even where there is the fast one. */
  portable?: boolean;
  /** Check translations (`cpu.translations`). */
  check?: boolean;
}

/** Why a run came back. */
export type KernelEnd = BoardEnd | 'stopped' | 'instructions' | 'waits for ever' | 'locked up';

export class KernelMachine {
  readonly cpu: MipsCpu;
  readonly board: MaltaBoard;
  readonly kernel: KernelImage;
  readonly boot: BootState;
  #end: KernelEnd | undefined;
  #started = false;
  #timerAt = Infinity;
  /** Accesses to devices. */
  deviceAccesses = 0;

  /** @throws UsageError for what does not fit the board */
  constructor(options: KernelMachineOptions) {
    const { engine, kernel, cpu = '24Kf', tlb = 'qemu', seed = 0, controllers = 0, drives = [] } = options;
    const { memoryMB = KERNEL_MEMORY_MB.default } = options;
    const { least, most } = KERNEL_MEMORY_MB;
    if (!Number.isInteger(memoryMB) || memoryMB < least || memoryMB > most)
      throw new UsageError(`memory of ${memoryMB} MB: the board takes ${least} to ${most}, whole MB`);
    this.kernel = kernel;
    this.cpu = new MipsCpu({
      engine,
      model: cpu,
      ramBytes: memoryMB * MB,
      tlb: 'qemu', // the guest uses tlbwr
      dropShadows: tlb === 'hardware',
      seed,
      littleEndian: !kernel.bigEndian,
      timer: {
        nsPerInstruction: NS_PER_INSTRUCTION,
        countNs: COUNT_NS,
        countStart: new Random(seed, STREAM_COUNT).uint32(),
      },
      ...(options.shim === undefined ? {} : { shim: options.shim }),
      ...(options.portable === undefined ? {} : { portable: options.portable }),
      ...(options.precise === undefined ? {} : { precise: options.precise }),
      ...(options.debug === undefined ? {} : { debug: options.debug }),
      ...(options.check === undefined ? {} : { checkTranslations: options.check }),
    });
    try {
      const { commandLine, initrd, onSerial } = options;
      this.board = new MaltaBoard(this.#host(), {
        controllers,
        drives,
        seed,
        ...(options.commandSeconds === undefined ? {} : { commandSeconds: options.commandSeconds }),
        ...(onSerial ? { onSerial } : {}),
      });
      this.boot = loadKernel({
        kernel,
        ram: this.cpu.ram,
        ...(commandLine === undefined ? {} : { commandLine }),
        ...(initrd === undefined ? {} : { initrd }),
      });
    } catch (error) {
      this.cpu.close();
      throw error;
    }
    this.boot.gpr.forEach((value, n) => {
      if (n > 0) this.cpu.setReg(n, value);
    });
    this.cpu.status = this.boot.status;
  }

  #host(): BoardHost {
    const { cpu } = this;
    return {
      bigEndian: !cpu.littleEndian,
      ram: () => cpu.ram,
      mapMmio: (physical: number, size: number, read: MmioRead, write: MmioWrite) =>
        cpu.mapMmio(
          physical,
          size,
          (offset, width) => {
            this.deviceAccesses++;
            const value = read(offset, width);
            this.#retime();
            return value;
          },
          (offset, width, value) => {
            this.deviceAccesses++;
            write(offset, width, value);
            this.#retime();
          },
        ),
      setInterruptLine: (ip, asserted) => cpu.setInterruptLine(ip, asserted),
      now: () => cpu.now,
      consume: (nanoseconds) => cpu.passTime(nanoseconds),
      end: (reason) => this.stop(reason),
      codeChanged: (physical, bytes) => cpu.codeChanged(0x8000_0000 + physical, bytes),
    };
  }

  /** The CPU is told when the board's next timer is due. */
  #retime(): void {
    const at = this.board.timers.next();
    if (at === this.#timerAt) return;
    this.#timerAt = at;
    this.cpu.event = {
      at,
      callback: () => {
        this.board.timers.runDue();
        this.#timerAt = NaN;
        this.#retime();
      },
    };
  }

  /** Ends the run behind what the guest is doing. */
  stop(reason: KernelEnd = 'stopped'): void {
    this.#end ??= reason;
    this.cpu.stop();
  }

  /** Runs until something ends it. Once it came back it can go on, unless the machine is off. @throws as MipsCpu.run */
  run(): KernelEnd {
    this.#end = undefined;
    this.#retime();
    const end = this.cpu.run(this.#started ? this.cpu.nextPc : this.boot.pc);
    this.#started = true;
    if (end === 'budget') return 'instructions';
    if (end === 'locked up') return end;
    return this.#end ?? (end === 'wait' ? 'waits for ever' : 'stopped');
  }

  /** Frees the guest. */
  close(): void {
    this.cpu.close();
  }
}
