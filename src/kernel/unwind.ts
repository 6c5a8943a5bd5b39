// Call traces from stack frames, by looking at the functions' prologues (arch/mips/kernel/process.c unwind_stack).

const STACK_ADJUST = 0x27bd; // addiu sp, sp, imm
const SAVE_RA = 0xafbf; // sw ra, imm(sp)
const MAX_DEPTH = 32;

/** What is asked of a machine: functions by address, and words, 0 where there is no RAM. */
export interface Unwindable {
  readonly symbols: { lookup(address: number): { readonly start: number } | undefined };
  peek32(address: number): number;
  /**
   * Bytes from a call to where it returns to, for those who look callers up by their calls: behind a call that never returns another function may
   * begin. The kernel's own unwinder does not: default 0.
   */
  readonly callBytes?: number;
}

interface Frame {
  size: number;
  /** Offset of the saved return address, -1 when it is still in the register. */
  ra: number;
}

/** @param back bytes from the instruction whose function it is */
function frameAt(machine: Unwindable, pc: number, back: number): Frame | undefined {
  const fn = machine.symbols.lookup(pc - back);
  if (!fn) return undefined;
  const frame: Frame = { size: 0, ra: -1 };
  for (let at = fn.start; at < pc; at += 4) {
    const word = machine.peek32(at);
    const imm = (word << 16) >> 16;
    if (word >>> 16 === STACK_ADJUST && imm < 0 && frame.size === 0) frame.size = -imm;
    else if (word >>> 16 === SAVE_RA && frame.ra < 0) frame.ra = imm;
  }
  return frame;
}

/** Return addresses from the innermost frame outwards, `pc` first. Kseg0 stack between sp and stackEnd only. */
export function unwind(machine: Unwindable, pc: number, sp: number, ra: number, stackEnd: number): number[] {
  const trace: number[] = [];
  let innermost = true;
  while (trace.length < MAX_DEPTH) {
    const frame = frameAt(machine, pc, innermost ? 0 : (machine.callBytes ?? 0));
    if (!frame) break;
    trace.push(pc);
    if (frame.ra >= 0 && frame.size > 0) {
      if (sp + frame.ra + 4 > stackEnd) break;
      pc = machine.peek32(sp + frame.ra);
    } else if (innermost) {
      pc = ra;
    } else break;
    sp += frame.size;
    innermost = false;
    if (sp >= stackEnd) break;
  }
  return trace;
}

/** Bytes of a stack, and what it is aligned to. */
export const THREAD_SIZE = 8192;

/**
 * Every word on the stack that looks like a return address: what the kernel prints when it cannot unwind. A stack pointer that points
 * anywhere is followed to where a stack would end there (kstack_end()).
 */
export function rawTrace(machine: Unwindable, sp: number, stackEnd: number): number[] {
  const trace: number[] = [];
  const end = Math.min(stackEnd, ((sp | (THREAD_SIZE - 1)) >>> 0) + 1);
  for (let at = (sp & ~3) >>> 0; at < end && trace.length < MAX_DEPTH; at += 4) {
    const word = machine.peek32(at);
    if (machine.symbols.lookup(word)) trace.push(word);
  }
  return trace;
}
