// The calls that led to an instruction of somebody's kernel, from its functions' prologues, and the task that runs, where that can be told.
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { unwind } from '../kernel/unwind.js';
import type { GuestNames } from '../linux/guest-names.js';
import { commOf, commOffset } from '../linux/task-name.js';

/** Stacks are looked at up to here from where sp points. */
const MOST_STACK = 0x4000;

/** Return addresses from the innermost frame outwards, `pc` first. */
export function guestTrace(cpu: MipsCpu, names: GuestNames, pc: number, sp: number, ra: number): number[] {
  const memory = { symbols: names, peek32: (address: number): number => peek(cpu, address) ?? 0 };
  const trace = unwind(memory, pc, sp, ra, sp + MOST_STACK);
  return trace.length > 0 ? trace : [pc, ...unwind(memory, ra, sp, ra, sp + MOST_STACK)];
}

/** The word at a virtual address, without disturbing the TLB; undefined where there is no RAM. */
export function peek(cpu: MipsCpu, virtual: number): number | undefined {
  const physical = cpu.physicalAddress(virtual & ~3);
  return physical !== undefined && physical + 4 <= cpu.ramBytes
    ? cpu.view.getUint32(physical, cpu.littleEndian)
    : undefined;
}

const GP = 28;

/** The name of the Linux task that runs: $28 is its thread_info, whose first word is the task. Undefined for other kernels and in user mode. */
export function currentTask(cpu: MipsCpu, names: GuestNames): string | undefined {
  const initTask = names.address('init_task');
  const offset = initTask === undefined ? undefined : commOffset(cpu, initTask);
  const task = peek(cpu, cpu.reg(GP));
  return offset === undefined || task === undefined ? undefined : commOf(cpu, task, offset);
}
