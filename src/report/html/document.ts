// The frame of a self-contained page: everything inline, nothing fetched.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../../emu/unicorn/choose.js';

/** What scripts/build.mjs makes of page/: script and style of one kind of page. */
export interface PageAssets {
  script: string;
  style: string;
}

/** Built assets of `boot` or `table` pages. @throws Error in a checkout that was never built */
export function pageAssets(kind: 'boot' | 'table'): PageAssets {
  const read = (extension: string): string =>
    fs.readFileSync(path.join(packageRoot(), 'dist', 'page', `${kind}.${extension}`), 'utf8');
  return { script: read('js'), style: read('css') };
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

/** JSON that a script element can hold: nothing in it ends the element or begins a comment. */
export function escapeJson(data: unknown): string {
  return JSON.stringify(data).replace(/</g, '\\u003c');
}

/**
 * The policy allows this script and no other, and no connection to anywhere: a console line that looks like HTML stays text even if
 * it were not escaped.
 */
function policy(script: string): string {
  const hash = createHash('sha256').update(script).digest('base64');
  return `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
}

/** @param body HTML @param data what the script finds in #data */
export function htmlDocument(title: string, body: string, assets: PageAssets, data?: unknown): string {
  const script = assets.script.replace(/<(?=\/script|!--)/gi, '\\x3c');
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy(script)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    `<title>${escapeHtml(title)}</title>`,
    `<style>${assets.style}</style>`,
    '</head>',
    `<body>${body}`,
    ...(data === undefined ? [] : [`<script type="application/json" id="data">${escapeJson(data)}</script>`]),
    `<script>${script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
