// Tasks on one CPU: who runs next, in the spirit of CFS without preemption (PREEMPT_NONE). The guest owns stacks and
// registers and switches them; the host decides.
import type { Machine } from '../../emu/malta/machine.js';
import type { Clock } from './clock.js';
import type { EventLog } from './events.js';
import type { Run } from './run.js';
import { MIN_GRANULARITY_US, SCHED_LATENCY_US, SLEEPER_CREDIT_US, WAKEUP_GRANULARITY_US } from './timing.js';

export interface Task {
  /** kseg0 address of the guest's task_struct, which begins with its struct thread. */
  readonly address: number;
  readonly pid: number;
  readonly comm: string;
  /** Lowest address of its stack. */
  readonly stack: number;
  state: 'running' | 'runnable' | 'sleeping' | 'dead';
  /** A wake-up came while it was still running. */
  woken: boolean;
  /** Microseconds of CPU, weighted as all others. */
  vruntime: number;
}

/** Task states of HC_SCHEDULE (emu/guest/kernel/hostcalls.h). */
export const TASK_RUNNING = 0;
export const TASK_UNINTERRUPTIBLE = 2;
export const TASK_DEAD = 128;

export class Scheduler {
  readonly tasks: Task[] = [];
  current!: Task;
  needResched = false;
  /** Context switches so far: RCU takes each for a quiescent state. */
  switches = 0;
  /** The idle task has nothing to run: passes time until the next interrupt. */
  idle: () => Run = function* () {};
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #log: EventLog;
  #since = 0;
  /** When the current task was chosen. */
  #picked = 0;
  #minVruntime = 0;

  constructor(machine: Machine, clock: Clock, log: EventLog) {
    this.#machine = machine;
    this.#clock = clock;
    this.#log = log;
  }

  /** HC_NEW_TASK: the first one is the idle task and is running already. */
  add(address: number): Task {
    const { symbols } = this.#machine;
    const field = (name: string): number => address + symbols.offset('task_struct', name);
    const task: Task = {
      address,
      pid: this.#machine.read32(field('pid')),
      comm: this.#machine.readString(field('comm')),
      stack: this.#machine.read32(field('stack')),
      state: this.tasks.length === 0 ? 'running' : 'runnable',
      woken: false,
      vruntime: 0,
    };
    if (this.tasks.length === 0) this.current = task;
    else task.vruntime = this.#newVruntime();
    this.tasks.push(task);
    this.#log.append(this.#clock.now, this.current.pid, { type: 'task', task: task.pid, comm: task.comm });
    return task;
  }

  /** task_fork_fair(), with START_DEBIT: a new task waits a slice, so that nobody gains by making tasks. */
  #newVruntime(): number {
    this.#account();
    const slice = Math.max(
      SCHED_LATENCY_US / (this.#count('runnable') + this.#count('running') + 1),
      MIN_GRANULARITY_US,
    );
    return Math.max(this.current.vruntime, this.#minVruntime + slice);
  }

  /** Tasks in a state, without the idle one, which never wants the CPU. */
  #count(state: Task['state']): number {
    let count = 0;
    for (const task of this.tasks) if (task !== this.idleTask && task.state === state) count++;
    return count;
  }

  byAddress(address: number): Task | undefined {
    return this.tasks.find((task) => task.address === address);
  }

  get idleTask(): Task {
    return this.tasks[0]!;
  }

  #account(): void {
    if (this.current !== this.idleTask) this.current.vruntime += this.#clock.now - this.#since;
    this.#since = this.#clock.now;
    // update_min_vruntime(): never backwards
    const running =
      this.current !== this.idleTask && this.current.state !== 'sleeping' ? this.current.vruntime : Infinity;
    const least = Math.min(running, this.#next()?.vruntime ?? Infinity);
    if (least !== Infinity) this.#minVruntime = Math.max(this.#minVruntime, least);
  }

  #next(): Task | undefined {
    let best: Task | undefined;
    for (const task of this.tasks) {
      if (task.state !== 'runnable' || task === this.idleTask) continue;
      if (best === undefined || task.vruntime < best.vruntime) best = task;
    }
    return best;
  }

  wake(task: Task): void {
    if (task.state === 'dead' || task.state === 'runnable') return;
    if (task.state === 'running') {
      task.woken = true;
      return;
    }
    this.#account();
    task.state = 'runnable';
    task.vruntime = Math.max(task.vruntime, this.#minVruntime - SLEEPER_CREDIT_US);
    if (this.current === this.idleTask || task.vruntime + WAKEUP_GRANULARITY_US < this.current.vruntime)
      this.needResched = true;
  }

  /** check_preempt_tick(): asks for a switch when the current task has had its slice, or is far ahead of another. */
  tick(): void {
    this.#account();
    const next = this.#next();
    if (next === undefined) return;
    const runnable = this.#count('runnable') + 1; // and the current one
    const slice = Math.max(SCHED_LATENCY_US / runnable, MIN_GRANULARITY_US);
    const ran = this.#clock.now - this.#picked;
    if (this.current === this.idleTask || ran > slice) this.needResched = true;
    else if (ran >= MIN_GRANULARITY_US && this.current.vruntime - next.vruntime > slice) this.needResched = true;
  }

  /** schedule(): the current task gives up the CPU; comes back when it is chosen again. */
  *schedule(state: number): Run {
    const self = this.current;
    if (state === TASK_UNINTERRUPTIBLE && self !== this.idleTask) {
      if (self.woken) {
        self.woken = false;
        return;
      }
      self.state = 'sleeping';
    } else if (state === TASK_DEAD) {
      self.state = 'dead';
    } else {
      self.state = 'runnable';
    }
    self.woken = false;
    this.needResched = false;
    this.switches++;
    this.#account();
    for (;;) {
      const next = this.#next() ?? this.idleTask;
      if (next === self) {
        self.state = 'running';
        if (self !== this.idleTask) return;
        yield* this.idle();
        self.state = 'runnable';
        continue;
      }
      yield* this.#switchTo(next);
      return;
    }
  }

  *#switchTo(next: Task): Run {
    const self = this.current;
    this.#log.append(this.#clock.now, self.pid, { type: 'switch', from: self.pid, to: next.pid });
    next.state = 'running';
    this.current = next;
    this.#since = this.#clock.now;
    this.#picked = this.#clock.now;
    yield this.#machine.fn('context_switch', self.address, next.address);
    // back again: whoever switched to us has made us current
  }

  /**
   * cond_resched(). A kernel without preemption has it in few places that a boot comes by: making a chunk, behind a work item, behind a
   * tag set, in ksoftirqd. Not in printk.
   */
  *condResched(): Run {
    if (this.needResched && this.#next() !== undefined) yield* this.schedule(TASK_RUNNING);
  }
}
