// Who runs, of a Linux kernel without debug information: struct task_struct is found from $28, and what of it matters by what it must hold.
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { commOf, commOffset } from './task-name.js';

export interface GuestTask {
  readonly pid: number;
  readonly comm: string;
}

const GP = 28;
/** The tasks that every kernel makes first, by the list of all tasks: their pids are 1 and 2, and this is the second. */
const SECOND_TASK = 'kthreadd';
/** struct thread_info of MIPS: task, flags, tp_value, cpu, preempt_count. */
const FLAGS = 4;
const PREEMPT_COUNT = 16;
const TIF_NEED_RESCHED = 1 << 2;
/** Bits of preempt_count that count softirqs being served. */
const SOFTIRQ_OFFSET = 1 << 8;

export class GuestTasks {
  readonly #cpu: MipsCpu;
  readonly #initTask: number;
  readonly #comm: number | undefined;
  #pid: number | undefined;

  /** Made while the boot CPU runs its first task, as in all of setup_arch(). */
  constructor(cpu: MipsCpu) {
    this.#cpu = cpu;
    this.#initTask = this.#word(cpu.reg(GP)) ?? 0;
    this.#comm = commOffset(cpu, this.#initTask);
  }

  /** What lies in kseg0, where the kernel's tasks do. */
  #word(address: number): number | undefined {
    const physical = address & 0x1fff_ffff;
    return address >>> 30 === 2 && physical + 4 <= this.#cpu.ramBytes
      ? this.#cpu.view.getUint32(physical & ~3, this.#cpu.littleEndian)
      : undefined;
  }

  #commOf(task: number): string | undefined {
    return this.#comm === undefined ? undefined : commOf(this.#cpu, task, this.#comm);
  }

  /** Undefined before there are tasks to learn it from: then init_task runs, whose pid is 0. */
  #pidOffset(): number | undefined {
    if (this.#pid !== undefined || this.#comm === undefined) return this.#pid;
    for (let list = 0; list < this.#comm; list += 4) {
      const first = (this.#word(this.#initTask + list) ?? 0) - list;
      const second = (this.#word(first + list) ?? 0) - list;
      if (this.#commOf(second) !== SECOND_TASK || this.#commOf(first) === undefined) continue;
      // pid and tgid stand side by side
      for (let pid = 0; pid < this.#comm; pid += 4)
        if ([0, 4].every((of) => this.#word(first + pid + of) === 1 && this.#word(second + pid + of) === 2))
          return (this.#pid = pid);
    }
    return undefined;
  }

  /** The task that runs, or that was interrupted; undefined in user mode and where it cannot be told. */
  current(): GuestTask | undefined {
    const task = this.#word(this.#cpu.reg(GP));
    const comm = task === undefined ? undefined : this.#commOf(task);
    if (task === undefined || comm === undefined) return undefined;
    if (task === this.#initTask) return { pid: 0, comm };
    const offset = this.#pidOffset();
    const pid = offset === undefined ? undefined : this.#word(task + offset);
    return pid === undefined || pid > 0x40_0000 ? undefined : { pid, comm };
  }

  /** What tracepoints record of the CPU now. */
  state(): { softirq: boolean; needResched: boolean } {
    const thread = this.#cpu.reg(GP);
    return {
      softirq: ((this.#word(thread + PREEMPT_COUNT) ?? 0) & SOFTIRQ_OFFSET) !== 0,
      needResched: ((this.#word(thread + FLAGS) ?? 0) & TIF_NEED_RESCHED) !== 0,
    };
  }
}
