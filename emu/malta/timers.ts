// What the board's devices have to do later, by virtual time: a queue that a CPU runs dry between two blocks.

/** A call that is due at some time. */
export interface Timer {
  /** Virtual nanoseconds since power-on. */
  readonly at: number;
  /** Of two calls due at the same time the one with the lower order is made first. */
  readonly order: number;
  /** Takes the call back; nothing happens when it was made already. */
  cancel(): void;
}

/** What a device's state says of a call that it waits for; null: none. */
export type Deadline = Readonly<Pick<Timer, 'at' | 'order'>> | null;

export function deadline(timer: Timer | undefined): Deadline {
  return timer ? { at: timer.at, order: timer.order } : null;
}

interface Entry extends Timer {
  readonly run: () => void;
}

/** The queue. Functions are no state: on restoring, each device asks again for the calls that it was waiting for. */
export class Timers {
  readonly #now: () => number;
  /** Sorted by time, then order. */
  #queue: Entry[] = [];
  #orders = 0;

  /** @param now virtual nanoseconds since power-on */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Calls `run` once, at `ns` or at the first `runDue` after it.
   * @param order given by `again` only
   */
  at(ns: number, run: () => void, order: number = this.#orders++): Timer {
    const entry: Entry = { at: ns, order, run, cancel: () => this.#remove(entry) };
    let index = this.#queue.length;
    while (index > 0 && before(entry, this.#queue[index - 1])) index--;
    this.#queue.splice(index, 0, entry);
    return entry;
  }

  /** Virtual nanoseconds since power-on. */
  now(): number {
    return this.#now();
  }

  /** On restoring: asks again for a call, if it was waited for. */
  again(deadline: Deadline, run: () => void): Timer | undefined {
    return deadline ? this.at(deadline.at, run, deadline.order) : undefined;
  }

  /** Virtual nanoseconds of the earliest call, Infinity when there is none. */
  next(): number {
    return this.#queue.length > 0 ? this.#queue[0].at : Infinity;
  }

  /** Makes all calls that are due, also those that they ask for, in order of time. */
  runDue(): void {
    while (this.#queue.length > 0 && this.#queue[0].at <= this.#now()) this.#queue.shift()!.run();
  }

  #remove(entry: Entry): void {
    const index = this.#queue.indexOf(entry);
    if (index >= 0) this.#queue.splice(index, 1);
  }

  state(): TimersState {
    return { orders: this.#orders };
  }

  /** Forgets all calls; the devices, restored after this, ask for theirs. */
  restore({ orders }: TimersState): void {
    this.#queue = [];
    this.#orders = orders;
  }
}

export interface TimersState {
  /** Calls asked for since power-on. */
  readonly orders: number;
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
