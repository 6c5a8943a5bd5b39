// Work queues: a bound pool (kworker/0:N) and an unbound one (kworker/u<cpus+1>:N), whose workers the guest runs.
import type { Machine } from '../../emu/malta/machine.js';
import type { Clock } from './clock.js';
import type { EventLog } from './events.js';
import { symbolName } from './oops.js';
import type { Run } from './run.js';
import type { Scheduler, Task } from './scheduler.js';
import { TASK_UNINTERRUPTIBLE } from './scheduler.js';

export const POOL_BOUND = 0;
export const POOL_UNBOUND = 1;

/** struct work_struct (emu/guest/kernel/workqueue.h): byte offset of func. */
const WORK_FUNC = 8;

/** What a worker is at: address of the item and name of its function. */
interface CurrentWork {
  readonly work: number;
  readonly func: string;
}

interface Pool {
  readonly queue: number[];
  /** Workers without work; the last one is woken first. */
  readonly idle: Task[];
  readonly busy: Map<Task, CurrentWork>;
  /** A worker is making another (POOL_MANAGER_ACTIVE). */
  managing: boolean;
}

/** pids of the unbound workers that a recorded boot makes while it scans. */
const WORKER_PIDS = [34, 35, 36, 37, 38, 39, 40];

export class WorkQueues {
  readonly #machine: Machine;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #pools: readonly Pool[] = [0, 1].map(() => ({ queue: [], idle: [], busy: new Map(), managing: false }));
  #made = 0;
  /** Items of the unbound pool (scans, disk probes) that are queued or being run. */
  #unfinished = 0;
  /** Called when the last of them is done. */
  onIdle: () => void = () => {};

  constructor(machine: Machine, scheduler: Scheduler, clock: Clock, log: EventLog) {
    this.#machine = machine;
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#log = log;
  }

  get asyncWork(): number {
    return this.#unfinished;
  }

  queue(pool: number, work: number): void {
    this.#pools[pool]!.queue.push(work);
    if (pool === POOL_UNBOUND) this.#unfinished++;
    this.#wakeUpWorker(pool);
  }

  /** wake_up_worker() */
  #wakeUpWorker(pool: number): void {
    const worker = this.#pools[pool]!.idle.at(-1);
    if (worker) this.#scheduler.wake(worker);
  }

  /**
   * manage_workers(): who is about to leave no idle worker makes one first, and waits until kthreadd's child has run. Not in the
   * bound pool: its only item is the balance work.
   * @returns false: nothing was made
   */
  *#manage(index: number): Run<boolean> {
    const pool = this.#pools[index]!;
    if (index !== POOL_UNBOUND || pool.managing || this.#made === WORKER_PIDS.length) return false;
    pool.managing = true;
    const { tasks } = this.#scheduler;
    const pid = WORKER_PIDS[this.#made++]!;
    const known = tasks.filter(({ comm }) => comm.startsWith('kworker/u')).length;
    yield this.#machine.fn('create_worker', pid, known);
    pool.idle.push(tasks.find((task) => task.pid === pid)!);
    pool.managing = false;
    return true;
  }

  /** HC_NEXT_WORK: worker_thread(), from the end of one item to the beginning of the next. */
  *next(index: number): Run<number> {
    const pool = this.#pools[index]!;
    const { queue, idle, busy } = pool;
    const self = this.#scheduler.current;
    const done = busy.get(self);
    if (done !== undefined) {
      busy.delete(self);
      this.#append('end', done);
      if (index === POOL_UNBOUND && --this.#unfinished === 0) this.onIdle();
      yield* this.#scheduler.condResched();
      if (queue.length > 0) return this.#take(index); // keep_working()
    }
    for (;;) {
      if (idle.includes(self)) idle.splice(idle.indexOf(self), 1);
      while (queue.length > 0) {
        if (idle.length > 0 || !(yield* this.#manage(index))) return this.#take(index);
      }
      idle.push(self);
      yield* this.#scheduler.schedule(TASK_UNINTERRUPTIBLE);
    }
  }

  /** Begins with the first item; process_one_work() wakes another worker for those behind it. */
  #take(index: number): number {
    const { queue, busy } = this.#pools[index]!;
    const work = queue.shift()!;
    const func = symbolName(this.#machine, this.#machine.read32(work + WORK_FUNC)).split('+')[0]!;
    busy.set(this.#scheduler.current, { work, func });
    if (index === POOL_UNBOUND && queue.length > 0) this.#wakeUpWorker(index);
    this.#append('start', { work, func });
    return work;
  }

  #append(phase: 'start' | 'end', { work, func }: CurrentWork): void {
    const { current, needResched } = this.#scheduler;
    const state = { softirq: false, needResched };
    this.#log.append(this.#clock.now, current.pid, { type: 'work', phase, work, func, ...state });
  }
}
