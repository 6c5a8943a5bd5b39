// The page "boot it here": a form, the console as it happens, then the report. The boot itself runs in a Worker.
import './style.css';
import type { PackedAssets } from '../../assets/embedded-assets.js';
import type { BootSetup } from '../../experiments/setup.js';
import type { Reply, Request } from '../messages.js';

interface PageData {
  readonly assets: PackedAssets;
  /** Scripts of the engine and of the Worker. */
  readonly engine: string;
  readonly worker: string;
  readonly defaults: BootSetup;
}

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const data = JSON.parse(element('data').textContent!) as PageData;
const form = element<HTMLFormElement>('choice');
const status = element('status');
const output = element('console');
const frame = element<HTMLIFrameElement>('report');
const buttons = {
  boot: element<HTMLButtonElement>('boot'),
  next: element<HTMLButtonElement>('next'),
  stop: element<HTMLButtonElement>('stop'),
};

/** Fields of the form that the address carries; the same names as the command line's options. */
const FIELDS = ['kernel', 'layout', 'tlb', 'cpu', 'controllers', 'seed'] as const;
const field = (name: string): HTMLInputElement | HTMLSelectElement =>
  form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;

let worker: Worker | undefined;
let workerUrl: string | undefined;
let reportUrl: string | undefined;
/** What the report shows, as the part of an address behind #; '' what it opens with. */
let view = '';
const VIEW = /^event-[\w=.&-]{1,100}$/;

function say(text: string, bad = false): void {
  status.textContent = text;
  status.classList.toggle('bad', bad);
}

function running(yes: boolean): void {
  buttons.boot.disabled = yes;
  buttons.next.disabled = yes;
  buttons.stop.disabled = !yes;
}

// ---- the choice, and the link that carries it ----

/** Takes what the address says; what is not one of a field's values is left alone. */
function readAddress(): boolean {
  const wanted = new URLSearchParams(location.hash.slice(1));
  for (const name of FIELDS) {
    const value = wanted.get(name);
    const input = field(name);
    if (value === null) continue;
    if (
      input instanceof HTMLSelectElement
        ? [...input.options].some((option) => option.value === value)
        : /^\d{1,10}$/.test(value)
    )
      input.value = value;
  }
  const shown = wanted.get('view') ?? '';
  view = VIEW.test(shown) ? shown : '';
  return wanted.has('seed');
}

function writeAddress(): void {
  const chosen = new URLSearchParams(FIELDS.map((name) => [name, field(name).value]));
  if (view !== '') chosen.set('view', view);
  // A file opened from disk may have an address that cannot be changed: the link below says it all the same.
  try {
    history.replaceState(null, '', `#${chosen}`);
  } catch {
    location.hash = String(chosen);
  }
  element<HTMLAnchorElement>('link').href = `#${chosen}`;
}

function choice(): { setup: BootSetup; seed: number } {
  const setup = {
    ...data.defaults,
    kernel: field('kernel').value,
    layout: field('layout').value,
    tlb: field('tlb').value,
    cpu: field('cpu').value,
    controllers: Number(field('controllers').value),
  } as BootSetup;
  return { setup, seed: Number(field('seed').value) };
}

// ---- the boot ----

function startWorker(): Worker {
  workerUrl ??= URL.createObjectURL(new Blob([data.engine, '\n;\n', data.worker], { type: 'text/javascript' }));
  const made = new Worker(workerUrl);
  made.onmessage = ({ data: reply }: MessageEvent<Reply>) => hear(reply);
  made.onerror = (event) => {
    event.preventDefault();
    dead(`the engine's script does not run here: ${event.message || 'the browser gives no reason'}`);
  };
  const request: Request = { assets: data.assets };
  made.postMessage(request);
  return made;
}

function dead(why: string): void {
  worker?.terminate();
  worker = undefined;
  running(false);
  say(`No boot: ${why}`, true);
}

function hear(reply: Reply): void {
  if ('engine' in reply) {
    element('engine').textContent = reply.engine;
  } else if ('line' in reply) {
    const atEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 40;
    output.append(`${reply.line}\n`);
    if (atEnd) output.scrollTop = output.scrollHeight;
  } else if ('failure' in reply) {
    dead(reply.failure);
  } else {
    const { outcome, signature, log, report } = reply.done;
    running(false);
    say(outcome === 'clean' ? 'Clean: the guest reached init.' : `${outcome}: ${signature}`);
    if (reportUrl) URL.revokeObjectURL(reportUrl);
    reportUrl = URL.createObjectURL(new Blob([report], { type: 'text/html' }));
    frame.src = view === '' ? reportUrl : `${reportUrl}#${view}`;
    frame.hidden = false;
    output.classList.add('done');
    save('save-report', reportUrl, '.html');
    save('save-log', URL.createObjectURL(new Blob([log], { type: 'application/x-ndjson' })), '.ndjson');
  }
}

function save(id: string, url: string, extension: string): void {
  const link = element<HTMLAnchorElement>(id);
  link.href = url;
  link.download = `boot-${field('seed').value}${extension}`;
  link.hidden = false;
}

function boot(): void {
  if (!form.reportValidity()) return;
  writeAddress();
  output.textContent = '';
  output.classList.remove('done');
  frame.hidden = true;
  frame.removeAttribute('src');
  for (const id of ['save-report', 'save-log']) element(id).hidden = true;
  running(true);
  say('Booting…');
  worker ??= startWorker();
  const request: Request = choice();
  worker.postMessage(request);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  view = '';
  boot();
});
buttons.next.addEventListener('click', () => {
  view = '';
  field('seed').value = String((Number(field('seed').value) + 1) % 2 ** 32);
  boot();
});
buttons.stop.addEventListener('click', () => {
  worker?.terminate();
  worker = undefined;
  running(false);
  say('Stopped.');
});
form.addEventListener('change', () => {
  view = '';
  writeAddress();
});
// The report says what it shows, so that the link to this page is one to that moment.
window.addEventListener('message', ({ source, data: message }: MessageEvent<{ view?: unknown }>) => {
  if (frame.hidden || source !== frame.contentWindow || typeof message?.view !== 'string' || !VIEW.test(message.view))
    return;
  view = message.view;
  writeAddress();
});
window.addEventListener('hashchange', readAddress);

running(false);
const linked = readAddress();
writeAddress();
if (linked) boot();
else say('Nothing has been booted yet.');
