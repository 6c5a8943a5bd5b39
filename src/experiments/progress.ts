// A line on a terminal that says how far a long command is, and results above it as they come. Silent when the stream is no terminal.

/** Where it is drawn; process.stderr. */
export interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const BAR = 24;

export class Progress {
  readonly #terminal: Terminal;
  #total: number | undefined;
  /** `#total` is a guess. */
  #about = false;
  #note = '';
  readonly #now: () => number;
  readonly #started: number;
  #done = 0;
  #drawn = false;

  /** @param total boots to do, where that is known @param now seconds of any steady clock; wall time is only ever shown, never recorded */
  constructor(
    terminal: Terminal,
    total: number | undefined,
    now = (): number => Number(process.hrtime.bigint()) / 1e9,
  ) {
    this.#terminal = terminal;
    this.#total = total;
    this.#now = now;
    this.#started = now();
    this.#draw('');
  }

  /** One more boot is done. @param note short text behind the bar */
  step(note: string): void {
    this.#done++;
    this.#draw(note);
  }

  /** A guess of the boots that are left, where nobody can know: the bar and the time follow it. */
  expect(left: number): void {
    this.#total = this.#done + left;
    this.#about = true;
  }

  /** A text in place of the last note. */
  note(text: string): void {
    if (text !== this.#note) this.#draw(text);
  }

  /** A line that stays, above the bar. */
  say(line: string): void {
    if (!this.#terminal.isTTY) return;
    this.clear();
    this.#terminal.write(`${line}\n`);
    this.#draw(this.#note);
  }

  #draw(note: string): void {
    this.#note = note;
    if (!this.#terminal.isTTY) return;
    const seconds = this.#now() - this.#started;
    let text = this.#total === undefined ? `${this.#done} boots` : this.#bar(this.#total);
    if (this.#done > 0) {
      const rate = this.#done / seconds;
      text += `  ${rate.toFixed(rate < 10 ? 1 : 0)} boots/s`;
      if (this.#total !== undefined) {
        const left = duration(Math.max(0, this.#total - this.#done) / rate);
        text += this.#about ? `  about ${left} left` : `  ${left} left`;
      }
    }
    if (note !== '') text += `  ${note}`;
    this.#terminal.write(`\r\x1b[K${text.slice(0, (this.#terminal.columns ?? 80) - 1)}`);
    this.#drawn = true;
  }

  #bar(total: number): string {
    const filled = total === 0 ? BAR : Math.min(BAR, Math.floor((BAR * this.#done) / total));
    return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${this.#done}/${this.#about ? '~' : ''}${total}`;
  }

  /** Removes the line. */
  clear(): void {
    if (this.#drawn) this.#terminal.write('\r\x1b[K');
    this.#drawn = false;
  }
}

/** 45 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
