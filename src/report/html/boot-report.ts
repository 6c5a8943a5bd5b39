// The page of one boot: what happened in words, then pictures that go to any event of the log.
import { seconds } from '../../analysis/addresses.js';
import { decodeConsole, signature } from '../../decode/index.js';
import type { BootSetup } from '../../experiments/setup.js';
import { packageVersion } from '../../experiments/version.js';
import { count } from '../../experiments/table.js';
import type { BootResult } from '../../kernel/boot.js';
import type { BootCounters } from '../../kernel/counters.js';
import type { KernelEvent } from '../../kernel/events.js';
import { bootScript } from '../../minimize/script.js';
import { PAGE } from './chunk-pages.js';
import { describe } from './describe.js';
import { htmlDocument, pageAssets } from './document.js';
import { escapeHtml } from './escape.js';
import { commandHtml, facts, topHtml } from './page-top.js';
import { PICTURE_STYLE } from './picture.js';
import { reportData, type ReportData } from './report-data.js';
import { bootFlags, bootName, counterName, setupRows } from './setup-text.js';
import type { BootStory, StoryStep } from './story.js';
import type { TlbRecord, TlbRecorder } from './tlb-recorder.js';

export interface BootReport {
  setup: BootSetup;
  seed: number;
  result: BootResult;
  /** Was attached to the boot (BootOptions.attach). */
  recorder: TlbRecorder;
  /** What the checker's findings add up to (analysis/cause.ts). */
  story: BootStory;
}

/** @returns the HTML text; the same for the same boot */
export function bootReport({ setup, seed, result, recorder, story }: BootReport): string {
  const { counters, outcome, log } = result;
  return pageOf({
    title: `percpu-malta boot, seed ${seed}`,
    name: bootName(setup, seed),
    outcome,
    fine: `The guest reached init and ran on until ${counters.simulatedSeconds} s of its time.`,
    nothing:
      'The checker was on for the whole boot: no access went through a stale translation.' +
      (outcome === 'clean' ? '' : ' Whatever ended this boot, a missing TLB flush did not: see the console.'),
    console: result.console,
    panic: result.panic,
    events: log.events,
    recorder,
    story,
    tiles: tilesOf(result),
    facts: [...setupRows(setup), ['seed', String(seed)]],
    counters: counterRows(result),
    again: againHtml(setup, seed),
  });
}

/** What the page of a run is made of, whatever kernel ran. */
export interface RunPage {
  title: string;
  /** Tells pages of the same run from others; undefined where links need not find it. */
  name?: string;
  outcome: string;
  /** What is said of a clean outcome. */
  fine: string;
  /** What is said where the story has no steps. */
  nothing: string;
  /** A line for each printk event. */
  console: readonly string[];
  /** Text of the panic, if any. */
  panic: string | undefined;
  events: readonly KernelEvent[];
  recorder: TlbRecord;
  story: BootStory;
  tiles: readonly Tile[];
  facts: readonly (readonly [string, string])[];
  counters: readonly (readonly [string, string])[];
  /** How to have it again, as HTML. */
  again: string;
}

/** A number with what it counts, and whether it is a sign of the bug. */
export type Tile = readonly [value: number, text: string, bad: boolean];

/** @returns the HTML text */
export function pageOf(page: RunPage): string {
  const { events, recorder, story, title, outcome } = page;
  const data = reportData(events, recorder, story);
  const body = [
    headerHtml(page),
    '<main>',
    scrubberHtml(events, data),
    '<div class="columns">',
    storyHtml(page),
    '<div class="state">',
    translationHtml(story),
    '<div class="pair">',
    chunksHtml(data),
    tlbHtml(data),
    '</div>',
    framesHtml(recorder),
    '</div>',
    '</div>',
    timelineHtml(recorder),
    eventsHtml(),
    consoleHtml(page.console),
    '</main>',
    FOOTER,
  ].join('\n');
  const whole = `<style>${PICTURE_STYLE}</style>${body}`;
  return htmlDocument(`${title}: ${outcome}`, whole, pageAssets('boot'), data, page.name);
}

const FOOTER = `<footer>Keys: <kbd>←</kbd> <kbd>→</kbd> one event, with <kbd>Shift</kbd> to the next moment worth a look; on the slider
also <kbd>Page Up</kbd> <kbd>Page Down</kbd> 100 events, <kbd>Home</kbd> <kbd>End</kbd>. On chunks and physical pages the arrow keys choose a page.
Click into the time line to go there, drag to zoom in, double-click to zoom out.</footer>`;

function section(id: string, title: string, content: string): string {
  return `<section id="${id}-section" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>\n${content}</section>`;
}

/** As on the console: whole microseconds that have passed. */
const at = (t: number): string => seconds(Math.floor(t));

const link = (seq: number, text: string): string => `<a href="#event-${seq}" data-seq="${seq}">${text}</a>`;

// ---- what happened ----

function headerHtml(page: RunPage): string {
  const { title, outcome, again } = page;
  const good = outcome === 'clean';
  const decoded = decodeConsole(page.console);
  const shown = symptomLines(page, decoded.firstLine?.text.trim());
  const crash = `<p class="kind mono">${escapeHtml(signature(decoded))}</p>
${decoded.family === undefined ? '' : `<p>${escapeHtml(decoded.family.zeroed)}</p>`}
${shown.length === 0 ? '' : `<pre class="symptom">${escapeHtml(shown.join('\n'))}</pre>`}`;
  return topHtml(
    title,
    `<span id="outcome" class="badge ${good ? 'good' : 'bad'}">${escapeHtml(outcome)}</span>`,
    `${good ? `<p class="kind">${escapeHtml(page.fine)}</p>` : crash}
${tilesHtml(page.tiles)}
${facts([...page.facts, ['percpu-malta', packageVersion()]])}
<div class="row again">${again}
<details><summary>All counters</summary>${facts(page.counters)}</details></div>`,
  );
}

/** What the kernel said when it went wrong. @param first line of the console that tells it, or for a stall the last line of all */
function symptomLines({ panic, events }: RunPage, first: string | undefined): string[] {
  const stall = events.findLast(({ type }) => type === 'stall');
  const lines = stall
    ? [describe(stall), first && `last message: ${first}`]
    : [first, panic && `Kernel panic - not syncing: ${panic}`];
  return [...new Set(lines)].filter((line) => line !== undefined);
}

/** The numbers that tell the bug from a healthy boot. */
function tilesOf({ counters: c }: BootResult): Tile[] {
  return [
    [c.depopulatedPages, `pages depopulated, in ${count(c.depopulatedRanges, 'range')}`, false],
    [c.tlbFlushes, 'TLB flushes; one per range would do', c.tlbFlushes < c.depopulatedRanges && c.repopulatedStale > 0],
    [c.repopulatedStale, 'pages populated again while the TLB had the old one', c.repopulatedStale > 0],
    [c.staleStores, 'stores through stale entries', c.staleStores > 0],
    [c.foreignPages, 'pages of others overwritten', c.foreignPages > 0],
  ];
}

function tilesHtml(tiles: readonly Tile[]): string {
  const items = tiles.map(
    ([value, text, bad]) => `<div${bad ? ' class="bad"' : ''}><dt>${text}</dt><dd>${value}</dd></div>`,
  );
  return `<dl class="tiles">${items.join('')}</dl>`;
}

function counterRows({ counters }: BootResult): [string, string][] {
  return Object.entries(counters).map(([name, value]) => [counterName(name as keyof BootCounters), String(value)]);
}

/** How to have the same boot again; a boot of a script takes the script along. */
function againHtml(setup: BootSetup, seed: number): string {
  const script = setup.kept
    ? `<details><summary>The script</summary><pre id="script">${escapeHtml(bootScript(setup, seed))}</pre></details>`
    : '';
  return `<p class="command"><span class="dim">Boot it again:</span> ${commandHtml(`boot ${bootFlags(setup, seed)}`)}</p>${script}`;
}

function storyHtml({ events, outcome, nothing, story: { steps } }: RunPage): string {
  const item = ({ seq, text, between }: StoryStep): string =>
    `<li>${escapeHtml(text)} <span class="where"><span class="mono dim">${at(events[seq]!.t)}</span> ` +
    `${link(seq, `${between ? 'after event' : 'event'} ${seq}`)}</span></li>`;
  if (steps.length > 0)
    return section(
      'story',
      `What happened, from the cause to the ${outcome === 'clean' ? 'damage' : 'crash'}`,
      `<ol id="chain">${steps.map(item).join('\n')}</ol>`,
    );
  return section('story', 'What happened', `<p>${escapeHtml(nothing)}</p>`);
}

/** The picture of the bug; page/translation-view.ts draws it. */
function translationHtml({ va }: BootStory): string {
  const modes =
    va === undefined
      ? ''
      : `<div class="row modes" role="group" aria-label="Page shown"><span>Page shown</span><span class="buttons">
<button type="button" id="pin-story" aria-pressed="true">the story’s</button>
<button type="button" id="pin-event" aria-pressed="false">the event’s</button></span></div>`;
  return section(
    'translation',
    'One address, two translations',
    `${modes}<svg id="translation" class="t-svg" role="img" aria-labelledby="translation-text"></svg>
<p id="translation-text"></p>`,
  );
}

// ---- the moment ----

function scrubberHtml(events: readonly KernelEvent[], { moments }: ReportData): string {
  const last = Math.max(events.length - 1, 0);
  const options = moments
    .map((seq) => `<option value="${seq}">${at(events[seq]!.t)} ${escapeHtml(describe(events[seq]!))}</option>`)
    .join('');
  const step = (id: string, text: string, title: string): string =>
    `<button type="button" id="${id}" aria-label="${title}" title="${title}">${text}</button>`;
  return `<nav id="scrubber" aria-label="Moment shown">
<p class="mono"><output id="when"></output><span id="what"></span></p>
<div class="row"><span class="buttons">${step('previous-moment', '«', 'Previous moment worth a look (Shift ←)')}
${step('previous-event', '‹', 'Previous event (←)')}
${step('next-event', '›', 'Next event (→)')}
${step('next-moment', '»', 'Next moment worth a look (Shift →)')}</span>
<input type="range" id="slider" min="0" max="${last}" value="${last}" step="1" aria-label="Event">
<select id="moments" aria-label="Go to a moment"><option value="">Go to…</option>${options}</select></div>
</nav>`;
}

// ---- pictures ----

const LEGEND: readonly [state: number, text: string][] = [
  [PAGE.UNPOPULATED, 'never populated'],
  [PAGE.POPULATED, 'populated, filled as high as used'],
  [PAGE.EMPTY, 'populated, empty'],
  [PAGE.DEPOPULATED, 'depopulated'],
  [PAGE.STALE_UNMAPPED, 'depopulated, TLB still has it'],
  [PAGE.STALE_MAPPED, 'populated again, TLB has the old page'],
];

const pageLegend = (): string =>
  `<ul class="legend">${LEGEND.map(([state, text]) => `<li><i class="swatch state-${state}"></i>${text}</li>`).join('')}</ul>`;

const MARKS = `<ul class="legend"><li><i class="swatch shown"></i>page shown</li><li><i class="swatch about"></i>page of the event</li></ul>`;

function timelineHtml({ complete }: TlbRecord): string {
  const zoom = (what: string, text: string): string => `<button type="button" data-zoom="${what}">${text}</button>`;
  return section(
    'time',
    'Time line',
    `<div class="row zoom"><span>Show</span><span class="buttons">${zoom('all', 'whole boot')}${complete ? zoom('scan', 'from the scan on') : ''}${zoom('near', '20 ms around the moment')}</span></div>
<h3>What ran</h3><div id="lanes" class="plot"></div>
<h3>Pages of each chunk</h3>${pageLegend()}<div id="history" class="plot"></div>
<h3>${complete ? 'Physical pages in use' : 'Physical pages of the chunks'}</h3><ul id="usage-legend" class="legend"></ul><div id="usage" class="plot"></div>`,
  );
}

function chunksHtml({ chunks }: ReportData): string {
  const rows = chunks
    .map(
      ({ id, base }, row) =>
        `<div class="chunk"><span class="mono name">${id} <small>${(base >>> 0).toString(16).padStart(8, '0')}</small></span>` +
        `<canvas tabindex="0" role="img" aria-label="Pages of chunk ${id}" data-row="${row}"></canvas>` +
        `<span class="status" id="status-${row}"></span></div>`,
    )
    .join('');
  return section(
    'chunks',
    'Chunks',
    `${pageLegend()}<div id="chunks">${rows}</div>
${MARKS}<p id="page" class="mono readout"></p><h3>History of this page</h3><ol id="page-history" class="history mono" tabindex="0" aria-label="History of the page"></ol>`,
  );
}

function tlbHtml({ tlb }: ReportData): string {
  return section(
    'tlb',
    'TLB',
    `<div class="row zoom"><output id="tlb-count"></output><label><input type="checkbox" id="stale-only"> stale only</label></div>
<div class="scroll" tabindex="0" role="region" aria-label="TLB entries"><table id="tlb" class="mono">
<thead><tr><th scope="col">#</th><th scope="col">pair</th><th scope="col">even pfn</th><th scope="col">odd pfn</th><th scope="col">filled</th></tr></thead><tbody></tbody></table></div>
<p class="note">Stale: the page table (PTE) has another page or none. Grey: of other vmalloc memory. V=0: the next access asks the page table.
Entries from ${tlb.visible} on, in italics, are shadows: QEMU goes on using them, the guest cannot see them.</p>`,
  );
}

function framesHtml({ complete }: TlbRecord): string {
  return section(
    'frames',
    complete ? 'Physical pages by owner' : 'Physical pages of the chunks',
    `<ul id="frame-legend" class="legend"></ul>
<canvas id="frames" tabindex="0" role="img" aria-label="Physical pages"></canvas>
${MARKS}<p id="frame" class="mono readout"></p><h3>History of this page</h3><ol id="frame-history" class="history mono" tabindex="0" aria-label="History of the physical page"></ol>`,
  );
}

function eventsHtml(): string {
  return section(
    'events',
    'Events around the moment',
    '<ol id="events" class="mono" tabindex="0" aria-label="Events around the moment"></ol>',
  );
}

function consoleHtml(lines: readonly string[]): string {
  const spans = lines.map((line) => `<span>${escapeHtml(line)}\n</span>`).join('');
  return section(
    'console',
    'Console',
    `<pre id="console" class="mono" tabindex="0" aria-label="Console">${spans}</pre><p class="note">Pale: not printed yet at the moment shown. A click on a line goes to it.</p>`,
  );
}
