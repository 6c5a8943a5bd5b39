// kernel_init's way through the boot script: hands the guest one step after the other, each after the time it takes to get there.
import { latin1Bytes } from '../../emu/latin1.js';
import type { Machine } from '../../emu/malta/machine.js';
import { type BootScript, INITCALL, type Initcall } from './boot-script.js';
import type { Clock } from './clock.js';
import type { Append } from './events.js';
import type { PercpuCalls } from './percpu.js';
import type { Printk } from './printk.js';
import type { Run } from './run.js';
import { type Scheduler, type Task, TASK_UNINTERRUPTIBLE } from './scheduler.js';
import type { WorkQueues } from './workqueue.js';

/** Time that user space runs before a boot counts as clean: longer than any callback lags behind. */
const AFTER_INIT_US = 300_000;
/** Longest stretch of work without a look for interrupts. */
const SLICE_US = 1000;

/** Host calls of BOOT_EVENT (emu/guest/kernel/hostcalls.h). */
const EVENT = { SCAN_START: 0, TARGET: 1, SCAN_END: 2, DISK: 3, INIT: 4 };

/** What kernel_init needs of the rest of the boot. */
export interface InitParts {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly workqueues: WorkQueues;
  readonly percpu: PercpuCalls;
  readonly printk: Printk;
  readonly append: Append;
  /** How much slower than the fastest recorded boot this one is (Timing.speed). */
  readonly speed: number;
  /** Whether `interrupts` has anything to do. */
  readonly interruptDue: () => boolean;
  /** Delivers interrupts that have become due. */
  readonly interrupts: () => Run;
  /** Ends the boot. */
  readonly end: () => void;
  readonly skipTarget: ((host: number, channel: number, id: number) => boolean) | undefined;
  readonly skipStep: ((call: Initcall) => boolean) | undefined;
}

export class InitThread {
  task: Task | undefined;
  reachedInit = false;
  targetsScanned = 0;
  /** When the boot is over, once init runs. */
  endAt = Infinity;
  readonly #script: BootScript;
  readonly #parts: InitParts;
  #rootFound = false;
  #row: Initcall | undefined;
  readonly #rowPointers = new Map<number, number>();

  constructor(script: BootScript, parts: InitParts) {
    this.#script = script;
    this.#parts = parts;
  }

  /** The row of the recorded table that the current task is at, where it calls for itself (`caller` 0). */
  rowOf(caller: number): Initcall | undefined {
    return this.#parts.scheduler.current === this.task && caller === 0 ? this.#row : undefined;
  }

  /** The guest has allocated `ptr` for a row. */
  allocated(row: Initcall, ptr: number): void {
    this.#rowPointers.set(row.row, ptr);
  }

  /** The guest has allocated by itself what a row of the table stands for. */
  replaces(caller: string, size: number): void {
    if (this.#parts.scheduler.current.pid <= 1) this.#script.replaces(caller, size);
  }

  /** HC_NEXT_INITCALL: fills in the guest's struct initcall at `at`. */
  *next(at: number): Run<number> {
    const { machine, clock, scheduler, speed, interruptDue, interrupts, skipStep } = this.#parts;
    for (;;) {
      const call = this.#script.next();
      if (call === undefined) {
        yield* scheduler.schedule(TASK_UNINTERRUPTIBLE);
        continue;
      }
      for (let left = call.busy * speed; left > 0; left -= SLICE_US) {
        clock.advance(Math.min(left, SLICE_US));
        if (interruptDue()) yield* interrupts();
      }
      if (call.sleep > 0) {
        const self = scheduler.current;
        clock.schedule(call.sleep, () => scheduler.wake(self));
        yield* scheduler.schedule(TASK_UNINTERRUPTIBLE);
      }
      if (call.kind === INITCALL.WAIT) {
        yield* this.#waitForDisks();
        continue;
      }
      if (call.text === 'build_sched_domains') this.#parts.percpu.allocator.asyncEnabled = true; // subsys_initcall is next
      if (skipStep?.(call)) continue;
      const pointer = this.#rowPointers.get(call.size);
      if (call.kind === INITCALL.FREE && pointer === undefined) continue;
      this.#row = call;
      machine.write32(at, call.kind);
      machine.write32(at + 4, call.kind === INITCALL.FREE ? pointer! : call.size);
      machine.write32(at + 8, call.align);
      machine.write32(at + 12, 0);
      const text = machine.bytes(at + 16, 128);
      text.fill(0);
      text.set(latin1Bytes(call.text.slice(0, 127)).subarray(0, text.length));
      return 1;
    }
  }

  /** prepare_namespace(): all probing done, the root disk there. */
  *#waitForDisks(): Run {
    const { scheduler, workqueues, printk, append } = this.#parts;
    const self = scheduler.current;
    workqueues.onIdle = () => scheduler.wake(self);
    while (workqueues.asyncWork > 0) yield* scheduler.schedule(TASK_UNINTERRUPTIBLE);
    if (this.#rootFound) return append({ type: 'milestone', what: 'root_mounted', host: 0 });
    printk.line(6, 'Waiting for root device /dev/sda...');
    for (;;) yield* scheduler.schedule(TASK_UNINTERRUPTIBLE);
  }

  /** HC_BOOT_EVENT. @returns 1 when a target is to be left out of the scan */
  event(event: number, a: number, channel: number, id: number): number {
    const { append, clock, end, skipTarget } = this.#parts;
    if (event === EVENT.TARGET) {
      if (skipTarget?.(a, channel, id)) return 1;
      this.targetsScanned++;
      append({ type: 'scan', host: a, channel, id });
    } else if (event === EVENT.SCAN_START) append({ type: 'milestone', what: 'scan_start', host: a });
    else if (event === EVENT.SCAN_END) append({ type: 'milestone', what: 'scan_end', host: a });
    else if (event === EVENT.DISK && a) {
      this.#rootFound = true;
      append({ type: 'milestone', what: 'root_found', host: 0 });
    } else if (event === EVENT.INIT) {
      this.reachedInit = true;
      this.endAt = clock.now + AFTER_INIT_US;
      clock.schedule(AFTER_INIT_US, end);
      append({ type: 'milestone', what: 'init', host: 0 });
    }
    return 0;
  }
}
