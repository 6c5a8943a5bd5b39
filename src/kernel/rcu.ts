// Grace periods on one CPU, as the timer tick, the RCU softirq and the grace-period thread make them (kernel/rcu/tree.c).
// The callbacks are in the guest (emu/guest/kernel/rcu.c); here is only when.
import type { Machine } from '../../emu/malta/machine.js';
import type { Clock } from './clock.js';
import type { EventLog } from './events.js';
import type { Run } from './run.js';
import type { Scheduler, Task } from './scheduler.js';
import { TASK_UNINTERRUPTIBLE } from './scheduler.js';
import { RCU_BLIMIT, RCU_CALLBACK_US, type Timing } from './timing.js';

export class Rcu {
  thread: Task | undefined;
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #timing: Timing;
  readonly #log: EventLog;
  readonly #counts: { done: number; wait: number; next: number };
  /** A grace period is under way. */
  #active = false;
  /** The CPU knows of it, and how many context switches there had been then. */
  #noted = false;
  #switchesThen = 0;
  /** The CPU has passed a quiescent state and said so: the thread may end the grace period. */
  #reported = false;
  /** Somebody has asked the thread for a grace period. */
  #requested = false;

  constructor(machine: Machine, clock: Clock, scheduler: Scheduler, timing: Timing, log: EventLog) {
    this.#machine = machine;
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#timing = timing;
    this.#log = log;
    const data = machine.symbols.address('rcu_data');
    const at = (member: string): number => data + machine.symbols.offset('rcu_data', member);
    this.#counts = { done: at('done_len'), wait: at('wait_len'), next: at('next_len') };
  }

  get #ready(): number {
    return this.#machine.read32(this.#counts.done);
  }

  get #waiting(): number {
    return this.#machine.read32(this.#counts.next);
  }

  get #quiescent(): boolean {
    return this.#noted && this.#scheduler.switches !== this.#switchesThen;
  }

  /** Callbacks anywhere, or a grace period: ticks are needed. */
  get busy(): boolean {
    return this.#active || this.#ready > 0 || this.#waiting > 0;
  }

  /** rcu_pending(): whether the tick has to raise the softirq. @param idle the tick hit the idle task */
  pending(idle: boolean): boolean {
    if (idle && this.#noted) this.#switchesThen = -1;
    if (this.#ready > 0) return true;
    if (this.#active) return !this.#noted || (!this.#reported && this.#quiescent);
    return this.#waiting > 0;
  }

  /** rcu_core(). @returns whether callbacks are left over */
  *core(): Run<boolean> {
    if (this.#active && !this.#noted) {
      this.#noted = true;
      this.#switchesThen = this.#scheduler.switches;
    } else if (this.#active && !this.#reported && this.#quiescent) {
      this.#reported = true;
      this.#wakeThread();
    }
    if (!this.#active && this.#waiting > 0) {
      this.#requested = true;
      this.#wakeThread();
    }
    const ready = this.#ready;
    if (ready === 0) return false;
    const batch = Math.min(ready, RCU_BLIMIT);
    const left = yield this.#machine.fn('rcu_core', RCU_BLIMIT);
    for (let i = 0; i < batch; i++) this.#clock.advance(this.#timing.draw(RCU_CALLBACK_US));
    this.#log.append(this.#clock.now, this.#scheduler.current.pid, {
      type: 'softirq',
      vector: 'rcu',
      callbacks: batch,
      left,
    });
    return left > 0;
  }

  #wakeThread(): void {
    if (this.thread) this.#scheduler.wake(this.thread);
  }

  /** One turn of rcu_gp_kthread(). */
  *threadStep(): Run {
    if (this.#active && this.#reported) {
      const callbacks = yield this.#machine.fn('rcu_gp_end');
      this.#active = false;
      this.#log.append(this.#clock.now, this.#scheduler.current.pid, { type: 'rcu', phase: 'gp_end', callbacks });
    }
    if (!this.#active && (this.#requested || this.#waiting > 0)) {
      const callbacks = yield this.#machine.fn('rcu_gp_start');
      this.#active = true;
      this.#noted = false;
      this.#reported = false;
      this.#requested = false;
      this.#log.append(this.#clock.now, this.#scheduler.current.pid, { type: 'rcu', phase: 'gp_start', callbacks });
    }
    yield* this.#scheduler.schedule(TASK_UNINTERRUPTIBLE);
  }
}
