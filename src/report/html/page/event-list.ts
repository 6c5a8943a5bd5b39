// The events before and after the moment shown, that one in the middle of their box.
import { seconds } from '../../../analysis/addresses.js';
import type { EventTable } from '../event-table.js';
import type { CurrentEvent } from './moment.js';

const BEFORE = 5;
const LINES = 11;

export function setUpEventList(events: EventTable, moment: CurrentEvent, text: (seq: number) => string): void {
  const links = Array.from({ length: Math.min(LINES, events.length) }, () => document.createElement('a'));
  const box = document.querySelector<HTMLElement>('#events')!;
  box.append(
    ...links.map((link) => {
      const item = document.createElement('li');
      item.append(link);
      return item;
    }),
  );
  moment.follow((now) => {
    const first = Math.min(Math.max(now - BEFORE, 0), events.length - links.length);
    links.forEach((link, i) => {
      const seq = first + i;
      link.classList.toggle('now', seq === now);
      link.href = `#event-${seq}`;
      link.dataset.seq = String(seq);
      link.textContent = `${seq} ${seconds(events.times[seq]!)} ${text(seq)}`;
    });
    const shown = links[now - first];
    if (shown) box.scrollTop = shown.offsetTop + shown.clientHeight / 2 - box.clientHeight / 2;
  });
}
