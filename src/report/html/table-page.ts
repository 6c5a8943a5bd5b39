// A page with bars, tables and notes: sweeps and comparisons.
import { htmlDocument, pageAssets } from './document.js';
import { escapeHtml } from './escape.js';
import { facts, topHtml } from './page-top.js';

/** A share with its uncertainty, 0 to 1, drawn as a range on a scale from 0 to 100 %. */
export interface Range {
  low: number;
  value: number;
  high: number;
}

/** A table cell. Numbers, and texts of columns that hold nothing but numbers, are set right; `range` is drawn under the text. */
export type TableCell = string | { text: string; range: Range };

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly TableCell[])[];
  note?: string;
}

/** One bar each, all to the same scale, from 0. */
export interface Bars {
  title: string;
  bars: readonly {
    label: string;
    /** At least 0. */
    value: number;
    /** Behind the bar. */
    text: string;
    /** Drawn in the colour of clean boots or of crashes. */
    kind: 'good' | 'bad';
  }[];
  note?: string;
}

export interface Note {
  title: string;
  /** A paragraph each. */
  paragraphs: readonly string[];
}

export interface TablePage {
  title: string;
  /** Of the tool. */
  version: string;
  /** In one line what came out, and a range to it. */
  headline: string;
  range?: Range;
  facts: readonly (readonly [string, string])[];
  /** As on the command line. */
  command: string;
  sections: readonly (Bars | Table | Note)[];
}

/** @returns the HTML text; the same for the same data */
export function tablePage({ title, version, headline, range, facts: rows, command, sections }: TablePage): string {
  const top = topHtml(
    title,
    '',
    `<p class="headline">${escapeHtml(headline)}</p>${range === undefined ? '' : rangeHtml(range)}
${facts([...rows, ['percpu-malta', version]])}
<p class="command"><span class="dim">Run it again:</span> <code>npx percpu-malta ${escapeHtml(command)}</code></p>`,
  );
  const body = `${top}\n<main>${sections.map(sectionHtml).join('\n')}</main>`;
  return htmlDocument(title, body, pageAssets('table'));
}

function sectionHtml(section: Bars | Table | Note): string {
  const content =
    'bars' in section
      ? barsHtml(section)
      : 'rows' in section
        ? tableHtml(section)
        : section.paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n');
  const note = 'note' in section && section.note !== undefined ? `<p class="note">${escapeHtml(section.note)}</p>` : '';
  return `<section><h2>${escapeHtml(section.title)}</h2>${content}${note}</section>`;
}

const percent = (fraction: number): string => `${(100 * Math.min(Math.max(fraction, 0), 1)).toFixed(2)}%`;

/** The text beside it says the same. */
function rangeHtml({ low, value, high }: Range): string {
  return (
    `<span class="range" aria-hidden="true"><i style="left:${percent(low)};right:${percent(1 - high)}"></i>` +
    `<b style="left:${percent(value)}"></b></span>`
  );
}

const textOf = (cell: TableCell): string => (typeof cell === 'string' ? cell : cell.text);

function tableHtml({ title, columns, rows }: Table): string {
  const numeric = columns.map((_, i) => rows.every((row) => /^[-+]?[\d.,]+( %)?$/.test(textOf(row[i]!))));
  const align = (i: number): string => (numeric[i] ? ' class="number"' : '');
  const head = columns.map((name, i) => `<th scope="col"${align(i)}>${escapeHtml(name)}</th>`).join('');
  const cell = (value: TableCell, i: number): string => {
    const content = escapeHtml(textOf(value)) + (typeof value === 'string' ? '' : rangeHtml(value.range));
    return i === 0 ? `<th scope="row"${align(i)}>${content}</th>` : `<td${align(i)}>${content}</td>`;
  };
  const lines = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}">
<table><thead><tr>${head}</tr></thead><tbody>${lines}</tbody></table></div>`;
}

function barsHtml({ bars }: Bars): string {
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const rows = bars.map(
    ({ label, value, text, kind }) =>
      `<div class="bar ${kind}"><span>${escapeHtml(label)}</span>` +
      `<span class="track"><i style="width:${percent(value / most)}"></i></span><span class="value">${escapeHtml(text)}</span></div>`,
  );
  return `<div class="bars">${rows.join('\n')}</div>`;
}
