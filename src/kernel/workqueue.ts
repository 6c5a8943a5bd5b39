// Work queues: a bound pool (kworker/0:N) and an unbound one (kworker/u<cpus+1>:N), whose workers the guest runs.
import { latin1Bytes } from '../../emu/latin1.js';
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
  readonly workers: Task[];
  readonly busy: Map<Task, CurrentWork>;
}

/** pids of the second, third, ... unbound worker in the recorded boots. */
const WORKER_PIDS = [19, 26, 34, 36, 37, 38, 39, 40];
/** So many of them are there and idle when drivers load: earlier initcalls' work has made them. */
const EARLY_WORKERS = 2;

export class WorkQueues {
  readonly #machine: Machine;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #pools: readonly Pool[] = [0, 1].map(() => ({ queue: [], workers: [], busy: new Map() }));
  readonly #name: string;
  #nextWorker = 0;
  /** Items of the unbound pool (scans, disk probes) that are queued or being run. */
  #unfinished = 0;
  /** Called when the last of them is done. */
  onIdle: () => void = () => {};

  /** @param cpus possible CPUs: unbound pools are numbered from there on */
  constructor(machine: Machine, scheduler: Scheduler, clock: Clock, log: EventLog, cpus: number) {
    this.#machine = machine;
    this.#scheduler = scheduler;
    this.#clock = clock;
    this.#log = log;
    this.#name = `kworker/u${2 * cpus}:`;
  }

  /** A worker thread has been made. */
  addWorker(pool: number, task: Task): void {
    this.#pools[pool]!.workers.push(task);
  }

  get asyncWork(): number {
    return this.#unfinished;
  }

  *queue(pool: number, work: number): Run {
    const { queue } = this.#pools[pool]!;
    queue.push(work);
    if (pool === POOL_UNBOUND) this.#unfinished++;
    // wake_up_worker(): idle workers are kept, and the one made last comes first
    const idle = this.#free(pool).findLast((task) => task.state === 'sleeping');
    if (idle) this.#scheduler.wake(idle);
  }

  /** Workers without work. */
  #free(pool: number): Task[] {
    const { workers, busy } = this.#pools[pool]!;
    return workers.filter((task) => !busy.has(task));
  }

  /** create_worker() for the unbound pool. */
  *#create(): Run {
    const { workers } = this.#pools[POOL_UNBOUND]!;
    const comm = this.#machine.symbols.address('worker_comm');
    const bytes = this.#machine.bytes(comm, 16);
    bytes.fill(0);
    bytes.set(latin1Bytes(`${this.#name}${workers.length}`).subarray(0, bytes.length));
    const known = this.#scheduler.tasks.length;
    yield this.#machine.fn('create_worker', POOL_UNBOUND, WORKER_PIDS[this.#nextWorker++]!, comm);
    this.addWorker(POOL_UNBOUND, this.#scheduler.tasks[known]!);
  }

  /** manage_workers(): who takes the last idle worker's place makes another before it works. */
  *#manage(): Run {
    if (this.#free(POOL_UNBOUND).length === 0 && this.#nextWorker < WORKER_PIDS.length) yield* this.#create();
  }

  /** HC_NEXT_WORK. */
  *next(pool: number): Run<number> {
    const { queue, busy } = this.#pools[pool]!;
    const self = this.#scheduler.current;
    const done = busy.get(self);
    if (done !== undefined) {
      busy.delete(self);
      this.#append('end', done);
      if (pool === POOL_UNBOUND && --this.#unfinished === 0) this.onIdle();
      yield* this.#scheduler.condResched();
    }
    while (pool === POOL_UNBOUND && this.#nextWorker < EARLY_WORKERS) yield* this.#create();
    while (queue.length === 0) yield* this.#scheduler.schedule(TASK_UNINTERRUPTIBLE);
    const work = queue.shift()!;
    const func = symbolName(this.#machine, this.#machine.read32(work + WORK_FUNC)).split('+')[0]!;
    busy.set(self, { work, func });
    this.#append('start', { work, func });
    if (pool === POOL_UNBOUND) yield* this.#manage();
    return work;
  }

  #append(phase: 'start' | 'end', { work, func }: CurrentWork): void {
    const { current, needResched } = this.#scheduler;
    const state = { softirq: false, needResched };
    this.#log.append(this.#clock.now, current.pid, { type: 'work', phase, work, func, ...state });
  }
}
