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

/** A command line to copy; it breaks between its words only, where there is room for them. @param command after `percpu-malta` */
export function commandHtml(command: string): string {
  const words = `npx percpu-malta ${command}`.split(' ');
  const code = words.map((word) => `<span>${escapeHtml(word)}</span>`).join(' ');
  return `<code class="line">${code}</code> <button type="button" class="copy" aria-label="Copy the command">Copy</button>`;
}
