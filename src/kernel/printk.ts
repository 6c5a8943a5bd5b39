// The kernel log: lines with simulated time stamps, as the serial console shows them.
import type { Clock } from './clock.js';
import type { EventLog } from './events.js';
import { PRINTK_US, type Timing } from './timing.js';

export class Printk {
  /** Receives each finished line, without the line break. */
  onLine: ((line: string) => void) | null = null;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #timing: Timing;
  readonly #pid: () => number;
  #partial = '';

  constructor(clock: Clock, log: EventLog, timing: Timing, pid: () => number) {
    this.#clock = clock;
    this.#log = log;
    this.#timing = timing;
    this.#pid = pid;
  }

  /** printk(): `text` may hold several lines; what follows the last \n waits for more. */
  print(level: number, text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop()!;
    for (const line of lines) {
      const us = Math.floor(this.#clock.now);
      const stamp = `[${String(Math.floor(us / 1e6)).padStart(5)}.${String(us % 1e6).padStart(6, '0')}] `;
      this.#log.append(this.#clock.now, this.#pid(), { type: 'printk', level, text: line });
      this.onLine?.(stamp + line);
      if (this.#clock.now > 0) this.#clock.advance(this.#timing.draw(PRINTK_US));
    }
  }

  line(level: number, text: string): void {
    this.print(level, `${text}\n`);
  }
}
