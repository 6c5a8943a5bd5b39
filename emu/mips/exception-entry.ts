// What a MIPS32 CPU does when an exception is taken (MD00090 volume III). The engine reports exceptions as interrupts and leaves
// EPC, Cause, Status.EXL and the vector to us, with PC already overwritten. This is the TypeScript twin of
// emu/unicorn/shim/shim.c: both must count and act alike.
import { type Context, type Engine, HOOK, REG } from '../unicorn/engine.js';
import { type CpuState, EXC_DELAY_SLOT, EXC_FETCH, EXC_NESTED, EXC_NO_MATCH } from '../unicorn/shim/cpu-state.js';
import { hasDelaySlot } from './branches.js';
import {
  CAUSE_BD,
  CAUSE_CE,
  CAUSE_EXC_CODE,
  ERROR_FETCH,
  ERROR_NO_MATCH,
  EXC_CODE,
  STATUS_EXL,
  VECTOR_REFILL,
} from './cp0.js';
import type { InstructionStops } from './instruction-stops.js';
import { HFLAGS, type RegisterLayout } from './register-layout.js';
import type { TimedHooks } from './timed-hooks.js';
import { OFFSET_GENERAL, type Timer } from './timer.js';

/** The word of `jr`, and the bits it shares with `jalr`. */
const SPECIAL_JR = 0x08;
const JUMP_REGISTER_MASK = 0xfc00_003e;
/** Function field of `break`. */
const SPECIAL_BREAK = 0x0d;
/** COP0 .. COP1X, cache and the loads and stores of coprocessors 1 and 2: what can be unusable. */
const COPROCESSOR_OPCODES = new Set([0x10, 0x11, 0x12, 0x13, 0x2f, 0x31, 0x32, 0x35, 0x36, 0x39, 0x3a, 0x3d, 0x3e]);
/** movf and movt, which want coprocessor 1. */
const MOVCI_MASK = 0xfc00_003f;

export class ExceptionEntry {
  readonly #engine: Engine;
  readonly #state: CpuState;
  readonly #context: Context;
  readonly #layout: RegisterLayout;
  readonly #observer: () => void;
  readonly #instructionAt: (address: number) => number | undefined;
  /** Where exception vectors begin, for a guest that can move them (EBase). */
  vectorBase: (() => number) | undefined;

  /**
   * @param context scratch space
   * @param instructionAt the word at a kseg0 or kseg1 address in RAM
   * @param observer called after each entry while `state.observe` is set
   */
  constructor(
    engine: Engine,
    state: CpuState,
    context: Context,
    layout: RegisterLayout,
    instructionAt: (address: number) => number | undefined,
    observer: () => void,
  ) {
    this.#instructionAt = instructionAt;
    this.#engine = engine;
    this.#state = state;
    this.#context = context;
    this.#layout = layout;
    this.#observer = observer;
  }

  /**
   * Installs the CODE and INTR hooks, as the C shim would.
   * @param checkJumps turn jumps to misaligned addresses into address errors before the engine follows them
   * @param limitBlock called before each instruction
   * @param timed for a guest with a timer
   * @param stops where a debugger wants to be asked by `ask`
   */
  attach(
    checkJumps: boolean,
    limitBlock?: () => void,
    timed?: TimedHooks,
    stops?: InstructionStops,
    ask?: (pc: number) => void,
  ): void {
    const state = this.#state;
    this.#engine.hook_add(HOOK.CODE, (pc) => {
      limitBlock?.();
      if (timed?.isBoundary(pc) && this.#takesInterrupt(timed.timer, pc)) return;
      if (stops?.wants(pc)) {
        ask?.(pc);
        if (stops.takeMoved()) {
          state.nextPc = 1;
          return;
        }
      }
      if (state.stop || state.exhausted) {
        state.nextPc = pc; // comes back here: no boundary
        this.#engine.emu_stop();
        return;
      }
      state.startInstruction(pc);
      timed?.started(pc);
      if (checkJumps) this.#checkJump(pc);
    });
    this.#engine.hook_add(HOOK.INTR, (intno) => {
      const excCode = this.#excCodeOf(intno);
      if (excCode >= 0) {
        this.enter(excCode, state.pc);
      } else {
        state.failure = intno;
        this.#engine.emu_stop();
      }
    });
  }

  /** Events and interrupts before the instruction at `pc`; true when the program counter goes elsewhere. */
  #takesInterrupt(timer: Timer, pc: number): boolean {
    const state = this.#state;
    if (timer.runDue(state.instructions) && state.stop) {
      state.timer.forceBoundary(); // not over: interrupts are looked at when the run goes on
      return false;
    }
    if (!timer.pending || timer.inDelaySlot) return false;
    const { vector, status } = timer.enterInterrupt(pc);
    this.#engine.reg_write_i32(REG.CP0_STATUS, status);
    state.nextPc = 1;
    state.exceptions[EXC_CODE.Int]++;
    if (state.observe) {
      state.setLastException(EXC_CODE.Int, 0, pc, pc, this.#save()[this.#layout.badVAddr]);
      this.#observer();
    }
    state.redirected = true;
    state.redirectPc = vector;
    this.#engine.emu_stop();
    return true;
  }

  /**
   * libunicorn 2.1.x fetches while it translates and cannot go on after a fetch from a misaligned address. A jump to one is
   * turned into the address error that the fetch would give; its delay slot counts, but is not run.
   */
  #checkJump(pc: number): void {
    const word = this.#instructionAt(pc);
    if (word === undefined || (word & JUMP_REGISTER_MASK) !== SPECIAL_JR) return;
    const target = this.#engine.reg_read_i32(REG.GPR0 + ((word >>> 21) & 31));
    if ((target & 3) !== 2) return;
    this.#state.startInstruction(pc);
    const words = this.#save();
    const link = (word >>> 11) & 31;
    if ((word & 1) !== 0 && link !== 0) words[this.#layout.gpr + link] = pc + 8;
    words[this.#layout.badVAddr] = target;
    this.#enter(words, EXC_CODE.AdEL, ERROR_FETCH, target);
    this.#state.redirected = true;
    this.#engine.emu_stop();
  }

  #excCodeOf(intno: number): number {
    const state = this.#state;
    const excCode = intno < state.codeOf.length ? state.codeOf[intno] : -1;
    // unicorn.js reports break as syscall and reserved instructions as an unusable coprocessor.
    if (excCode === EXC_CODE.Sys && state.pc % 4 !== 0) return EXC_CODE.Bp; // MIPS16 has no syscall
    const word = excCode === EXC_CODE.Sys || excCode === EXC_CODE.CpU ? this.#instructionAt(state.pc) : undefined;
    if (word === undefined) return excCode;
    if (excCode === EXC_CODE.Sys)
      return word >>> 26 !== 0 || (word & 0x3f) === SPECIAL_BREAK ? EXC_CODE.Bp : EXC_CODE.Sys;
    return COPROCESSOR_OPCODES.has(word >>> 26) || (word & MOVCI_MASK) === 1 ? EXC_CODE.CpU : EXC_CODE.RI;
  }

  /** Enters the exception `excCode` of the instruction at `pc`; the guest goes on in its vector. */
  enter(excCode: number, pc: number): void {
    const words = this.#save();
    this.#enter(words, excCode, words[this.#layout.errorCode], pc);
  }

  /** @param words the saved context @param error QEMU's error_code */
  #enter(words: Uint32Array, excCode: number, error: number, pc: number): void {
    const layout = this.#layout;
    const state = this.#state;
    const status = words[layout.status];
    const hflags = words[layout.hflags];
    const nested = (status & STATUS_EXL) !== 0;
    const tlb = excCode === EXC_CODE.TLBL || excCode === EXC_CODE.TLBS;
    const noMatch = tlb && (error & ERROR_NO_MATCH) !== 0;
    const fetch = (excCode === EXC_CODE.TLBL || excCode === EXC_CODE.AdEL) && (error & ERROR_FETCH) !== 0;
    const faulting = fetch ? words[layout.badVAddr] : pc;
    const delaySlot =
      (hflags & HFLAGS.branch) !== 0 || (!fetch && this.#losesBranch(excCode) && this.#followsBranch(pc));
    const base = this.vectorBase?.() ?? VECTOR_REFILL;

    let cause = words[layout.cause];
    if (!nested) {
      words[layout.epc] = (delaySlot ? faulting - 4 : faulting) | (hflags & HFLAGS.mips16 ? 1 : 0);
      cause = delaySlot ? cause | CAUSE_BD : cause & ~CAUSE_BD;
    }
    cause = (cause & ~(CAUSE_CE | CAUSE_EXC_CODE)) | (excCode << 2);
    if (excCode === EXC_CODE.CpU) cause |= (error & 3) << 28;
    words[layout.cause] = cause;
    words[layout.hflags] = hflags & ~(HFLAGS.branch | HFLAGS.mips16);
    words[layout.pc] = noMatch && !nested ? base : base + OFFSET_GENERAL;
    state.redirectPc = words[layout.pc];
    const epc = words[layout.epc];
    const badVAddr = words[layout.badVAddr];
    this.#engine.context_restore(this.#context);
    // A register write also recomputes the engine's idea of the mode, which restoring does not.
    this.#engine.reg_write_i32(REG.CP0_STATUS, status | STATUS_EXL);

    state.leaveSequence();
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

  /** Whether hflags may not tell that the instruction is in a delay slot: when it is over already, or when a helper of unicorn.js raised it. */
  #losesBranch(excCode: number): boolean {
    return excCode === EXC_CODE.DBE || this.#engine.losesBranchState === true;
  }

  /** Whether the instruction before was the branch at `pc - 4`: the one at `pc` is then in its delay slot. */
  #followsBranch(pc: number): boolean {
    const word = this.#instructionAt(pc - 4);
    return word !== undefined && this.#state.previousPc === pc - 4 && hasDelaySlot(word);
  }

  #save(): Uint32Array {
    this.#engine.context_save(this.#context);
    return this.#context.words();
  }
}
