// What a MIPS32 CPU does when an exception is taken (MD00090 volume III). The engine reports exceptions as interrupts and leaves
// EPC, Cause, Status.EXL and the vector to us, with PC already overwritten. This is the TypeScript twin of
// emu/unicorn/shim/shim.c: both must count and act alike.
import { type Context, type Engine, HOOK, REG } from '../unicorn/engine.js';
import { type CpuState, EXC_DELAY_SLOT, EXC_FETCH, EXC_NESTED, EXC_NO_MATCH } from '../unicorn/shim/cpu-state.js';
import {
  CAUSE_BD,
  CAUSE_CE,
  CAUSE_EXC_CODE,
  ERROR_FETCH,
  ERROR_NO_MATCH,
  EXC_CODE,
  STATUS_EXL,
  VECTOR_GENERAL,
  VECTOR_REFILL,
} from './cp0.js';
import { HFLAGS_BRANCH, type RegisterLayout } from './register-layout.js';

export class ExceptionEntry {
  readonly #engine: Engine;
  readonly #state: CpuState;
  readonly #context: Context;
  readonly #layout: RegisterLayout;
  readonly #observer: () => void;

  /** @param context scratch space @param observer called after each entry while `state.observe` is set */
  constructor(engine: Engine, state: CpuState, context: Context, layout: RegisterLayout, observer: () => void) {
    this.#engine = engine;
    this.#state = state;
    this.#context = context;
    this.#layout = layout;
    this.#observer = observer;
  }

  /** Installs the CODE and INTR hooks, as the C shim would. */
  attach(): void {
    const state = this.#state;
    this.#engine.hook_add(HOOK.CODE, (pc) => {
      if (state.stop) this.#engine.emu_stop();
      else state.startInstruction(pc);
    });
    this.#engine.hook_add(HOOK.INTR, (intno) => {
      const excCode = intno < state.codeOf.length ? state.codeOf[intno] : -1;
      if (excCode >= 0) {
        this.enter(excCode, state.pc);
      } else {
        state.failure = intno;
        this.#engine.emu_stop();
      }
    });
  }

  /** Enters the exception `excCode` of the instruction at `pc`; the guest goes on in its vector. */
  enter(excCode: number, pc: number): void {
    const { layout, state, words } = { layout: this.#layout, state: this.#state, words: this.#save() };
    const status = words[layout.status];
    const error = words[layout.errorCode];
    const nested = (status & STATUS_EXL) !== 0;
    const delaySlot = (words[layout.hflags] & HFLAGS_BRANCH) !== 0;
    const tlb = excCode === EXC_CODE.TLBL || excCode === EXC_CODE.TLBS;
    const noMatch = tlb && (error & ERROR_NO_MATCH) !== 0;
    const fetch = (excCode === EXC_CODE.TLBL || excCode === EXC_CODE.AdEL) && (error & ERROR_FETCH) !== 0;
    const faulting = fetch ? words[layout.badVAddr] : pc;

    let cause = words[layout.cause];
    if (!nested) {
      words[layout.epc] = delaySlot ? faulting - 4 : faulting;
      cause = delaySlot ? cause | CAUSE_BD : cause & ~CAUSE_BD;
    }
    cause = (cause & ~(CAUSE_CE | CAUSE_EXC_CODE)) | (excCode << 2);
    if (excCode === EXC_CODE.CpU) cause |= (error & 3) << 28;
    words[layout.cause] = cause;
    words[layout.hflags] &= ~HFLAGS_BRANCH;
    words[layout.pc] = noMatch && !nested ? VECTOR_REFILL : VECTOR_GENERAL;
    const epc = words[layout.epc];
    const badVAddr = words[layout.badVAddr];
    this.#engine.context_restore(this.#context);
    // A register write also recomputes the engine's idea of the mode, which restoring does not.
    this.#engine.reg_write_i32(REG.CP0_STATUS, status | STATUS_EXL);

    state.exceptions[excCode + (noMatch ? 32 : 0)]++;
    if (state.observe) {
      const flags =
        (noMatch ? EXC_NO_MATCH : 0) |
        (delaySlot ? EXC_DELAY_SLOT : 0) |
        (fetch ? EXC_FETCH : 0) |
        (nested ? EXC_NESTED : 0);
      state.setLastException(excCode, flags, faulting, epc, badVAddr);
      this.#observer();
    }
  }

  #save(): Uint32Array {
    this.#engine.context_save(this.#context);
    return this.#context.words();
  }
}
