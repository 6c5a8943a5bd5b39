// Work queues: a bound pool (kworker/0:N) and an unbound one (kworker/u<cpus+1>:N), whose workers the guest runs.
import type { Machine } from '../../emu/malta/machine.js';
import type { Run } from './run.js';
import type { Scheduler, Task } from './scheduler.js';
import { TASK_UNINTERRUPTIBLE } from './scheduler.js';

export const POOL_BOUND = 0;
export const POOL_UNBOUND = 1;

interface Pool {
  readonly queue: number[];
  readonly workers: Task[];
  readonly busy: Set<Task>;
}

/** pids of the second, third, ... unbound worker in the recorded boots. */
const WORKER_PIDS = [19, 26, 34, 36, 37, 38, 39, 40];

export class WorkQueues {
  readonly #machine: Machine;
  readonly #scheduler: Scheduler;
  readonly #pools: readonly Pool[] = [0, 1].map(() => ({ queue: [], workers: [], busy: new Set<Task>() }));
  readonly #name: string;
  #nextWorker = 0;
  /** Items of the unbound pool (scans, disk probes) that are queued or being run. */
  #unfinished = 0;
  /** Called when the last of them is done. */
  onIdle: () => void = () => {};

  /** @param cpus possible CPUs: unbound pools are numbered from there on */
  constructor(machine: Machine, scheduler: Scheduler, cpus: number) {
    this.#machine = machine;
    this.#scheduler = scheduler;
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
    const { queue, workers, busy } = this.#pools[pool]!;
    queue.push(work);
    if (pool === POOL_UNBOUND) this.#unfinished++;
    const idle = workers.find((task) => !busy.has(task) && task.state === 'sleeping');
    if (idle) {
      this.#scheduler.wake(idle);
    } else if (pool === POOL_UNBOUND && this.#nextWorker < WORKER_PIDS.length) {
      // alloc_workqueue's manager makes a further worker when all are busy
      const comm = this.#machine.symbols.address('worker_comm');
      const name = `${this.#name}${workers.length}`;
      const bytes = this.#machine.bytes(comm, 16);
      bytes.fill(0);
      Buffer.from(name, 'latin1').copy(bytes);
      const known = this.#scheduler.tasks.length;
      yield this.#machine.fn('create_worker', pool, WORKER_PIDS[this.#nextWorker++]!, comm);
      this.addWorker(pool, this.#scheduler.tasks[known]!);
    }
  }

  /** HC_NEXT_WORK. */
  *next(pool: number): Run<number> {
    const { queue, busy } = this.#pools[pool]!;
    const self = this.#scheduler.current;
    if (busy.delete(self) && pool === POOL_UNBOUND && --this.#unfinished === 0) this.onIdle();
    while (queue.length === 0) yield* this.#scheduler.schedule(TASK_UNINTERRUPTIBLE);
    busy.add(self);
    return queue.shift()!;
  }
}
