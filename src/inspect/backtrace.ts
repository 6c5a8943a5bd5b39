// The calls that led to an instruction, from the functions' prologues; for any kernel that keeps frames as gcc makes them.
import { unwind } from '../kernel/unwind.js';
import type { GuestTask, Subject } from '../moments/subject.js';
import { wordAt } from './memory.js';

/** Kernel stacks lie at multiples of their size: Linux's THREAD_SIZE with 4 KB pages. */
const STACK = 0x2000;

/** Return addresses from the innermost frame outwards, `pc` first. */
export function backtrace(subject: Subject, pc: number, sp: number, ra: number, task: GuestTask | undefined): number[] {
  // interrupts run on the stack of the task, the first instructions of a boot on one that no task has
  const onStack = task && sp >= task.stack && sp < task.stack + task.stackBytes;
  const end = onStack ? task.stack + task.stackBytes : ((sp | (STACK - 1)) >>> 0) + 1;
  const memory = { symbols: subject.names, peek32: (address: number): number => wordAt(subject, address) ?? 0 };
  const trace = unwind(memory, pc, sp, ra, end);
  // outside the text, after a jump to nowhere: what the caller left in ra is where it came from
  return trace.length > 0 ? trace : [pc, ...unwind(memory, ra, sp, ra, end)];
}
