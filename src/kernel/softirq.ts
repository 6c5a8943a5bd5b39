// Softirqs at the end of an interrupt and in ksoftirqd (kernel/softirq.c of 6.1: ksoftirqd's being awake does not keep an
// interrupt from running them).
import type { Machine } from '../../emu/malta/machine.js';
import type { Clock } from './clock.js';
import type { EventLog } from './events.js';
import type { Run } from './run.js';
import type { Rcu } from './rcu.js';
import type { Scheduler, Task } from './scheduler.js';
import { SOFTIRQ_RESTARTS, SOFTIRQ_TIME_US } from './timing.js';

export const BLOCK_SOFTIRQ = 4;
export const RCU_SOFTIRQ = 9;

export class Softirqs {
  #pending = 0;
  /** An interrupt or softirq is being served: a fault now is fatal. */
  inInterrupt = false;
  ksoftirqd: Task | undefined;
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #rcu: Rcu;
  readonly #log: EventLog;

  constructor(machine: Machine, clock: Clock, scheduler: Scheduler, rcu: Rcu, log: EventLog) {
    this.#machine = machine;
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#rcu = rcu;
    this.#log = log;
  }

  get pending(): boolean {
    return this.#pending !== 0;
  }

  /** raise_softirq(): from task context ksoftirqd has to do it. */
  raise(vector: number): void {
    this.#pending |= 1 << vector;
    if (!this.inInterrupt && this.ksoftirqd) this.#scheduler.wake(this.ksoftirqd);
  }

  /** __do_softirq() */
  *run(): Run {
    const outer = this.inInterrupt;
    this.inInterrupt = true;
    const end = this.#clock.now + SOFTIRQ_TIME_US;
    for (let restart = SOFTIRQ_RESTARTS; ;) {
      const pending = this.#pending;
      this.#pending = 0;
      if (pending & (1 << BLOCK_SOFTIRQ)) {
        this.#log.append(this.#clock.now, this.#scheduler.current.pid, {
          type: 'softirq',
          vector: 'block',
          callbacks: 0,
          left: 0,
        });
        yield this.#machine.fn('blk_done_softirq');
      }
      if (pending & (1 << RCU_SOFTIRQ) && (yield* this.#rcu.core())) this.#pending |= 1 << RCU_SOFTIRQ;
      if (this.#pending === 0) break;
      if (this.#clock.now >= end || this.#scheduler.needResched || --restart === 0) {
        if (this.ksoftirqd) this.#scheduler.wake(this.ksoftirqd);
        break;
      }
    }
    this.inInterrupt = outer;
  }
}
