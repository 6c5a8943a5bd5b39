// What becomes of an exception that no handler can serve: the oops on the console, and death of the task or of the system.
import type { Machine } from '../../emu/malta/machine.js';
import type { Append } from './events.js';
import type { GuestPages } from './guest-pages.js';
import { Oops, PT_REGS } from './oops.js';
import type { Printk } from './printk.js';
import type { Run } from './run.js';
import { type Scheduler, type Task, TASK_DEAD } from './scheduler.js';
import type { Softirqs } from './softirq.js';

/** First argument register. */
const A0 = 4;

export class Crash {
  /** Text of the panic. */
  panicText: string | undefined;
  readonly #machine: Machine;
  readonly #oops: Oops;
  readonly #printk: Printk;
  readonly #scheduler: Scheduler;
  readonly #softirqs: Softirqs;
  readonly #pages: GuestPages;
  readonly #append: Append;
  readonly #end: () => void;

  /** @param prid processor id of the CPU model @param end ends the boot */
  constructor(
    machine: Machine,
    printk: Printk,
    prid: number,
    scheduler: Scheduler,
    softirqs: Softirqs,
    pages: GuestPages,
    append: Append,
    end: () => void,
  ) {
    this.#machine = machine;
    this.#oops = new Oops(machine, printk, prid);
    this.#printk = printk;
    this.#scheduler = scheduler;
    this.#softirqs = softirqs;
    this.#pages = pages;
    this.#append = append;
    this.#end = end;
  }

  get oopses(): number {
    return this.#oops.count;
  }

  /** HC_DUMP_STACK */
  dumpStack(): void {
    const { cpu } = this.#machine.board;
    const task = this.#scheduler.current;
    this.#oops.dumpStack(task, workqueueName(task), cpu.pc, cpu.reg(29), cpu.reg(31));
  }

  /** do_page_fault() without a fixup and its kin. @param frame struct pt_regs */
  *exception(frame: number): Run {
    const task = this.#scheduler.current;
    this.#append({ type: 'oops', count: this.#oops.count + 1, ...this.#oops.examine(frame) });
    this.#dumpCallback(frame);
    this.#oops.die(frame, task, workqueueName(task));
    if (this.#softirqs.inInterrupt) return this.#panic('Fatal exception in interrupt');
    if (task.pid === 0) return this.#panic('Attempted to kill the idle task!');
    if (task.pid === 1) return this.#panic('Attempted to kill init! exitcode=0x0000000b');
    yield* this.#scheduler.schedule(TASK_DEAD);
  }

  /** kmem_dump_obj() of a callback without a function, as rcu_do_batch() does. */
  #dumpCallback(frame: number): void {
    if (this.#machine.peek32(frame + PT_REGS.EPC) !== 0) return;
    const head = this.#machine.peek32(frame + PT_REGS.REGS + 4 * A0);
    const object = this.#pages.objectAt(head);
    if (object === undefined) return;
    const { cache, address } = object;
    this.#printk.line(6, ` slab ${cache} start ${address.toString(16)} pointer offset ${head - address}`);
  }

  #panic(text: string): void {
    this.panicText = text;
    this.#printk.line(0, `Kernel panic - not syncing: ${text}`);
    this.#printk.line(0, `---[ end Kernel panic - not syncing: ${text} ]---`);
    this.#append({ type: 'panic', text });
    this.#end();
  }
}

function workqueueName(task: Task): string | undefined {
  if (task.comm.startsWith('kworker/u')) return 'events_unbound async_run_entry_fn';
  return task.comm.startsWith('kworker/') ? 'events pcpu_balance_workfn' : undefined;
}
