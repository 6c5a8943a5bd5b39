// What went wrong for everybody to see, with what stands in the CPU and what had been read of what stale stores left by then.
import type { ExceptionRecord, MipsCpu } from '../../emu/mips/cpu.js';
import type { KernelEvent } from '../kernel/events.js';
import type { CorruptedRead } from './corrupted-words.js';

/** An oops or a BUG. */
export interface Symptom {
  event: KernelEvent & { type: 'oops' | 'bug' };
  /** General registers at the fault; undefined for a BUG. */
  registers: readonly number[] | undefined;
  /** What had been read of what stale stores left, before it. */
  reads: readonly CorruptedRead[];
  /** What a per-CPU pointer is off from the address of each CPU's copy. */
  perCpuOffsets: readonly number[];
}

/** What follows the first few is their consequence. */
const MAX_SYMPTOMS = 16;

export class Symptoms {
  /** In order of time, MAX_SYMPTOMS at most. */
  readonly list: Symptom[] = [];
  readonly #cpu: MipsCpu;
  readonly #reads: () => readonly CorruptedRead[];
  readonly #perCpuOffsets: () => number[];
  #lastFault: { epc: number; registers: number[]; reads: readonly CorruptedRead[] } | undefined;

  /** @param reads so far @param perCpuOffsets as in Symptom */
  constructor(cpu: MipsCpu, reads: () => readonly CorruptedRead[], perCpuOffsets: () => number[]) {
    this.#cpu = cpu;
    this.#reads = reads;
    this.#perCpuOffsets = perCpuOffsets;
  }

  /**
   * An exception that perhaps no handler mends has been taken: an oops may tell of it, when registers and memory have gone on. Where no TLB entry
   * matched the handler loads one first: what is wrong with it the next exception shows.
   */
  faulted({ epc, nested, noMatch }: ExceptionRecord): void {
    if (nested || noMatch) return;
    const registers = Array.from({ length: 32 }, (_, n) => (n === 0 ? 0 : this.#cpu.reg(n)));
    this.#lastFault = { epc, registers, reads: this.#reads() };
  }

  saw(event: KernelEvent & { type: 'oops' | 'bug' }): void {
    if (this.list.length === MAX_SYMPTOMS) return;
    const fault = event.type === 'oops' && this.#lastFault?.epc === event.epc ? this.#lastFault : undefined;
    this.list.push({
      event,
      registers: fault?.registers,
      reads: fault?.reads ?? this.#reads(),
      perCpuOffsets: this.#perCpuOffsets(),
    });
  }
}
