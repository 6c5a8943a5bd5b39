// Calls of chosen functions of a running kernel: their entries with arguments, and their returns with the value, told apart by the stack.
import type { MipsCpu } from '../../emu/mips/cpu.js';

/** The calling convention's registers (o32). */
const V0 = 2;
const A0 = 4;
const GP = 28;
const SP = 29;
const RA = 31;

/** A call that is being made. */
export interface Call {
  /** a0 .. a3, unsigned. */
  readonly args: readonly [number, number, number, number];
  /** Where it returns to. */
  readonly ra: number;
  readonly sp: number;
  /** The kernel keeps the thread_info of the task that runs in $28, in interrupts too. */
  readonly thread: number;
}

/** Called when the call has returned, with v0. */
export type OnReturn = (value: number) => void;

/** What is needed of a CPU. */
export type WatchedCpu = Pick<MipsCpu, 'reg' | 'watchBlocks'>;

export class CallWatch {
  readonly #cpu: WatchedCpu;
  readonly #entries = new Map<number, (call: Call) => OnReturn | undefined>();
  /** Calls under way, by where they return to, the innermost last. */
  readonly #open = new Map<number, { sp: number; onReturn: OnReturn }[]>();
  readonly #watch: (address: number) => void;

  constructor(cpu: WatchedCpu) {
    this.#cpu = cpu;
    this.#watch = cpu.watchBlocks((pc) => this.#block(pc));
  }

  /** @param onCall called at each entry; what it returns is called when that call returns */
  add(address: number, onCall: (call: Call) => OnReturn | undefined): void {
    this.#entries.set(address, onCall);
    this.#watch(address);
  }

  #block(pc: number): void {
    const onCall = this.#entries.get(pc);
    if (onCall) this.#enter(onCall);
    const open = this.#open.get(pc);
    if (open && open.length > 0) this.#return(open);
  }

  #enter(onCall: (call: Call) => OnReturn | undefined): void {
    const cpu = this.#cpu;
    const ra = cpu.reg(RA);
    const sp = cpu.reg(SP);
    const onReturn = onCall({
      args: [cpu.reg(A0), cpu.reg(A0 + 1), cpu.reg(A0 + 2), cpu.reg(A0 + 3)],
      ra,
      sp,
      thread: cpu.reg(GP),
    });
    if (!onReturn) return;
    const open = this.#open.get(ra);
    if (open) open.push({ sp, onReturn });
    else {
      this.#open.set(ra, [{ sp, onReturn }]);
      this.#watch(ra);
    }
  }

  /** The innermost call first: one that ends with a jump to another returns together with it. */
  #return(open: { sp: number; onReturn: OnReturn }[]): void {
    const sp = this.#cpu.reg(SP);
    for (let i = open.length - 1; i >= 0; i--) {
      if (open[i]!.sp !== sp) continue;
      const { onReturn } = open[i]!;
      open.splice(i, 1);
      onReturn(this.#cpu.reg(V0));
    }
  }
}
