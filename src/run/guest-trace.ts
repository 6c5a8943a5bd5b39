// The calls that led to an instruction of somebody's kernel, from its functions' prologues.
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { unwind } from '../kernel/unwind.js';
import { CALL, type GuestNames } from '../linux/guest-names.js';

/** Stacks are looked at up to here from where sp points. */
const MOST_STACK = 0x4000;

/** Return addresses from the innermost frame outwards, `pc` first. */
export function guestTrace(cpu: MipsCpu, names: GuestNames, pc: number, sp: number, ra: number): number[] {
  const memory = {
    symbols: names,
    callBytes: CALL,
    peek32: (address: number): number => peek(cpu, address) ?? names.modules?.word(address) ?? 0,
  };
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
