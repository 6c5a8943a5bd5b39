// `--pages` of `sweep`: the pages of single boots that lie in a folder.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
import type { BootSetup } from '../experiments/setup.js';
import { readInput } from '../files/input.js';
import { systemErrorText } from '../files/system-error.js';
import { escapeHtml } from '../report/html/escape.js';
import { bootName } from '../report/html/setup-text.js';

/**
 * Pages (seed-N.html) that say themselves to be of boots with this setup by this version.
 * @param html the page that links to them @returns addresses by seed, relative to it
 */
export function bootPages({ html, pages }: { html?: string; pages?: string }, setup: BootSetup): Map<number, string> {
  const found = new Map<number, string>();
  if (pages === undefined) return found;
  if (html === undefined) throw new UsageError('--pages: links to pages need a page to stand in (--html FILE)');
  for (const name of namesIn(pages)) {
    const [, digits] = /^seed-(\d{1,10})\.html$/.exec(name) ?? [];
    if (digits === undefined) continue;
    const file = path.join(pages, name);
    const page = readInput(file, { flag: '--pages' }).toString();
    const [, boot] = /<meta name="percpu-malta-boot" content="([^"]*)">/.exec(page) ?? [];
    if (boot !== escapeHtml(bootName(setup, Number(digits)))) continue;
    found.set(
      Number(digits),
      path.relative(path.dirname(html), file).split(path.sep).map(encodeURIComponent).join('/'),
    );
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch (error) {
    throw new UsageError(`--pages ${folder}: cannot be read (${systemErrorText(error)})`);
  }
}
