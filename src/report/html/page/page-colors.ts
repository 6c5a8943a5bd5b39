// How a page of a chunk looks in every picture.
import { FILL_SHIFT, FILL_STEPS, PAGE } from '../chunk-pages.js';
import { color } from './theme.js';

export interface PageColors {
  /** By PAGE state. */
  readonly state: readonly string[];
  readonly hatch: string;
  readonly mark: string;
}

export function pageColors(): PageColors {
  return {
    state: Array.from({ length: 7 }, (_, i) => color(`state-${i}`)),
    hatch: color('hatch'),
    mark: color('mark'),
  };
}

export const stateOf = (value: number): number => value & ((1 << FILL_SHIFT) - 1);
export const fillOf = (value: number): number => (value >> FILL_SHIFT) / FILL_STEPS;

export const STATE_TEXT: readonly string[] = [
  'no chunk',
  'never populated',
  'populated',
  'populated, empty',
  'depopulated',
  'depopulated, TLB still has it',
  'populated again, TLB has the old page',
];

/** Marks that tell stale pages apart without their colour. */
const STALE_MARK: Readonly<Record<number, string>> = { [PAGE.STALE_UNMAPPED]: '?', [PAGE.STALE_MAPPED]: '!' };
/** Pixels; smaller cells have no hatches and marks. */
const DETAIL = 7;

/** Draws one cell: how full as a bar from below, depopulated hatched, stale with a mark. */
export function drawCell(
  context: CanvasRenderingContext2D,
  colors: PageColors,
  value: number,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const state = stateOf(value);
  if (state === PAGE.ABSENT) {
    context.strokeStyle = colors.state[PAGE.UNPOPULATED]!;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    return;
  }
  if (state === PAGE.POPULATED) {
    context.fillStyle = colors.state[PAGE.EMPTY]!;
    context.fillRect(x, y, width, height);
    const bar = Math.max(Math.round(height * fillOf(value)), 2);
    context.fillStyle = colors.state[PAGE.POPULATED]!;
    context.fillRect(x, y + height - bar, width, bar);
    return;
  }
  context.fillStyle = colors.state[state]!;
  context.fillRect(x, y, width, height);
  if (width < DETAIL) return;
  if (state === PAGE.DEPOPULATED) hatch(context, colors.hatch, x, y, width, height);
  const mark = STALE_MARK[state];
  if (mark === undefined) return;
  context.fillStyle = colors.mark;
  context.font = `bold ${Math.min(height - 3, 14)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(mark, x + width / 2, y + height / 2 + 1);
}

function hatch(
  context: CanvasRenderingContext2D,
  style: string,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = style;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let at = -height; at < width; at += 6) {
    context.moveTo(x + at, y + height);
    context.lineTo(x + at + height, y);
  }
  context.stroke();
  context.restore();
}
