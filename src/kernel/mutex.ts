// A mutex as kernel/locking/mutex.c has it, without spinning: whoever comes first takes a free lock, also past a waiter
// that has been woken but has not run yet; a waiter that loses twice is handed the lock at the next unlock.
import type { Run } from './run.js';
import { type Scheduler, type Task, TASK_UNINTERRUPTIBLE } from './scheduler.js';

export class Mutex {
  #owner: Task | null = null;
  readonly #waiters: Task[] = [];
  /** The first waiter has asked to be given the lock. */
  #handoff = false;
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** mutex_trylock(): whether it was free, and is the current task's now. */
  tryLock(): boolean {
    if (this.#owner !== null) return false;
    this.#owner = this.#scheduler.current;
    return true;
  }

  /** mutex_lock() */
  *lock(): Run {
    if (this.tryLock()) return;
    const self = this.#scheduler.current;
    this.#waiters.push(self);
    for (;;) {
      yield* this.#scheduler.schedule(TASK_UNINTERRUPTIBLE);
      if (this.#owner === self) break; // handed over
      if (this.#owner === null) {
        this.#owner = self;
        break;
      }
      if (this.#waiters[0] === self) this.#handoff = true;
    }
    this.#waiters.splice(this.#waiters.indexOf(self), 1);
    this.#handoff = false;
  }

  /** mutex_unlock() */
  unlock(): void {
    const first = this.#waiters[0];
    this.#owner = this.#handoff && first !== undefined ? first : null;
    if (first !== undefined) this.#scheduler.wake(first);
  }
}
