// The console: what is not printed yet at the moment shown is pale.
import type { EventTable } from '../event-table.js';
import type { CurrentEvent } from './moment.js';

export class ConsoleView {
  readonly #box = document.querySelector<HTMLElement>('#console')!;
  readonly #lines: HTMLElement[];
  /** Event of each line. */
  readonly #seqs: number[] = [];
  /** Lines printed at the moment shown; -1: none shown yet. */
  #printed = -1;

  constructor(events: EventTable, moment: CurrentEvent) {
    for (let seq = 0; seq < events.length; seq++) if (events.typeOf(seq) === 'printk') this.#seqs.push(seq);
    this.#lines = [...this.#box.querySelectorAll('span')];
    this.#lines.forEach((line, i) =>
      line.addEventListener('click', () => {
        if (getSelection()?.isCollapsed ?? true) moment.go(this.#seqs[i]!); // not while text is being selected
      }),
    );
    moment.follow((seq) => this.#show(seq));
  }

  #show(seq: number): void {
    const behind = this.#seqs.findIndex((at) => at > seq);
    const printed = behind < 0 ? this.#lines.length : behind;
    if (printed === this.#printed) return;
    this.#printed = printed;
    this.#lines.forEach((line, i) => line.classList.toggle('later', i >= printed));
    const line = this.#lines[Math.max(printed - 1, 0)];
    if (line) this.#box.scrollTop = line.offsetTop - this.#box.clientHeight * 0.8;
  }
}
