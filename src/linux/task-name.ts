// What a Linux task is called, without debug information: init_task's name is known, and where it stands in one it stands in all.
import type { MipsCpu } from '../../emu/mips/cpu.js';

const BOOT_TASK = 'swapper';
/** TASK_COMM_LEN. */
const COMM_BYTES = 16;
/** struct task_struct is not larger. */
const MOST_TASK = 8192;

/** Physical address of what lies in kseg0, where the kernel's tasks do. */
function physical(cpu: MipsCpu, address: number): number | undefined {
  const at = address & 0x1fff_ffff;
  return address >>> 30 === 2 && at < cpu.ramBytes ? at : undefined;
}

/** Offset of comm in struct task_struct, told from init_task's; undefined for what is no Linux. */
export function commOffset(cpu: MipsCpu, initTask: number): number | undefined {
  const start = physical(cpu, initTask);
  if (start === undefined) return undefined;
  const at = String.fromCharCode(...cpu.ram.subarray(start, start + MOST_TASK)).indexOf(BOOT_TASK);
  return at < 0 ? undefined : at;
}

/** @param offset of comm @returns undefined for what is no task, or has no printable name */
export function commOf(cpu: MipsCpu, task: number, offset: number): string | undefined {
  const start = physical(cpu, task + offset);
  if (start === undefined) return undefined;
  const bytes = cpu.ram.subarray(start, start + COMM_BYTES);
  const length = bytes.indexOf(0);
  const text = length < 0 ? '' : String.fromCharCode(...bytes.subarray(0, length));
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(text) ? text : undefined;
}
