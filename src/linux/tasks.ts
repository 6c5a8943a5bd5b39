// Who runs, of a Linux kernel without debug information: struct task_struct is found from $28, and what of it matters by what it must hold.
import type { MipsCpu } from '../../emu/mips/cpu.js';

export interface RunningTask {
  readonly pid: number;
  readonly comm: string;
}

const GP = 28;
const BOOT_TASK = 'swapper';
/** TASK_COMM_LEN. */
const COMM_BYTES = 16;
/** struct task_struct is not larger. */
const MOST_TASK = 8192;
/** The tasks that every kernel makes first, by the list of all tasks: their pids are 1 and 2, and this is the second. */
const SECOND_TASK = 'kthreadd';
/** struct thread_info of MIPS: task, flags, tp_value, cpu, preempt_count. */
const FLAGS = 4;
const PREEMPT_COUNT = 16;
const TIF_NEED_RESCHED = 1 << 2;
/** Bits of preempt_count that count softirqs being served. */
const SOFTIRQ_OFFSET = 1 << 8;

export class RunningTasks {
  readonly #cpu: MipsCpu;
  readonly #symbol: () => number | undefined;
  #initTask: number | undefined;
  #comm: number | undefined;
  #pid: number | undefined;

  /** @param initTask its address, where the kernel has names */
  constructor(cpu: MipsCpu, initTask: () => number | undefined) {
    this.#cpu = cpu;
    this.#symbol = initTask;
  }

  /** To be called while the boot CPU runs its first task, as in all of setup_arch(): then no name is needed. */
  firstRuns(): void {
    this.#initTask ??= this.#word(this.#cpu.reg(GP));
  }

  /** Physical address of what lies in kseg0, where the kernel's tasks do. */
  #physical(address: number): number | undefined {
    const at = address & 0x1fff_ffff;
    return address >>> 30 === 2 && at + 4 <= this.#cpu.ramBytes ? at : undefined;
  }

  #word(address: number): number | undefined {
    const at = this.#physical(address);
    return at === undefined ? undefined : this.#cpu.view.getUint32(at & ~3, this.#cpu.littleEndian);
  }

  /** Offset of comm: init_task's name is known, and where it stands in one it stands in all. */
  #commOffset(): number | undefined {
    this.#initTask ??= this.#symbol();
    if (this.#comm !== undefined || this.#initTask === undefined) return this.#comm;
    const start = this.#physical(this.#initTask);
    if (start === undefined) return undefined;
    const at = String.fromCharCode(...this.#cpu.ram.subarray(start, start + MOST_TASK)).indexOf(BOOT_TASK);
    return at < 0 ? undefined : (this.#comm = at);
  }

  /** Undefined for what is no task, or has no printable name. */
  #commOf(task: number): string | undefined {
    const offset = this.#commOffset();
    const start = offset === undefined ? undefined : this.#physical(task + offset);
    if (start === undefined) return undefined;
    const bytes = this.#cpu.ram.subarray(start, start + COMM_BYTES);
    const length = bytes.indexOf(0);
    const text = length < 0 ? '' : String.fromCharCode(...bytes.subarray(0, length));
    return /^[\x21-\x7e][\x20-\x7e]*$/.test(text) ? text : undefined;
  }

  /** Undefined before there are tasks to learn it from: then init_task runs, whose pid is 0. */
  #pidOffset(): number | undefined {
    const comm = this.#commOffset();
    if (this.#pid !== undefined || comm === undefined) return this.#pid;
    for (let list = 0; list < comm; list += 4) {
      const first = (this.#word(this.#initTask! + list) ?? 0) - list;
      const second = (this.#word(first + list) ?? 0) - list;
      if (this.#commOf(second) !== SECOND_TASK || this.#commOf(first) === undefined) continue;
      // pid and tgid stand side by side
      for (let pid = 0; pid < comm; pid += 4)
        if ([0, 4].every((of) => this.#word(first + pid + of) === 1 && this.#word(second + pid + of) === 2))
          return (this.#pid = pid);
    }
    return undefined;
  }

  /** The task that runs, or that was interrupted; undefined in user mode and where it cannot be told. */
  current(): RunningTask | undefined {
    const task = this.#word(this.#cpu.reg(GP));
    const comm = task === undefined ? undefined : this.#commOf(task);
    if (task === undefined || comm === undefined) return undefined;
    if (task === this.#initTask) return { pid: 0, comm };
    const offset = this.#pidOffset();
    const pid = offset === undefined ? undefined : this.#word(task + offset);
    return pid === undefined || pid > 0x40_0000 ? undefined : { pid, comm };
  }

  /** As reports have it: `kworker/u2:1 (pid 19)`. */
  get text(): string | undefined {
    const task = this.current();
    return task && `${task.comm} (pid ${task.pid})`;
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
