// Script of the page of a boot: reads the data, puts the pictures together, moves between events.
import './boot.css';
import { seconds } from '../../../analysis/addresses.js';
import { describe } from '../describe.js';
import { EventTable } from '../event-table.js';
import type { ReportData } from '../report-data.js';
import { mainStep } from '../story.js';
import { placeAt, type Subject, subjectOf } from '../subject.js';
import { parseHash, type View, viewHash } from './address.js';
import { ChunkMap } from './chunk-map.js';
import { ConsoleView } from './console-view.js';
import { setUpEventList } from './event-list.js';
import { FrameMap } from './frame-map.js';
import { chunkHistory } from './chunk-history.js';
import { setUpCopy } from './copy.js';
import { CurrentEvent } from './moment.js';
import { lanePlot } from './lane-plot.js';
import { Selection } from './selection.js';
import { setUpTheme } from './theme.js';
import { TimeAxis } from './time-axis.js';
import { TlbTable } from './tlb-table.js';
import { TranslationView } from './translation-view.js';
import { usagePlot } from './usage-plot.js';

const element = <E extends HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;

const data = JSON.parse(element('data').textContent) as ReportData;
const events = new EventTable(data.events);
const moment = new CurrentEvent(events.length - 1);
const subject = (seq: number): Subject => subjectOf(events.at(seq), data);

const { story, chunks: allChunks } = data;
const storyPlace = story.va === undefined ? undefined : placeAt(story.va, story.after!, data);
const selection = new Selection(
  { row: 0, page: 0, cpu: 0 },
  data.owners.frames[0] ?? 0,
  storyPlace && { cell: storyPlace, frame: story.frame! },
);

const chunks = new ChunkMap(data, events, moment, selection, subject);
const frames = new FrameMap(data, events, moment, selection, subject);
new TranslationView(data, events, moment, selection);
new TlbTable(data.tlb, events, moment);
new ConsoleView(events, moment);

const axis = new TimeAxis(events, moment);
lanePlot(axis, data, events, visit);
chunkHistory(axis, data, (row, page, seq) => {
  moment.go(seq);
  selection.choose({ cell: { row, page, cpu: 0 } });
});
usagePlot(axis, data);
setUpCopy();
setUpTheme(() => {
  axis.redraw();
  chunks.redraw();
  frames.redraw();
});

/** Goes to an event, as a step that the browser's Back undoes. */
function visit(seq: number): void {
  moment.go(seq);
  selection.visit(subject(moment.seq));
  writeAddress('push');
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

const chain = [...document.querySelectorAll<HTMLElement>('#chain [data-seq]')];
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
  for (const link of chain) link.closest('li')!.classList.toggle('now', Number(link.dataset.seq) === seq);
  keepInSight(chain.find((link) => Number(link.dataset.seq) === seq)?.closest('li'));
});

/** Beside the state the story scrolls by itself. */
function keepInSight(item: HTMLElement | null | undefined): void {
  const box = element('story-section');
  if (!item || box.scrollHeight <= box.clientHeight) return;
  const { top, bottom } = item.getBoundingClientRect();
  const { top: first, bottom: last } = box.getBoundingClientRect();
  if (top < first || bottom > last) box.scrollTop += top - first - box.clientHeight / 3;
}

// ---- moving ----

/** The next moment before or after. */
function jump(direction: 1 | -1): void {
  const stops = [0, ...data.moments, moment.last];
  const { seq } = moment;
  const target = direction > 0 ? stops.find((at) => at > seq) : stops.findLast((at) => at < seq);
  if (target !== undefined) visit(target);
}

/** Story and state are side by side: boot.css. */
const BESIDE = matchMedia('(min-width: 1100px)');

/** As `visit`, for the many small steps of slider and keys. */
function step(seq: number): void {
  moment.go(seq);
  selection.visit(subject(moment.seq));
}

slider.addEventListener('input', () => step(Number(slider.value)));
select.addEventListener('change', () => {
  if (select.value !== '') visit(Number(select.value));
  select.value = '';
});
element('previous-event').addEventListener('click', () => step(moment.seq - 1));
element('next-event').addEventListener('click', () => step(moment.seq + 1));
element('previous-moment').addEventListener('click', () => jump(-1));
element('next-moment').addEventListener('click', () => jump(1));

document.addEventListener('click', (event) => {
  const link = (event.target as HTMLElement).closest<HTMLElement>('[data-seq]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  // the story is about one page, whatever was looked at before
  const told = chain.includes(link);
  if (told) selection.pin('story', subject(Number(link.dataset.seq)));
  visit(Number(link.dataset.seq));
  if (told && !BESIDE.matches) element('translation-section').scrollIntoView();
});

for (const mode of ['story', 'event'] as const) {
  const button = document.querySelector(`#pin-${mode}`);
  button?.addEventListener('click', () => selection.pin(mode, subject(moment.seq)));
  selection.follow(() => button?.setAttribute('aria-pressed', String(selection.mode === mode)));
}

// ---- the address: it follows the moment, and leads back to it ----

/** Browsers refuse more than some hundred changes in half a minute. */
const ADDRESS_MS = 250;
let waiting: number | undefined;

function view(): View {
  const { mode, place, frame } = selection;
  const { row, page, cpu } = place;
  // without a story the event's page is what one gets anyway
  const usual = mode === 'event' && selection.storyFrame === undefined;
  return { seq: moment.seq, mode: usual ? 'story' : mode, page: { chunk: allChunks[row]?.id ?? 0, page, cpu }, frame };
}

function writeAddress(how: 'push' | 'replace'): void {
  const hash = viewHash(view());
  if (hash === location.hash) return;
  try {
    if (how === 'push') history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
  } catch {
    // a frame without an address of its own
  }
  // the page "boot it here" shows this one in a frame
  if (parent !== window) parent.postMessage({ view: hash.slice(1) }, '*');
}

function follow(): void {
  waiting ??= window.setTimeout(() => {
    waiting = undefined;
    writeAddress('replace');
  }, ADDRESS_MS);
}
moment.follow(follow);
selection.follow(follow);

/** Shows what an address says, as far as this boot has it. */
function restore({ seq, mode, page, frame }: View): void {
  moment.go(seq);
  const row = page ? allChunks.findIndex(({ id }) => id === page.chunk) : -1;
  if (mode !== 'hand' || !page || !(page.page < (allChunks[row]?.pages ?? 0)) || !(page.cpu < data.units))
    selection.pin(mode === 'event' ? 'event' : 'story', subject(moment.seq));
  else
    selection.choose({
      cell: { row, page: page.page, cpu: page.cpu },
      ...(frame !== undefined && data.owners.frames.includes(frame) ? { frame } : {}),
    });
}
window.addEventListener('popstate', () => {
  const asked = parseHash(location.hash);
  if (asked && location.hash !== viewHash(view())) restore(asked);
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target as HTMLElement;
  // Where the keys scroll or choose, they keep doing so.
  if (target === select || (target !== slider && target.closest('.scroll, .history, pre, #events'))) return;
  if (target !== slider && !event.key.startsWith('Arrow')) return;
  const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: -100, PageUp: 100 }[event.key];
  if (event.key === 'Home') step(0);
  else if (event.key === 'End') step(moment.last);
  else if (by === undefined) return;
  else if (event.shiftKey && Math.abs(by) === 1) jump(by as 1 | -1);
  else step(moment.seq + by);
  event.preventDefault();
});

// ---- where to start: what the address asks for, else what the story is about, else the first page given back ----

function start(): number {
  for (let seq = 0; seq < events.length; seq++) if (events.typeOf(seq) === 'unmap') return seq;
  return moment.last;
}

restore(parseHash(location.hash) ?? { seq: mainStep(story)?.seq ?? start(), mode: 'story' });
