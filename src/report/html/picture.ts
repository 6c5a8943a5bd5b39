// The picture of the bug: one virtual address and two arrows, the page table's and the TLB's, each to a physical page and its owner.
// SVG text, for the page (which draws it at every moment) and for files.
import { hex, pfn } from '../../analysis/addresses.js';
import type { Act } from '../../analysis/cause.js';
import { wrap } from '../wrap.js';
import { escapeHtml } from './escape.js';
import type { FrameView, Translation } from './translation-at.js';

export interface Picture {
  translation: Translation;
  /** `chunk 4 page 4` */
  name: string;
  /** When the TLB entry was loaded, seconds; '' unknown. */
  since: string;
  /** A physical page to show even if no arrow leads to it. */
  watched: FrameView | undefined;
  /** What happens at this moment. */
  act: Act | undefined;
}

export interface Drawing {
  /** Elements; those of a class of PICTURE_CLASSES have its colours. */
  svg: string;
  /** Pixels. */
  height: number;
  /** The same in words. */
  text: string;
}

/** How page table and TLB stand to each other. */
export type Agreement = 'same' | 'lost' | 'stale' | 'not loaded' | 'not mapped' | 'untranslated';

export function agreement({ translated, table, tlb }: Translation): Agreement {
  if (!translated) return 'untranslated';
  if (tlb) return table === undefined ? 'lost' : table.frame === tlb.frame ? 'same' : 'stale';
  return table ? 'not loaded' : 'not mapped';
}

/** In a sentence, for those who do not see it. */
export function sentence({ translation, act }: Picture): string {
  const { va, table, tlb, loading, access } = translation;
  const page = hex(va);
  if (act?.kind === 'read') return `${act.text}, in frame ${pfn(act.frame!)}: ${act.result}.`;
  const stored = act?.kind === 'store' || act?.kind === 'load' || access;
  switch (agreement(translation)) {
    case 'untranslated':
      return `${page} is used without the TLB (kseg0).`;
    case 'lost':
      return stored
        ? `The ${storeWord(act, translation)} goes to frame ${pfn(tlb!.frame)}, as the TLB says; the page table has no page there.`
        : `The page table has taken the page away. The TLB still leads to frame ${pfn(tlb!.frame)}.`;
    case 'stale':
      return stored
        ? `The ${storeWord(act, translation)} goes to frame ${pfn(tlb!.frame)}, as the TLB says, not to frame ${pfn(table!.frame)}.`
        : `One address, two answers: frame ${pfn(table!.frame)} in the page table, frame ${pfn(tlb!.frame)} in the TLB.`;
    case 'same':
      return loading
        ? 'The CPU loads the translation from the page table into the TLB.'
        : `Page table and TLB agree on frame ${pfn(tlb!.frame)}.`;
    case 'not loaded':
      return `Frame ${pfn(table!.frame)} in the page table, nothing in the TLB: the next access loads it.`;
    case 'not mapped':
      return 'No page in the page table, nothing in the TLB.';
  }
}

const storeWord = (act: Act | undefined, { access }: Translation): string =>
  act?.kind === 'load' || (act === undefined && access?.write === false) ? 'load' : 'store';

/** Custom properties of base.css, and what they are where there is none. */
const COLORS = {
  text: ['#1c1d21', '#e8e7e3'],
  dim: ['#5d606b', '#a2a5b0'],
  line: ['#dcdad5', '#373a43'],
  panel: ['#ffffff', '#1d1f25'],
  accent: ['#1f55c4', '#8db2ff'],
  good: ['#1c7a43', '#5cc98a'],
  bad: ['#b3261e', '#ff8177'],
  'state-5': ['#f0a000', '#f0b030'],
  'state-6': ['#d5281f', '#ff5247'],
} as const;
type ColorName = keyof typeof COLORS;

function rules(color: (name: ColorName) => string): string {
  const arrow = (name: string, of: ColorName): string =>
    `.t-${name}{stroke:${color(of)};fill:none;stroke-width:2.5}.t-${name}-head{fill:${color(of)}}`;
  return [
    `.t-svg{font:13px system-ui,sans-serif}`,
    `.t-text{fill:${color('text')}}.t-dim{fill:${color('dim')}}.t-bad{fill:${color('bad')};font-weight:600}`,
    `.t-mono{font:600 15px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:${color('text')}}`,
    `.t-small{font-size:12px}.t-strong{font-weight:600}`,
    `.t-panel{fill:${color('panel')}}.t-box{fill:${color('panel')};stroke:${color('dim')}}.t-none{fill:none;stroke:${color('dim')};stroke-dasharray:4 4}`,
    `.t-struck{fill:${color('panel')};stroke:${color('state-6')};stroke-width:2.5}`,
    arrow('table', 'accent'),
    arrow('same', 'good'),
    arrow('lost', 'state-5'),
    arrow('stale', 'state-6'),
    `.t-absent{stroke:${color('dim')};fill:none;stroke-dasharray:4 4}.t-busy{stroke-width:5}`,
    `.t-pill{fill:${color('bad')}}.t-pill-text{fill:${color('panel')};font-size:12px;font-weight:600}`,
  ].join('');
}

/** Style sheet for a page that has base.css. */
export const PICTURE_STYLE = rules((name) => `var(--${name})`);
/** Style sheet for a file of its own: light, or dark where that is preferred. */
export const FILE_STYLE = `${rules((name) => COLORS[name][0])}@media(prefers-color-scheme:dark){${rules((name) => COLORS[name][1])}}`;

/** About, of the fonts above; longer text is squeezed. */
const CHARACTER = { 't-mono': 9.2, 't-small': 6.3, '': 6.9 };
const widthOf = (text: string, style: string): number =>
  text.length *
  (style.includes('t-mono') ? CHARACTER['t-mono'] : /small|pill/.test(style) ? CHARACTER['t-small'] : CHARACTER['']);

function label(
  x: number,
  y: number,
  text: string,
  style: string,
  room: number,
  anchor: 'start' | 'middle' | 'end' = 'start',
): string {
  const squeeze =
    widthOf(text, style) > room ? ` textLength="${Math.floor(room)}" lengthAdjust="spacingAndGlyphs"` : '';
  const where = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${x}" y="${y}" class="${style}"${where}${squeeze}>${escapeHtml(text)}</text>`;
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const rectangle = ({ x, y, width, height }: Box, style: string): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" class="${style}"/>`;

/** Width from which the frames stand beside the address, not below it. */
const WIDE = 620;
const BOX = 88;

/** @param width pixels @param box height of a physical page where there is room for two beside the address, pixels */
export function draw(picture: Picture, width: number, box = BOX): Drawing {
  const wide = width >= WIDE;
  const height = wide ? 2 * box + 20 : 294;
  const svg = wide ? drawWide(picture, width, height, box) : drawNarrow(picture, width);
  return { svg, height, text: sentence(picture) };
}

/** Which physical pages are shown: one that both arrows lead to, or one each; undefined: none is there. */
function boxesOf({ translation: { table, tlb }, watched }: Picture): {
  first: FrameView | undefined;
  second?: FrameView | undefined;
} {
  if (tlb && table?.frame === tlb.frame)
    return watched === undefined || watched.frame === tlb.frame ? { first: table } : { first: table, second: watched };
  return { first: table, second: tlb ?? (watched?.frame === table?.frame ? undefined : watched) };
}

/** Above the first line of text in a box, and of each line; pixels. */
const TOP = 30;
const LINE = 16;

/** In no more lines than there are, which then are too long and squeezed. */
function fitted(text: string, characters: number, lines: number): string[] {
  const wrapped = wrap(text, characters);
  return wrapped.length <= Math.max(lines, 1) ? wrapped : fitted(text, characters + 4, lines);
}

/** A physical page with its owner and what happens to it. */
function frameBox(box: Box, frame: FrameView | undefined, { act, translation }: Picture): string {
  const { x, y, width } = box;
  const room = width - 24;
  if (frame === undefined) return rectangle(box, 't-none') + label(x + 12, y + 26, 'no page', 't-dim', room);
  const written = act?.kind === 'store' && frame.frame === translation.tlb?.frame;
  const read = act?.kind === 'read' && frame.frame === act.frame;
  const loaded = act?.kind === 'load' && frame.frame === translation.tlb?.frame;
  const status =
    written || loaded
      ? act.result!
      : read
        ? `${act.text}: ${act.result}`
        : frame.hit
          ? 'overwritten through the TLB'
          : '';
  const owner = wrap(frame.owner, Math.floor(room / CHARACTER[''])).slice(0, 2);
  const left = Math.floor((box.height - TOP) / LINE) - owner.length;
  const lines = [
    ...owner.map((line) => [line, 't-text']),
    ...(status === '' ? [] : fitted(status, Math.floor(room / CHARACTER['t-small']), left)).map((line) => [
      line,
      't-bad t-small',
    ]),
  ];
  return (
    rectangle(box, written || loaded || read ? 't-struck' : 't-box') +
    label(x + 12, y + 22, 'frame', 't-dim t-small', 40) +
    label(x + 50, y + 22, pfn(frame.frame), 't-mono', room - 40) +
    lines.map(([line, style], i) => label(x + 12, y + 41 + LINE * i, line!, style!, room)).join('')
  );
}

function tlbLines({ translation: { tlb, loading }, since }: Picture): string[] {
  if (!tlb) return ['nothing in the TLB'];
  return [
    `TLB entry ${tlb.slot}${tlb.shadow ? ', a shadow' : ''}`,
    loading ? 'is being loaded' : since === '' ? '' : `loaded at ${since} s`,
  ];
}

/** The two lines of what goes along the TLB's arrow. */
function along({ act, translation: { access, tlb, table } }: Picture): [string, string] | undefined {
  if (!tlb) return undefined;
  if (act?.kind === 'store' || act?.kind === 'load') {
    const [who, ...rest] = act.text!.split(' ');
    return [who!, rest.join(' ')];
  }
  if (access && tlb.frame !== table?.frame)
    return [`for ${access.by}()`, `${access.write ? 'store' : 'load'} of ${access.size} bytes`];
  return undefined;
}

function pill([first, second]: [string, string], x: number, y: number, room: number): string {
  const width = Math.min(Math.max(widthOf(first, 'pill'), widthOf(second, 'pill')) * 1.08 + 20, room);
  return (
    `<rect x="${x - width / 2}" y="${y - 19}" width="${width}" height="38" rx="8" class="t-pill"/>` +
    label(x, y - 4, first, 't-pill-text', width - 16, 'middle') +
    label(x, y + 12, second, 't-pill-text', width - 16, 'middle')
  );
}

function drawWide(picture: Picture, width: number, height: number, box: number): string {
  const { translation, name } = picture;
  const { table, tlb, va, translated } = translation;
  const middle = height / 2;
  const frameWidth = Math.min(Math.max(width * 0.36, 232), 340);
  const address = { x: 1.5, y: middle - 38, width: 168, height: 76 };
  const x = Math.round(width - frameWidth - 1.5);
  const { first, second } = boxesOf(picture);
  const same = tlb !== undefined && table?.frame === tlb.frame;
  const alone = same && second === undefined;
  const upper = { x, y: alone ? middle - box / 2 : 2, width: frameWidth, height: box };
  const lower = { ...upper, y: height - box - 2 };
  const from = address.x + address.width;
  const room = x - from - 24;
  const parts = [addressBox(address, va, name)];
  if (!translated)
    return parts.join('') + label(from + 16, middle + 4, 'used without the TLB (kseg0)', 't-dim', width - from - 20);
  const curve = (y0: number, y1: number, style: string, head: string, busy = false): string => {
    const bend = (from + x) / 2;
    return (
      `<path d="M${from} ${y0}C${bend} ${y0} ${bend} ${y1} ${x - 9} ${y1}" class="${style}${busy ? ' t-busy' : ''}"/>` +
      (head === '' ? '' : `<path d="M${x - 2} ${y1}l-12 -6v12z" class="${head}"/>`)
    );
  };
  const top = upper.y + box / 2 - (same ? 16 : 0);
  const bottom = same ? top + 32 : lower.y + box / 2;
  const busy = along(picture);
  const kind = agreement(translation);
  parts.push(table ? curve(middle - 12, top, 't-table', 't-table-head') : curve(middle - 12, top, 't-absent', ''));
  parts.push(label(x - 18, top - 9, table ? 'page table' : 'page table: none', 't-text t-small t-strong', room, 'end'));
  const [entry, loaded] = tlbLines(picture);
  const below = same ? bottom + 18 : bottom + 20;
  if (tlb) parts.push(curve(middle + 12, bottom, `t-${kind}`, `t-${kind}-head`, busy !== undefined));
  parts.push(label(x - 18, below, entry!, tlb ? 't-text t-small t-strong' : 't-dim t-small', room, 'end'));
  if (loaded) parts.push(label(x - 18, below + 15, loaded, 't-dim t-small', room, 'end'));
  parts.push(frameBox(upper, first, picture));
  if (second) parts.push(frameBox(lower, second, picture));
  if (busy) parts.push(pill(busy, (from + x) / 2 - 4, (middle + 12 + bottom) / 2, room + 10));
  return parts.join('');
}

function addressBox({ x, y, width, height }: Box, va: number, name: string): string {
  return (
    rectangle({ x, y, width, height }, 't-box') +
    label(x + 12, y + 20, 'virtual page', 't-dim t-small', width - 24) +
    label(x + 12, y + 42, hex(va), 't-mono', width - 24) +
    label(x + 12, y + 62, name, 't-text', width - 24)
  );
}

function drawNarrow(picture: Picture, width: number): string {
  const { translation, name } = picture;
  const { table, tlb, va, translated } = translation;
  const address = { x: 1.5, y: 1.5, width: width - 3, height: 50 };
  const parts = [
    rectangle(address, 't-box') +
      label(13, 20, 'virtual page', 't-dim t-small', width - 24) +
      label(13, 41, hex(va), 't-mono', 90) +
      label(100, 41, name, 't-text', width - 112),
  ];
  if (!translated) return parts.join('') + label(13, 80, 'used without the TLB (kseg0)', 't-dim', width - 26);
  const column = (width - 12) / 2;
  const { first, second } = boxesOf(picture);
  const same = tlb !== undefined && table?.frame === tlb.frame;
  const alone = same && second === undefined;
  const y = 172;
  const left = { x: 1.5, y, width: alone ? width - 3 : column, height: 118 };
  const right = { ...left, x: width - column - 1.5, width: column };
  const down = (x: number, to: number, style: string, head: string, busy = false): string =>
    `<path d="M${x} 52C${x} 110 ${to} 110 ${to} ${y - 9}" class="${style}${busy ? ' t-busy' : ''}"/>` +
    (head === '' ? '' : `<path d="M${to} ${y - 2}l-6 -12h12z" class="${head}"/>`);
  const busy = along(picture);
  const kind = agreement(translation);
  const x0 = 22;
  const x1 = right.x + 22;
  parts.push(table ? down(x0, x0, 't-table', 't-table-head') : down(x0, x0, 't-absent', ''));
  parts.push(label(x0 + 12, 80, table ? 'page table' : 'page table: none', 't-text t-small t-strong', column - 36));
  // both arrows end on the left page where that is the TLB's, too
  const to = same && !alone ? column - 16 : x1;
  if (tlb) parts.push(down(x1, to, `t-${kind}`, `t-${kind}-head`, busy !== undefined));
  const [entry, loaded] = tlbLines(picture);
  parts.push(label(x1 + 12, 80, entry!, tlb ? 't-text t-small t-strong' : 't-dim t-small', column - 36));
  if (loaded) parts.push(label(x1 + 12, 96, loaded, 't-dim t-small', column - 36));
  parts.push(frameBox(left, first, picture));
  if (second) parts.push(frameBox(right, second, picture));
  if (busy) parts.push(pill(busy, right.x + column / 2, 128, column));
  return parts.join('');
}
