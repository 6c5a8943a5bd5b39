// The tasks of a Linux kernel that runs, without debug information: where their fields lie is told from the tasks themselves. init_task is
// `swapper`, the list of tasks leads from it to all others and back, the first of these has pid 1, stacks begin with a struct thread_info
// that points back (arch/mips/include/asm/thread_info.h), and who does not run has left its stack pointer and the place where it waits in
// its struct thread_struct (arch/mips/include/asm/processor.h: reg16 .. reg23, reg29, reg30, reg31).
import type { GuestTask } from '../moments/subject.js';

/** What is asked of the guest. */
export interface TaskMemory {
  /** The word at a kseg0 address; undefined outside RAM. */
  word(address: number): number | undefined;
  /** Text up to a NUL or `length` bytes; undefined when it is not printable. */
  text(address: number, length: number): string | undefined;
  /** Address of a symbol. */
  symbol(name: string): number | undefined;
  /** Whether an address is in a function. */
  isText(address: number): boolean;
  /** Bytes. */
  readonly pageSize: number;
}

/** Offsets in struct task_struct. */
interface Layout {
  readonly tasks: number;
  readonly comm: number;
  readonly pid: number;
  readonly stack: number;
  /** Of reg16 in it; undefined when no task has ever waited. */
  readonly registers: number | undefined;
}

/** struct task_struct is not larger. */
const LARGEST = 0x2000;
const MOST_TASKS = 4096;
/** TASK_COMM_LEN. */
const COMM = 16;
/** MIPS register numbers in the order of struct thread_struct. */
const SAVED = [16, 17, 18, 19, 20, 21, 22, 23, 29, 30, 31];
const [SP, RA] = [8, 10];

export class LinuxTasks {
  readonly #memory: TaskMemory;
  #layout: Layout | undefined;

  constructor(memory: TaskMemory) {
    this.#memory = memory;
  }

  get #stackBytes(): number {
    return Math.max(this.#memory.pageSize, 0x2000);
  }

  /** @param gp register 28: in the kernel the running task's thread_info @returns the one that runs first; empty for what is no Linux (yet) */
  list(gp: number): GuestTask[] {
    const memory = this.#memory;
    const init = memory.symbol('init_task');
    if (init === undefined) return [];
    if (this.#layout?.registers === undefined) this.#layout = this.#explore(init);
    const layout = this.#layout;
    const addresses = layout && this.#walk(init, layout.tasks, layout.comm);
    if (!layout || !addresses) return [];
    const current = this.#current(gp);
    const tasks = addresses.map((address) => this.#task(address, layout, address === current));
    return [...tasks.filter(({ saved }) => !saved), ...tasks.filter(({ saved }) => saved)];
  }

  #task(address: number, { comm, pid, stack, registers }: Layout, runs: boolean): GuestTask {
    const word = (at: number): number => this.#memory.word(at) ?? 0;
    return {
      pid: word(address + pid),
      comm: this.#memory.text(address + comm, COMM) ?? '',
      state: runs ? 'running' : stateName(word(address)),
      stack: word(address + stack),
      stackBytes: this.#stackBytes,
      saved: runs
        ? undefined
        : new Map(registers === undefined ? [] : SAVED.map((n, i) => [n, word(address + registers + 4 * i)])),
    };
  }

  /** In user mode gp is the program's: then the kernel's stack pointer is kept for the next exception (kernelsp). */
  #current(gp: number): number | undefined {
    const { word, symbol } = this.#memory;
    const task = gp >>> 30 === 2 && gp % this.#stackBytes === 0 ? word(gp) : undefined;
    if (task !== undefined) return task;
    const kernelsp = symbol('kernelsp');
    const sp = kernelsp === undefined ? undefined : word(kernelsp);
    return sp === undefined ? undefined : word(sp - (sp % this.#stackBytes));
  }

  #explore(init: number): Layout | undefined {
    const { word, text } = this.#memory;
    const offsets = Array.from({ length: LARGEST / 4 }, (_, i) => 4 * i);
    const comm = offsets.find((at) => /^swapper(\/0)?$/.test(text(init + at, COMM) ?? ''));
    if (comm === undefined) return undefined;
    for (const tasks of offsets) {
      const all = this.#walk(init, tasks, comm);
      if (!all || all.length < 2) continue;
      const others = all.slice(1);
      const pid = offsets.find(
        (at) =>
          word(init + at) === 0 &&
          word(init + at + 4) === 0 &&
          others.every((task, i) => {
            const value = word(task + at)!;
            return value === word(task + at + 4) && (i < 2 ? value === i + 1 : value > 2 && value < 1 << 22);
          }),
      );
      const stack = offsets.find((at) =>
        all.every((task) => {
          const bottom = word(task + at)!;
          return bottom % this.#stackBytes === 0 && word(bottom) === task;
        }),
      );
      if (pid !== undefined && stack !== undefined)
        return { tasks, comm, pid, stack, registers: this.#registers(others, offsets, stack) };
    }
    return undefined;
  }

  /** Where all tasks but one, which runs, have a stack pointer into their stack and a return address. */
  #registers(tasks: readonly number[], offsets: readonly number[], stack: number): number | undefined {
    const { word, isText } = this.#memory;
    return offsets.find((at) => {
      const waits = tasks.filter((task) => {
        const sp = word(task + at + 4 * SP)! - word(task + stack)!;
        return sp > 0 && sp < this.#stackBytes && sp % 8 === 0 && isText(word(task + at + 4 * RA)!);
      });
      return waits.length > 0 && waits.length >= tasks.length - 1;
    });
  }

  /** The tasks from init_task around the list; undefined when it is no such list. */
  #walk(init: number, tasks: number, comm: number): number[] | undefined {
    const { word, text } = this.#memory;
    const found = [init];
    for (let node = init + tasks; ;) {
      const next = word(node);
      if (next === undefined || next % 4 !== 0 || word(next + 4) !== node) return undefined;
      if (next === init + tasks) return found;
      if (!text(next - tasks + comm, COMM) || found.length > MOST_TASKS) return undefined;
      found.push(next - tasks);
      node = next;
    }
  }
}

/** task_struct.__state, its first word, as ps has it (include/linux/sched.h). */
function stateName(state: number): string {
  if (state === 0) return 'runnable';
  if (state & 0x400) return 'idle';
  if (state & 1) return 'sleeping';
  if (state & 2) return 'disk sleep';
  return state & 0xc ? 'stopped' : state & 0x80 ? 'dead' : '';
}
