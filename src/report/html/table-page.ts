// A page with bars, tables and notes: sweeps and comparisons.
import { htmlDocument, pageAssets } from './document.js';
import { escapeHtml } from './escape.js';
import { commandHtml, facts, topHtml } from './page-top.js';

/** A share with its uncertainty, 0 to 1, drawn as a range on a scale from 0 to 100 %. */
export interface Range {
  low: number;
  value: number;
  high: number;
}

/**
 * A table cell. Texts of columns that hold nothing but numbers are set right; `range` is drawn under the text, `detail` stands there;
 * `rows` are rows of another table by their ids, with what is written for each.
 */
export type TableCell =
  string | { text: string; range?: Range; detail?: string; rows?: readonly (readonly [id: string, text: string])[] };

/** What a row of a table was, and what boots it again. */
export interface RowSource {
  /** Name of the row in the page's address. */
  id: string;
  title: string;
  /** After `percpu-malta`. */
  commands: readonly string[];
  /** Address of its own page. */
  page?: string;
}

export interface Table {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly TableCell[])[];
  /** Of each row: choosing one shows its commands. */
  sources?: readonly RowSource[];
  /** A column by whose values rows can be left out, and the word for rows. */
  filter?: { column: number; noun: string };
  note?: string;
}

/** One bar each, on a scale from 0 to 100 %. */
export interface Bars {
  title: string;
  bars: readonly {
    label: string;
    /** In a sentence. */
    detail?: string;
    /** 0 to 1. */
    share: number;
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
<p class="command"><span class="dim">Run it again:</span> ${commandHtml(command)}</p>`,
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
  return `<section aria-label="${escapeHtml(section.title)}"><h2>${escapeHtml(section.title)}</h2>${content}${note}</section>`;
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

function cellHtml(cell: TableCell): string {
  if (typeof cell === 'string') return escapeHtml(cell);
  const { text, range, detail, rows } = cell;
  const links = rows?.map(([id, name]) => `<a href="#${escapeHtml(id)}">${escapeHtml(name)}</a>`).join(', ');
  return (
    (links ?? '') +
    escapeHtml(text) +
    (range ? rangeHtml(range) : '') +
    (detail === undefined ? '' : `<small class="detail">${escapeHtml(detail)}</small>`)
  );
}

function tableHtml({ title, columns, rows, sources, filter }: Table): string {
  const numeric = columns.map((_, i) => rows.every((row) => /^[-+]?[\d.,]+( %)?$/.test(textOf(row[i]!))));
  const align = (i: number): string => (numeric[i] ? ' class="number"' : '');
  const head = columns
    .map((name, i) => `<th scope="col"${align(i)}><button type="button" class="sort">${escapeHtml(name)}</button></th>`)
    .join('');
  const cell = (value: TableCell, i: number, source: RowSource | undefined): string => {
    const content = cellHtml(value);
    const key = typeof value !== 'string' && value.range ? ` data-key="${value.range.value}"` : '';
    if (i > 0) return `<td${align(i)}${key}>${content}</td>`;
    const name = source ? `<a href="#${escapeHtml(source.id)}">${content}</a>` : content;
    return `<th scope="row"${align(i)}${key}>${name}</th>`;
  };
  const lines = rows.map((row, n) => {
    const source = sources?.[n];
    const data = source
      ? ` data-id="${escapeHtml(source.id)}" data-source="${escapeHtml(JSON.stringify([source.title, source.page ?? '', ...source.commands]))}"`
      : '';
    const group = filter ? ` data-group="${escapeHtml(textOf(row[filter.column]!))}"` : '';
    return `<tr${data}${group}>${row.map((value, i) => cell(value, i, source)).join('')}</tr>`;
  });
  return `${filter ? filterHtml(filter, rows) : ''}${sources ? CHOSEN : ''}
<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}">
<table><thead><tr>${head}</tr></thead><tbody>${lines.join('\n')}</tbody></table></div>`;
}

function filterHtml({ column, noun }: NonNullable<Table['filter']>, rows: Table['rows']): string {
  const groups = [...new Set(rows.map((row) => textOf(row[column]!)))].sort();
  const options = groups.map((group) => `<option>${escapeHtml(group)}</option>`).join('');
  return `<div class="row filter"><label>Show <select data-filter="group"><option value="">all ${noun}</option>${options}</select></label>
<label>with <input type="search" data-filter="text" placeholder="any text"></label> <output></output></div>`;
}

/** Where the commands of the row chosen appear. */
const CHOSEN =
  '<div class="chosen" role="status"><span class="dim">Choose a row by its first column: what boots it appears here.</span></div>';

function barsHtml({ bars }: Bars): string {
  const rows = bars.map(
    ({ label, detail, share, text, kind }) =>
      `<div class="bar ${kind}"><span>${escapeHtml(label)}${detail ? `<small class="detail">${escapeHtml(detail)}</small>` : ''}</span>` +
      `<span class="track"><i style="width:${percent(share)}"></i></span><span class="value">${escapeHtml(text)}</span></div>`,
  );
  return `<div class="bars">${rows.join('\n')}</div>`;
}
