// The page "boot it here": one file with engine, guest, tables and code in it, that fetches nothing.
import fs from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../emu/unicorn/package-root.js';
import { CPU_MODEL } from '../../emu/unicorn/engine.js';
import { assets } from '../assets/assets.js';
import type { PackedAssets } from '../assets/embedded-assets.js';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import { KERNELS } from '../kernel/kernels.js';
import { escapeJson } from '../report/html/document.js';
import { escapeHtml } from '../report/html/escape.js';

/** Recorded boots of fixtures/boot. */
const BOOT_TABLES = ['malta', 'malta-4k'];

/** All that a boot and its report need without files. */
export function packAssets(): PackedAssets {
  const { file } = assets().guestImage();
  const beside = (extension: string): string => fs.readFileSync(file.replace(/\.elf$/, extension), 'utf8');
  return {
    version: assets().version(),
    image: {
      file: path.basename(file),
      elf: fs.readFileSync(file).toString('base64'),
      lines: beside('.lines'),
      types: beside('.types'),
    },
    bootTables: Object.fromEntries(BOOT_TABLES.map((name) => [name, assets().bootTable(name)])),
    page: assets().pageAssets('boot'),
  };
}

/** @param engine text of a build of unicorn.js @returns the HTML text; the same for the same engine and version */
export function bootPage(engine: string): string {
  const built = (name: string): string => fs.readFileSync(path.join(packageRoot(), 'dist', 'page', name), 'utf8');
  const data = { assets: packAssets(), engine, worker: built('boot-here-worker.js'), defaults: DEFAULT_SETUP };
  const script = built('boot-here.js').replace(/<(?=\/script|!--)/gi, '\\x3c');
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    '<link rel="icon" href="data:,">',
    '<title>percpu-malta: boot it here</title>',
    `<style>${built('boot-here.css')}</style>`,
    '</head>',
    `<body>${BODY}`,
    `<script type="application/json" id="data">${escapeJson(data)}</script>`,
    `<script>${script}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/**
 * No connection to anywhere. Scripts: this one and those in blobs, which are the Worker and the report (whose own policy names its
 * script by hash); WebAssembly may be compiled, strings may not be evaluated.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:",
  "style-src 'unsafe-inline'",
  'worker-src blob:',
  'frame-src blob:',
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

function select(
  name: string,
  label: string,
  values: readonly (readonly [value: string, text: string])[],
  chosen: string,
): string {
  const options = values.map(
    ([value, text]) => `<option value="${value}"${value === chosen ? ' selected' : ''}>${escapeHtml(text)}</option>`,
  );
  return `<label>${label}<select name="${name}">${options.join('')}</select></label>`;
}

const same = (values: readonly string[]): [string, string][] => values.map((value) => [value, value]);
const kernels = Object.entries(KERNELS).map(([name, { title }]) => [name, title] as const);

const BODY = `<header class="top"><div class="title"><h1>Boot it here</h1></div>
<p>An emulated MIPS Malta boots in this page: the crash of July 2021 from partial depopulation of per-CPU chunks, and the kernels before and after it.
Nothing is sent or fetched. Engine: <span id="engine" class="mono">not started</span></p></header>
<main>
<form id="choice">
${select('kernel', 'Kernel', kernels, DEFAULT_SETUP.kernel)}
${select(
  'tlb',
  'TLB',
  [
    ['qemu', "QEMU's, with shadow entries"],
    ['hardware', "a 24Kc's"],
  ],
  DEFAULT_SETUP.tlb,
)}
${select('layout', 'Layout', same(Object.keys(BOOT_LAYOUTS)), DEFAULT_SETUP.layout)}
${select('cpu', 'CPU', same(Object.keys(CPU_MODEL)), DEFAULT_SETUP.cpu)}
${select('controllers', 'Controllers', same(['0', '1', '2', '3']), String(DEFAULT_SETUP.controllers))}
<label>Seed<input name="seed" inputmode="numeric" pattern="[0-9]{1,10}" required value="1"></label>
<button type="submit" id="boot">Boot</button>
<button type="button" id="next">Next seed</button>
<button type="button" id="stop">Stop</button>
</form>
<p id="status" role="status"></p>
<pre id="console" tabindex="0" aria-label="Console"></pre>
<p><a id="link" href="#">Link to this boot</a> <a id="save-report" hidden>Save the report</a> <a id="save-log" hidden>Save the event log</a></p>
<iframe id="report" title="Report of the boot" hidden></iframe>
</main>`;
