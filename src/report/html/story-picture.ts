// The bug in one picture, for a file of its own: the address and its two arrows at the turning points of the story.
import { seconds } from '../../analysis/addresses.js';
import type { Act } from '../../analysis/cause.js';
import { escapeHtml } from './escape.js';
import { EventTable } from './event-table.js';
import { draw, FILE_STYLE } from './picture.js';
import type { ReportData } from './report-data.js';
import { placeAt } from './subject.js';
import { TranslationReader } from './translation-at.js';

/** What is drawn of a story, as far as it has it. */
const TURNING_POINTS: readonly Act['kind'][] = ['filled', 'depopulated', 'store', 'load', 'read'];

/** Pixels. */
const WIDTH = 860;
const MARGIN = 12;
/** Of the line above each drawing, of a physical page, and between drawings. */
const CAPTION = 26;
const BOX = 80;
const GAP = 18;

/** @param title what was booted @param command that makes the file @returns SVG text, the same for the same boot; undefined without a story */
export function storyPicture(data: ReportData, title: string, command: string): string | undefined {
  const { story } = data;
  const events = new EventTable(data.events);
  const place = story.va === undefined ? undefined : placeAt(story.va, story.after!, data);
  if (!place) return undefined;
  const reader = new TranslationReader(data, events);
  const steps = story.steps.filter(({ act }) => act && TURNING_POINTS.includes(act.kind));
  let y = MARGIN;
  const panels = steps.map(({ seq, between, act }, i) => {
    const drawing = draw(reader.picture(seq, place, story.frame, act), WIDTH - 2 * MARGIN, BOX);
    const top = y;
    y += CAPTION + drawing.height + GAP;
    const when = `${seconds(events.times[seq]!)} s, ${between ? 'after event' : 'event'} ${seq}`;
    return (
      `<g transform="translate(${MARGIN} ${top})"><text x="0" y="14" class="t-text t-strong">${i + 1}. ${escapeHtml(drawing.text)}</text>` +
      `<text x="${WIDTH - 2 * MARGIN}" y="14" text-anchor="end" class="t-dim t-small">${when}</text>` +
      `<g transform="translate(0 ${CAPTION})">${drawing.svg}</g></g>`
    );
  });
  const height = y + 12;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="t-svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escapeHtml(title)}</title>`,
    `<style>${FILE_STYLE}</style>`,
    `<rect width="${WIDTH}" height="${height}" rx="8" class="t-panel"/>`,
    ...panels,
    `<text x="${MARGIN}" y="${height - 12}" class="t-dim t-small">${escapeHtml(title)}; ${escapeHtml(command)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}
