// The frame of a self-contained page: everything inline, nothing fetched.
import { escapeHtml } from './escape.js';
import { assets, type PageAssets } from '../../assets/assets.js';

/** What scripts/build.mjs makes of page/ for `boot` or `table` pages. @throws Error in a checkout that was never built */
export function pageAssets(kind: 'boot' | 'table'): PageAssets {
  return assets().pageAssets(kind);
}

/** JSON that a script element can hold: nothing in it ends the element or begins a comment. */
export function escapeJson(data: unknown): string {
  return JSON.stringify(data).replace(/</g, '\\u003c');
}

/**
 * The policy allows this script and no other, and no connection to anywhere: a console line that looks like HTML stays text even if
 * it were not escaped.
 */
function policy({ scriptHash }: PageAssets): string {
  return `default-src 'none'; script-src 'sha256-${scriptHash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
}

/** @param body HTML @param data what the script finds in #data @param boot for the page of one boot: bootName() of it */
export function htmlDocument(title: string, body: string, page: PageAssets, data?: unknown, boot?: string): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy(page)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    ...(boot === undefined ? [] : [`<meta name="percpu-malta-boot" content="${escapeHtml(boot)}">`]),
    `<title>${escapeHtml(title)}</title>`,
    `<style>${page.style}</style>`,
    '</head>',
    `<body>${body}`,
    ...(data === undefined ? [] : [`<script type="application/json" id="data">${escapeJson(data)}</script>`]),
    `<script>${page.script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
