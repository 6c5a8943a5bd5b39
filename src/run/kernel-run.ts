// One run of somebody's kernel: the machine, its console as lines, and how it ended.
import type { KernelImage } from '../../emu/elf/kernel-image.js';
import { type KernelEnd, KernelMachine, type KernelMachineOptions } from '../../emu/malta/kernel-machine.js';
import type { DiskTraffic } from '../../emu/malta/megaraid/scsi-disk.js';
import { type GuestNames, MachineNames } from '../linux/guest-names.js';
import { RunningTasks } from '../linux/tasks.js';
import { decodeConsole, signature } from '../decode/index.js';
import { peek } from './guest-trace.js';
import { findCall, type FoundCall, type SkipCall, type SkippedCall } from './skip-calls.js';

/**
 * `waits for ever`: the CPU sleeps and nothing can wake it. `locked up`: nothing can be fetched at its exception vector. `stopped`: by somebody who
 * had seen enough.
 */
export type RunEnd = Exclude<KernelEnd, 'stopped'> | 'panic' | 'stall' | 'until' | 'seconds' | 'stale' | 'interrupted';

/** What a run comes to: `clean` when it ended by itself or as wanted and nothing broke. */
export type RunOutcome = 'clean' | 'panic' | 'oops' | 'bug' | 'stall' | 'limit' | 'interrupted';

export interface KernelRunOptions extends Omit<KernelMachineOptions, 'onSerial'> {
  kernel: KernelImage;
  /** Each byte on the console: COM1, or the UART that the kernel writes to. */
  onByte?: (byte: number) => void;
  /** Each line without its end. */
  onLine?: (line: string) => void;
  /** Ends the run when the console has shown this text. */
  until?: string;
  /** Virtual seconds. */
  maxSeconds?: number;
  maxInstructions?: number;
  /** Instructions without a word on the console, a disk command or sleep after which the kernel hangs. */
  stallInstructions?: number;
  /** Typed as soon as a driver listens. */
  input?: Uint8Array;
  /** Names from a System.map in place of the kernel's own. */
  systemMap?: GuestNames;
  /** Calls that are stepped over, from one function to another. */
  skipCalls?: readonly SkipCall[];
}

export const DEFAULT_MAX_SECONDS = 300;
export const DEFAULT_MAX_INSTRUCTIONS = 20e9;
/** Debian's kernel unpacks itself for 2.0e9 instructions without a word. */
export const DEFAULT_STALL_INSTRUCTIONS = 3e9;

/** Virtual time between two looks at the host's world: signals, the keyboard, hangs. */
const SLICE_NS = 20e6;
/** What a kernel prints after its last words is of no more interest. */
const AFTER_PANIC_NS = 500e6;
const FIRST_LINE = 'Linux version';
const LAST_WORDS = 'end Kernel panic - not syncing';
/** Lines longer than this are broken up. */
const LONGEST_LINE = 16_384;

export interface KernelRunCounters {
  instructions: number;
  virtualSeconds: number;
  interrupts: number;
  timerInterrupts: number;
  syscalls: number;
  tlbRefills: number;
  tlbInvalid: number;
  tlbModified: number;
  deviceAccesses: number;
  /** Of 512 bytes. */
  blocksRead: number;
  blocksWritten: number;
}

export class KernelRun {
  readonly machine: KernelMachine;
  readonly #options: KernelRunOptions;
  readonly lines: string[] = [];
  /** Called with each line of the console, after the option of that name. */
  onLine: ((line: string) => void) | undefined;
  #line = '';
  /** The serial port that carries the console. */
  #console: number | undefined;
  #tail = '';
  #typed = false;
  #end: RunEnd | undefined;
  #lastSign = 0;
  /** What addresses of the kernel are called. */
  readonly names: MachineNames;
  /** Who runs on it, where it is Linux. */
  readonly tasks: RunningTasks;
  /** Who waits for names. */
  #waiting: ((names: GuestNames) => boolean)[] = [];
  #unskipped: SkipCall[];
  readonly #skipped: { call: SkipCall; found: FoundCall; count: () => number }[] = [];

  /** @throws UsageError for what does not fit the board, and for calls to step over that the kernel does not make */
  constructor(options: KernelRunOptions) {
    this.#options = options;
    this.machine = new KernelMachine({ ...options, onSerial: (port, byte) => this.#serial(port, byte) });
    const { maxSeconds = DEFAULT_MAX_SECONDS, maxInstructions = DEFAULT_MAX_INSTRUCTIONS } = options;
    this.machine.cpu.instructionBudget = maxInstructions;
    this.machine.board.timers.at(Math.ceil(maxSeconds * 1e9), () => this.end('seconds'));
    this.names = new MachineNames(this.machine, options.systemMap);
    this.tasks = new RunningTasks(this.machine.cpu, () => this.names.current.address('init_task'));
    this.#unskipped = [...(options.skipCalls ?? [])];
    if (this.#unskipped.length === 0) return;
    try {
      this.whenNamed((names) => this.#installSkips(names));
    } catch (error) {
      this.machine.close();
      throw error;
    }
  }

  /**
   * Calls `use` with the kernel's names, now and between slices, until it says that it has what it wants. A stripped kernel has names only once it
   * runs, and those of where it stays once it says something.
   */
  whenNamed(use: (names: GuestNames) => boolean): void {
    this.#waiting.push(use);
    this.#offerNames();
  }

  #offerNames(): void {
    if (this.#waiting.length === 0 || (!this.names.known && this.lines.length === 0)) return;
    const names = this.names.current;
    this.#waiting = this.#waiting.filter((use) => !use(names));
  }

  /** @throws UsageError for calls that the kernel does not make */
  #installSkips(names: GuestNames): boolean {
    const { cpu } = this.machine;
    for (const call of this.#unskipped) {
      const found = findCall(names, (address) => peek(cpu, address), call);
      const counts = found.callers.flatMap(({ start, end }) =>
        found.callees.map((callee) => cpu.skipCall(callee.start, start, end)),
      );
      this.#skipped.push({ call, found, count: () => counts.reduce((sum, count) => sum + count(), 0) });
    }
    this.#unskipped = [];
    return true;
  }

  /** Calls that were to be stepped over: how often that happened; undefined for a kernel whose names were never found. */
  get skipped(): readonly SkippedCall[] {
    return [
      ...this.#skipped.map(({ call, found, count }) => ({ call, found, count: count() })),
      ...this.#unskipped.map((call) => ({ call, count: undefined })),
    ];
  }

  /** The first port that says something is the console, until COM1 speaks. */
  #serial(port: number, byte: number): void {
    if (this.#console === undefined || port === 0) this.#console = port;
    if (port !== this.#console) return;
    this.#lastSign = this.machine.cpu.instructions;
    this.#options.onByte?.(byte);
    const { until } = this.#options;
    if (until) {
      this.#tail = (this.#tail + String.fromCharCode(byte)).slice(-until.length);
      if (this.#tail === until) this.end('until');
    }
    if (byte === 0x0a || this.#line.length >= LONGEST_LINE) this.#endLine();
    else if (byte !== 0x0d) this.#line += String.fromCharCode(byte);
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = '';
    this.lines.push(line);
    // A kernel that has unpacked itself is where it stays, and has not set up anything yet.
    if (line.includes(FIRST_LINE)) {
      this.names.settle();
      if (this.#waiting.length > 0) this.machine.stop();
    }
    this.#options.onLine?.(line);
    this.onLine?.(line);
    if (line.includes(LAST_WORDS)) {
      const { timers } = this.machine.board;
      timers.at(this.machine.cpu.now + AFTER_PANIC_NS, () => this.end('panic'));
    }
  }

  /** Ends the run where the guest is. */
  end(why: RunEnd): void {
    this.#end ??= why;
    this.machine.stop();
  }

  /** Types on the console. */
  type(bytes: Uint8Array): void {
    this.machine.board.serial[this.#console ?? 0].type(bytes);
  }

  #counters: KernelRunCounters | undefined;
  /** In one go. */
  #whole = false;

  /** Runs in slices, so that whoever runs it can look at other things between them. The last value is how it ended. */
  *slices(): Generator<undefined, RunEnd> {
    const { machine } = this;
    const { stallInstructions = DEFAULT_STALL_INSTRUCTIONS, input } = this.#options;
    this.#lastSign = machine.cpu.instructions;
    let sleep = machine.cpu.sleeps;
    const slice = (): void => {
      machine.stop();
      machine.board.timers.at(machine.cpu.now + SLICE_NS, slice);
    };
    if (!this.#whole) machine.board.timers.at(machine.cpu.now + SLICE_NS, slice);
    for (;;) {
      const end = machine.run();
      if (this.#end === undefined && end !== 'stopped') this.#end = end;
      if (this.#end !== undefined) {
        if (this.#line !== '') this.#endLine();
        return this.#end;
      }
      this.#offerNames();
      if (input && !this.#typed && machine.board.serial[this.#console ?? 0].listening) {
        this.#typed = true;
        this.type(input);
      }
      if (machine.cpu.sleeps !== sleep) this.#lastSign = machine.cpu.instructions;
      sleep = machine.cpu.sleeps;
      if (machine.cpu.instructions - this.#lastSign > stallInstructions) this.end('stall');
      else yield;
    }
  }

  /** Runs to its end. @param slices false: in one go, for a debugger that takes each stop for the end; hangs are not seen */
  run({ slices: sliced = true } = {}): RunEnd {
    this.#whole = !sliced;
    const slices = this.slices();
    for (;;) {
      const step = slices.next();
      if (step.done) return step.value;
    }
  }

  /** Of the run so far; after `close` what they were then. */
  get counters(): KernelRunCounters {
    if (this.#counters) return this.#counters;
    const { cpu, board, deviceAccesses } = this.machine;
    const { exceptions } = cpu;
    const blocks = (count: (traffic: DiskTraffic) => number): number =>
      board.disks.reduce((sum, { traffic }) => sum + count(traffic), 0);
    return {
      instructions: cpu.instructions,
      virtualSeconds: cpu.now / 1e9,
      interrupts: cpu.interrupts.all,
      timerInterrupts: cpu.interrupts.timer,
      syscalls: exceptions.syscall,
      tlbRefills: exceptions.tlbRefillLoad + exceptions.tlbRefillStore,
      tlbInvalid: exceptions.tlbInvalidLoad + exceptions.tlbInvalidStore,
      tlbModified: exceptions.tlbModified,
      deviceAccesses,
      blocksRead: blocks(({ blocksRead }) => blocksRead),
      blocksWritten: blocks(({ blocksWritten }) => blocksWritten),
    };
  }

  close(): void {
    this.#counters ??= this.counters;
    this.machine.close();
  }
}

/** What the console and the end come to. */
export function runOutcome(end: RunEnd, lines: readonly string[]): { outcome: RunOutcome; signature: string } {
  const decoded = decodeConsole(lines);
  const { outcome } = decoded;
  if (outcome === 'panic' || outcome === 'oops' || outcome === 'bug') return { outcome, signature: signature(decoded) };
  if (end === 'stall' || end === 'waits for ever' || end === 'locked up')
    return { outcome: 'stall', signature: outcome === 'clean' ? '' : signature(decoded) };
  if (end === 'interrupted') return { outcome: 'interrupted', signature: '' };
  if (end === 'seconds' || end === 'instructions') return { outcome: 'limit', signature: '' };
  return { outcome: 'clean', signature: '' };
}
