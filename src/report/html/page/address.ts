// The part of the address behind #: the moment, and the pages looked at where they are not the story's. A link to it opens the same view.
import type { Mode } from './selection.js';

export interface View {
  seq: number;
  mode: Mode;
  /** Chunk by its number, page in it, CPU; for mode `hand`. */
  page?: { chunk: number; page: number; cpu: number };
  frame?: number;
}

/** `#event-12723`, `#event-12723&page=4.2&pfn=1294`, `#event-12723&page=event` */
export function viewHash({ seq, mode, page, frame }: View): string {
  const parts = [`event-${seq}`];
  if (mode === 'event') parts.push('page=event');
  if (mode === 'hand' && page) parts.push(`page=${page.chunk}.${page.page}${page.cpu > 0 ? `.${page.cpu}` : ''}`);
  if (mode === 'hand' && frame !== undefined) parts.push(`pfn=${frame.toString(16)}`);
  return `#${parts.join('&')}`;
}

/** @returns undefined for what is no view */
export function parseHash(hash: string): View | undefined {
  const match = /^#event-(\d{1,9})((?:&[a-z]+=[0-9a-z.]+)*)$/.exec(hash);
  if (!match) return undefined;
  const fields = new URLSearchParams(match[2]);
  const seq = Number(match[1]);
  const where = fields.get('page');
  if (where === 'event') return { seq, mode: 'event' };
  const place = /^(\d{1,6})\.(\d{1,6})(?:\.(\d{1,4}))?$/.exec(where ?? '');
  if (!place) return { seq, mode: 'story' };
  const [chunk, page, cpu = 0] = place.slice(1).map((digits) => (digits === undefined ? undefined : Number(digits)));
  const frame = parseInt(fields.get('pfn') ?? '', 16);
  return { seq, mode: 'hand', page: { chunk: chunk!, page: page!, cpu }, ...(Number.isNaN(frame) ? {} : { frame }) };
}
