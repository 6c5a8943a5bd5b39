// Script of the page of a boot: reads the data, puts the pictures together, moves between events.
import './boot.css';
import { seconds } from '../../../analysis/addresses.js';
import type { KernelEvent } from '../../../kernel/events.js';
import { describe } from '../describe.js';
import { EventTable } from '../event-table.js';
import type { ReportData } from '../report-data.js';
import { ChunkMap } from './chunk-map.js';
import { ConsoleView } from './console-view.js';
import { setUpEventList } from './event-list.js';
import { FrameMap } from './frame-map.js';
import { chunkHistory } from './chunk-history.js';
import { CurrentEvent } from './moment.js';
import { lanePlot } from './lane-plot.js';
import { subjectOf } from './subject.js';
import { setUpTheme } from './theme.js';
import { TimeAxis } from './time-axis.js';
import { TlbTable } from './tlb-table.js';
import { usagePlot } from './usage-plot.js';

const element = <E extends HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;

const data = JSON.parse(element('data').textContent) as ReportData;
const events = new EventTable(data.events);
const moment = new CurrentEvent(events.length - 1);
const subject = (seq: number) => subjectOf(events.at(seq), data);

const chunks = new ChunkMap(data, events, moment, subject);
const frames = new FrameMap(data, events, moment, subject);
new TlbTable(data.tlb, events, moment);
new ConsoleView(events, moment);

const axis = new TimeAxis(events, moment);
lanePlot(axis, data, events, visit);
chunkHistory(axis, data, (row, page, seq) => {
  moment.go(seq);
  chunks.select(row, page);
});
usagePlot(axis, data);
setUpTheme(() => {
  axis.redraw();
  chunks.redraw();
  frames.redraw();
});

/** Goes to an event and selects the pages that it is about. */
function visit(seq: number): void {
  moment.go(seq);
  const { cell, frame } = subject(moment.seq);
  if (cell) chunks.select(cell.row, cell.page);
  if (frame !== undefined) frames.selectFrame(frame);
}

// ---- what the event is ----

const names = new Map<number, string>();
for (let seq = 0; seq < events.length; seq++) {
  if (events.typeOf(seq) !== 'task') continue;
  const event = events.at(seq);
  if (event.type === 'task') names.set(event.task, event.comm);
}

function text(seq: number): string {
  const event = events.at(seq);
  return `${names.get(event.pid) ?? `pid ${event.pid}`}: ${describe(event)}`;
}

setUpEventList(events, moment, text);

const slider = element<HTMLInputElement>('slider');
const when = element('when');
const what = element('what');
const select = element<HTMLSelectElement>('moments');

moment.follow((seq) => {
  const time = seconds(events.times[seq]!);
  slider.value = String(seq);
  slider.setAttribute('aria-valuetext', `event ${seq}, ${time} s`);
  when.textContent = `event ${seq}  ${time} s`;
  what.textContent = what.title = text(seq);
  for (const link of document.querySelectorAll<HTMLElement>('#chain [data-seq]'))
    link.closest('li')!.classList.toggle('now', Number(link.dataset.seq) === seq);
});

// ---- moving ----

/** The next moment before or after. */
function jump(direction: 1 | -1): void {
  const stops = [0, ...data.moments, moment.last];
  const { seq } = moment;
  const target = direction > 0 ? stops.find((at) => at > seq) : stops.findLast((at) => at < seq);
  if (target !== undefined) visit(target);
}

slider.addEventListener('input', () => moment.go(Number(slider.value)));
select.addEventListener('change', () => {
  if (select.value !== '') visit(Number(select.value));
  select.value = '';
});
element('previous-event').addEventListener('click', () => moment.go(moment.seq - 1));
element('next-event').addEventListener('click', () => moment.go(moment.seq + 1));
element('previous-moment').addEventListener('click', () => jump(-1));
element('next-moment').addEventListener('click', () => jump(1));

document.addEventListener('click', (event) => {
  const link = (event.target as HTMLElement).closest<HTMLElement>('[data-seq]');
  if (!link) return;
  visit(Number(link.dataset.seq));
  if (link.closest('#chain')) element('time-section').scrollIntoView();
});
/** The address can name an event: links have such addresses, and the browser's Back goes through them. */
const asked = (): number | undefined => {
  const match = /^#event-(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : undefined;
};
window.addEventListener('hashchange', () => {
  const seq = asked();
  if (seq !== undefined && seq !== moment.seq) visit(seq);
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target as HTMLElement;
  // Where the keys scroll or choose, they keep doing so.
  if (target === select || (target !== slider && target.closest('.scroll, .history, pre'))) return;
  if (target !== slider && !event.key.startsWith('Arrow')) return;
  const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -100, PageUp: 100 }[event.key];
  if (event.key === 'Home') moment.go(0);
  else if (event.key === 'End') moment.go(moment.last);
  else if (step === undefined) return;
  else if (event.shiftKey && Math.abs(step) === 1) jump(step as 1 | -1);
  else moment.go(moment.seq + step);
  event.preventDefault();
});

// ---- where to start: what the address asks for, else the stale access that the chain tells of, else the first that hits somebody,
// else the first page given back ----

const told = [...document.querySelectorAll<HTMLElement>('#chain [data-seq]')].map(({ dataset }) => Number(dataset.seq));

function firstOf(type: KernelEvent['type'], is: (event: KernelEvent) => boolean = () => true): number | undefined {
  for (let seq = 0; seq < events.length; seq++) if (events.typeOf(seq) === type && is(events.at(seq))) return seq;
  return undefined;
}

chunks.select(0, 0);
frames.selectFrame(data.owners.frames[0] ?? 0);
visit(
  asked() ??
    told.findLast((seq) => events.typeOf(seq) === 'stale_access') ??
    firstOf('stale_access', (event) => event.type === 'stale_access' && event.owner !== 'free') ??
    firstOf('stale_access') ??
    firstOf('unmap') ??
    moment.last,
);
