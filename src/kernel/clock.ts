// Simulated time, and what is to happen at which moment of it.

interface Due {
  at: number;
  seq: number;
  run: () => void;
}

export class Clock {
  /** Microseconds since the kernel's start. */
  now = 0;
  #due: Due[] = [];
  #seq = 0;

  advance(us: number): void {
    this.now += us;
  }

  /** Calls `run` when time has passed `us` microseconds from now and somebody looks (`takeDue`). */
  schedule(us: number, run: () => void): void {
    const due = { at: this.now + us, seq: this.#seq++, run };
    let i = this.#due.length;
    while (i > 0 && this.#due[i - 1]!.at > due.at) i--;
    this.#due.splice(i, 0, due);
  }

  /** Moment of the earliest entry, Infinity without one. */
  get nextDue(): number {
    return this.#due[0]?.at ?? Infinity;
  }

  /** Runs what is due. */
  takeDue(): void {
    while (this.#due.length > 0 && this.#due[0]!.at <= this.now) this.#due.shift()!.run();
  }
}
