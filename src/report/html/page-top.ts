// The head of every page: title, outcome, colour button, and what was run.
import { escapeHtml } from './escape.js';

/** Names and values. */
export function facts(rows: readonly (readonly [string, string])[]): string {
  const items = rows.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`);
  return `<dl class="facts">${items.join('')}</dl>`;
}

/** @param title text @param badge HTML behind it @param content HTML below it */
export function topHtml(title: string, badge: string, content: string): string {
  return `<header class="top"><div class="title"><h1>${escapeHtml(title)}</h1>${badge}
<button type="button" id="theme">Dark colours</button></div>
${content}</header>`;
}
