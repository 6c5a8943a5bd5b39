// A line on a terminal while a kernel says nothing: how far it is. Silent when the stream is no terminal.
import type { Terminal } from '../experiments/progress.js';

/** Wall seconds of silence before the line appears, and between two of it. */
const PATIENCE = 1;

export class RunProgress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #lines = -1;
  #since: number;
  #drawn = false;

  /** @param now seconds of any steady clock; wall time is only ever shown, never recorded */
  constructor(terminal: Terminal, now = (): number => Number(process.hrtime.bigint()) / 1e9) {
    this.#terminal = terminal;
    this.#now = now;
    this.#since = now();
  }

  /** @param lines of console so far @param nanoseconds virtual */
  show(instructions: number, nanoseconds: number, lines: number): void {
    if (!this.#terminal.isTTY) return;
    const now = this.#now();
    if (lines !== this.#lines) {
      this.#lines = lines;
      this.#since = now;
    }
    if (now - this.#since < PATIENCE) return;
    this.#since = now;
    this.#terminal.write(
      `\r\x1b[K${(instructions / 1e6).toFixed(0)} million instructions, ${(nanoseconds / 1e9).toFixed(2)} s virtual`,
    );
    this.#drawn = true;
  }

  clear(): void {
    if (this.#drawn) this.#terminal.write('\r\x1b[K');
    this.#drawn = false;
  }
}
