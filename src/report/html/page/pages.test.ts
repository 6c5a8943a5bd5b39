// The pages as a user gets them: written by the commands, then looked at in headless Chromium.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KernelEvent } from '../../../kernel/events.js';
import { DEFAULT_SETUP } from '../../../experiments/setup.js';
import { SEED } from '../../../experiments/test-seeds.js';
import { bootReport } from '../boot-report.js';
import { TlbRecorder } from '../tlb-recorder.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const command = path.join(root, 'scripts/percpu-malta.mjs');
const MAX_BYTES = 3e6;
/** Boots and the browser's start take seconds where the machine is busy. */
const HOOK_MS = 120_000;
const CLEAN = ['boot', '--kernel', '93274f1dd6b0', '--controllers', '1', '--seed', '1'];

let directory: string;
const file = (name: string): string => path.join(directory, name);
const run = (...args: string[]) => spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' });
const percpuMalta = (...args: string[]): string =>
  execFileSync(process.execPath, [command, ...args], { encoding: 'utf8' });

interface Boot {
  html: string;
  events: KernelEvent[];
  outcome: string;
}
function boot(name: string, args: string[]): Boot {
  const html = file(`${name}.html`);
  const log = file(`${name}.ndjson`);
  const { outcome } = JSON.parse(percpuMalta(...args, '--json', '--html', html, '--log', log)) as { outcome: string };
  const events = fs
    .readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as KernelEvent);
  return { html, events, outcome };
}

let crash: Boot;
let clean: Boot;
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pages-'));
  crash = boot('crash', ['boot', '--seed', String(SEED.crash)]);
  clean = boot('clean', CLEAN);
}, HOOK_MS);
afterAll(() => fs.rmSync(directory, { recursive: true }));

describe('files', () => {
  test('pages are small and name nothing outside themselves', () => {
    expect(clean.outcome).toBe('clean');
    for (const { html } of [crash, clean]) {
      const text = fs.readFileSync(html, 'utf8');
      expect(text.length).toBeLessThan(MAX_BYTES);
      expect(text).not.toMatch(/\b(?:src|href)="(?!#|data:)|@import|url\((?!["']?data:)/);
      expect(text).not.toContain(root);
    }
  });

  test('the same boot gives the same bytes, also without the C hooks', () => {
    percpuMalta(...CLEAN, '--no-shim', '--quiet', '--html', file('again.html'));
    expect(fs.readFileSync(file('again.html')).equals(fs.readFileSync(clean.html))).toBe(true);
  });

  test.each([
    ['boot', ['boot']],
    ['sweep', ['sweep', '--seeds', '1']],
    ['compare', ['compare', '--seeds', '1']],
  ])('%s: a place that cannot be written to is one line and exit code 2', (_name, args) => {
    const { status, stdout, stderr } = run(...args, '--html', file('no/such/folder.html'));
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^percpu-malta: --html .*folder\.html: cannot be written \(ENOENT: no such file or directory\)\n$/,
    );
  });

  test.each([...Object.values(SEED), 3, 4])(
    'seed %i: the page of boot tells the story of explain, to the word',
    (seed) => {
      const page = file(`seed-${seed}.html`);
      percpuMalta('boot', '--seed', String(seed), '--quiet', '--html', page);
      const { steps, verdict } = JSON.parse(percpuMalta('explain', '--seed', String(seed), '--json')) as {
        steps: { seq: number; text: string }[];
        verdict: { seq: number; text: string } | null;
      };
      expect(steps.length).toBeGreaterThan(5);
      const [, chain] = /<ol id="chain">([\s\S]*?)<\/ol>/.exec(fs.readFileSync(page, 'utf8'))!;
      const told = [...chain!.matchAll(/<li>(.*?) <span class="where">.*?data-seq="(\d+)"/g)].map(([, text, seq]) => ({
        seq: Number(seq),
        text: text!
          .replace(/&gt;/g, '>')
          .replace(/&lt;/g, '<')
          .replace(/&quot;/g, '"')
          .replace(/&amp;/g, '&'),
      }));
      expect(told).toEqual([...steps, ...(verdict ? [verdict] : [])].map(({ seq, text }) => ({ seq, text })));
    },
  );

  test('the page of a clean boot says that there is nothing to tell', () => {
    expect(fs.readFileSync(clean.html, 'utf8')).toContain('no access went through a stale translation');
  });

  test('nothing but the finished page is left behind', () => {
    expect(fs.readdirSync(directory).filter((name) => !/\.(html|ndjson)$/.test(name))).toEqual([]);
  });

  test('the page of a script boot has the script, which gives the same page', () => {
    fs.writeFileSync(
      file('mine.boot'),
      'percpu-malta script 1\ncontrollers 1\nscan 0 2 0-99\nstep print\nstep kobjects tty\n',
    );
    percpuMalta('boot', '--script', file('mine.boot'), '--quiet', '--html', file('mine.html'));
    const page = fs.readFileSync(file('mine.html'), 'utf8');
    const [, script] = /<pre id="script">([^<]*)<\/pre>/.exec(page)!;
    expect(script).toContain('\nscan 0 2 0-99\n');
    fs.writeFileSync(file('page.boot'), script!);
    percpuMalta('boot', '--script', file('page.boot'), '--quiet', '--html', file('again.html'));
    expect(fs.readFileSync(file('again.html'), 'utf8')).toBe(page);
  });
});

// ---- in the browser ----

const onPath = (name: string): string[] =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .filter((at) => fs.existsSync(at));
const [executablePath] = ['chromium', 'chromium-browser', 'google-chrome'].flatMap(onPath);
if (executablePath === undefined)
  console.warn('The pages are not looked at: no Chromium found (Debian: apt-get install chromium).');

test.runIf(process.env.CI)('CI has a browser', () => {
  expect(executablePath, 'chromium is not installed').toBeDefined();
});

const LAUNCH = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: LAUNCH });
  }, HOOK_MS);
  afterAll(() => browser?.close());

  interface Opened {
    page: Page;
    /** What must stay empty: console messages, errors, requests for anything but the page. */
    complaints: string[];
  }
  async function open(
    html: string,
    { width = 1280, height = 900, scheme = 'light' as 'light' | 'dark', hash = '' } = {},
  ): Promise<Opened> {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme });
    const complaints: string[] = [];
    const url = pathToFileURL(html).href;
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      if (!request.url().startsWith('data:') && request.url().split('#')[0] !== url)
        complaints.push(`request: ${request.url()}`);
    });
    await page.addInitScript(() => {
      const shifts: number[] = [];
      Object.assign(window, { shifts });
      new PerformanceObserver((list) => {
        for (const { startTime } of list.getEntries()) shifts.push(startTime);
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto(url + hash);
    await settled(page);
    return { page, complaints };
  }

  /** Two frames later all that hangs on the moment is drawn. */
  const settled = (page: Page): Promise<void> =>
    page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
  const text = async (page: Page, selector: string): Promise<string> => (await page.textContent(selector)) ?? '';
  const seqShown = async (page: Page): Promise<number> => Number(/event (\d+)/.exec(await text(page, '#when'))![1]);
  const pixels = (page: Page, selector: string): Promise<string> =>
    page.$eval(selector, (canvas) => (canvas as HTMLCanvasElement).toDataURL());
  async function goTo(page: Page, seq: number): Promise<void> {
    await page.$eval(
      '#slider',
      (slider, value) => {
        (slider as HTMLInputElement).value = String(value);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
      },
      seq,
    );
    await settled(page);
  }
  /** Every canvas of the chunk map in one string. */
  const chunkPixels = (page: Page): Promise<string> =>
    page.$$eval('#chunks canvas', (all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()).join());

  test.each(['crash', 'clean'] as const)('the page of a %s boot renders without a complaint', async (which) => {
    const { html, outcome, events } = which === 'crash' ? crash : clean;
    const { page, complaints } = await open(html);
    expect(await text(page, '#outcome')).toBe(outcome);
    expect(await page.$$eval('canvas', (all) => all.map((canvas) => canvas.width * canvas.height > 0))).not.toContain(
      false,
    );
    expect(await page.$$eval('.u-wrap', (plots) => plots.length)).toBe(3);
    expect(await page.getAttribute('#slider', 'max')).toBe(String(events.length - 1));
    expect(await page.$$eval('#console span', (lines) => lines.length)).toBe(
      events.filter(({ type }) => type === 'printk').length,
    );
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('it opens at the stale store of the story, and says all about it', async () => {
    const { page } = await open(crash.html);
    const seq = await seqShown(page);
    const event = crash.events[seq] as KernelEvent & { type: 'stale_access' };
    expect(event.type).toBe('stale_access');
    expect(await text(page, '#chain .now')).toContain(`event ${seq}`);
    const pfn = event.frame.toString(16);
    expect(await text(page, '#what')).toContain(
      `stale store of ${event.size} bytes at ${event.va.toString(16)} goes to pfn ${pfn} (${event.owner})`,
    );
    expect(await text(page, '#page')).toContain('populated again, TLB has the old page');
    expect(await text(page, '#frame')).toMatch(new RegExp(`^pfn ${pfn}, .*: .*${event.owner}.*hit by a stale store`));
    expect(await page.$$eval('#tlb .used', (rows) => rows.map((row) => row.textContent))).toHaveLength(1);
    expect(await text(page, '#tlb .used')).toContain(`${pfn} ≠ PTE ${event.mapped.toString(16)}`);
    expect(await text(page, '#tlb .used td')).toBe(String(event.entry));
    await page.close();
  });

  test('before anything has happened no entry is stale and no page is hit; at the stale store there are some', async () => {
    const { page } = await open(crash.html);
    const stale = () => page.$$eval('#tlb .has-stale', (rows) => rows.length);
    const legend = () =>
      page.$$eval('#frame-legend b', (counts) => counts.slice(-2).map((count) => Number(count.textContent)));
    expect(await stale()).toBeGreaterThan(0);
    expect(Math.min(...(await legend()))).toBeGreaterThan(0);
    await goTo(page, 0);
    expect(await stale()).toBe(0);
    expect(await legend()).toEqual([0, 0]);
    await page.close();
  });

  test('a clean boot never has a stale store, at any moment worth a look', async () => {
    const { page } = await open(clean.html);
    const moments = await page.$$eval('#moments option', (options) =>
      options.map((option) => Number((option as HTMLOptionElement).value)).slice(1),
    );
    expect(moments.length).toBeGreaterThan(5);
    for (const seq of [...moments, clean.events.length - 1]) {
      await goTo(page, seq);
      expect(await page.$eval('#frame-legend li:last-child b', (count) => count.textContent)).toBe('0');
    }
    await page.close();
  });

  test('the slider changes every picture, and goes back to the same ones', async () => {
    const { page } = await open(crash.html);
    const picture = async () => ({
      chunks: await chunkPixels(page),
      frames: await pixels(page, '#frames'),
      tlb: await text(page, '#tlb tbody'),
      events: await text(page, '#events'),
      playhead: await page.$eval('#lanes .playhead', (head) => (head as HTMLElement).style.transform),
      pale: await page.$$eval('#console .later', (lines) => lines.length),
    });
    const seq = await seqShown(page);
    const first = await picture();
    await goTo(page, Math.floor(seq / 2));
    const half = await picture();
    for (const [name, value] of Object.entries(half))
      expect([name, value === first[name as keyof typeof first]]).toEqual([name, false]);
    await goTo(page, seq);
    expect(await picture()).toEqual(first);
    await page.close();
  });

  test('the console shows what has been printed by then', async () => {
    const { page } = await open(clean.html);
    for (const share of [0, 0.3, 0.7, 1]) {
      const seq = Math.round(share * (clean.events.length - 1));
      await goTo(page, seq);
      const printed = clean.events.filter((event) => event.type === 'printk' && event.seq <= seq).length;
      expect(await page.$$eval('#console span:not(.later)', (lines) => lines.length)).toBe(printed);
    }
    const [box, line] = await page.$eval('#console', (console) => [
      console.getBoundingClientRect().bottom,
      console.lastElementChild!.getBoundingClientRect().bottom,
    ]);
    expect(line).toBeLessThanOrEqual(box + 1);
    await page.close();
  });

  test('keys: one event, one moment, a hundred, first and last', async () => {
    const { page } = await open(crash.html);
    const press = async (key: string): Promise<number> => {
      await page.keyboard.press(key);
      await settled(page);
      return seqShown(page);
    };
    const seq = await seqShown(page);
    expect(await press('ArrowRight')).toBe(seq + 1);
    expect(await press('ArrowLeft')).toBe(seq);
    const moments = await page.$$eval('#moments option', (options) =>
      options.map((option) => Number((option as HTMLOptionElement).value)).slice(1),
    );
    expect(await press('Shift+ArrowRight')).toBe(moments.find((at) => at > seq));
    await press('Shift+ArrowLeft');
    expect(await press('Shift+ArrowLeft')).toBe(moments.findLast((at) => at < seq));
    await page.focus('#slider');
    expect(await press('End')).toBe(crash.events.length - 1);
    expect(await press('PageDown')).toBe(crash.events.length - 101);
    expect(await press('Home')).toBe(0);
    expect(await press('ArrowLeft')).toBe(0);
    await page.close();
  });

  test('everything can be reached with Tab, and shows that it is', async () => {
    const { page } = await open(crash.html);
    const reached = new Set<string>();
    for (let i = 0; i < 400; i++) {
      await page.keyboard.press('Tab');
      const [name, outline] = await page.evaluate(() => {
        const at = document.activeElement!;
        return [at.id || at.className || at.tagName, getComputedStyle(at).outlineStyle];
      });
      if (name === 'BODY') break;
      expect([name, outline === 'none']).toEqual([name, false]);
      reached.add(name);
    }
    for (const id of [
      'theme',
      'slider',
      'next-moment',
      'moments',
      'stale-only',
      'frames',
      'page-history',
      'console',
      'pin-event',
    ])
      expect([...reached]).toContain(id);
    await page.close();
  });

  test('every link of the story selects the page, the frame and the moment that it tells about', async () => {
    const { page } = await open(crash.html);
    const [, va, pfn] = /maps ([0-9a-f]{8}) to frame ([0-9a-f]+)\./.exec(await text(page, '#chain'))!;
    const links = page.locator('#chain a');
    const seqs = await links.evaluateAll((all) => all.map((link) => Number((link as HTMLElement).dataset.seq)));
    expect(seqs.length).toBeGreaterThan(8);
    for (const [i, seq] of seqs.entries()) {
      // whatever was looked at before
      if (i % 2 === 1)
        await page
          .locator('#chunks canvas')
          .first()
          .click({ position: { x: 5, y: 5 } });
      await links.nth(i).click();
      await settled(page);
      expect(await seqShown(page)).toBe(seq);
      expect(await text(page, '#page')).toContain(` at ${va}: `);
      expect(await text(page, '#frame')).toMatch(new RegExp(`^pfn ${pfn}, `));
      expect(await page.textContent('#translation')).toContain(va);
      expect(await text(page, '#chain .now')).toContain(`event ${seq}`);
      expect(new URL(page.url()).hash).toBe(`#event-${seq}`);
    }
    await page.goBack();
    await settled(page);
    expect(await seqShown(page)).toBe(seqs.at(-2));
    await page.close();
  });

  test('the picture: one address, both arrows on one frame, then on none and one, then on two, and the store goes the wrong way', async () => {
    const { page } = await open(crash.html);
    const goToStep = async (words: string): Promise<void> => {
      await page.locator('#chain li', { hasText: words }).first().locator('a').click();
      await settled(page);
    };
    const arrows = (): Promise<string[]> =>
      page.$$eval('#translation path[class$="-head"]', (heads) => heads.map((head) => head.getAttribute('class')!));
    const drawn = (): Promise<string> => text(page, '#translation');
    const [, pfn] = /to frame ([0-9a-f]+)\./.exec(await text(page, '#chain'))!;
    await goToStep('into the TLB');
    expect(await arrows()).toEqual(['t-table-head', 't-same-head']);
    expect(await drawn()).toContain('is being loaded');
    expect(await page.$$eval('#translation .t-box', (boxes) => boxes.length)).toBe(2);
    await goToStep('depopulates');
    expect(await arrows()).toEqual(['t-lost-head']);
    expect(await drawn()).toContain('page table: none');
    expect(await drawn()).toContain(`frame${pfn}free`);
    await goToStep('populated again');
    expect(await arrows()).toEqual(['t-table-head', 't-stale-head']);
    expect(await drawn()).not.toContain('memset()');
    const [, mapped] = /maps [0-9a-f]{8} to frame ([0-9a-f]+)\. The TLB/.exec(await text(page, '#chain'))!;
    expect(await text(page, '#translation-text')).toBe(
      `One address, two answers: frame ${mapped} in the page table, frame ${pfn} in the TLB.`,
    );
    await goToStep('Its stores go through');
    expect(await page.$$eval('#translation .t-stale.t-busy', (all) => all.length)).toBe(1);
    expect(await drawn()).toMatch(/memset\(\)zeroes \d+ bytes/);
    expect(await text(page, '#translation .t-bad')).toMatch(/\w/);
    expect(await text(page, '#translation-text')).toBe(
      `The store goes to frame ${pfn}, as the TLB says, not to frame ${mapped}.`,
    );
    await page.close();
  });

  test("stepping on keeps the story's page; the event's page is shown when asked for, and by hand any", async () => {
    const { page } = await open(crash.html);
    const story = await text(page, '#translation .t-mono');
    await goTo(
      page,
      crash.events.findIndex((event) => event.type === 'unmap'),
    );
    expect(await text(page, '#translation .t-mono')).toBe(story);
    await page.click('#pin-event');
    const event = crash.events[await seqShown(page)] as KernelEvent & { type: 'unmap' };
    expect(await text(page, '#translation .t-mono')).toBe(event.va.toString(16));
    expect(await page.getAttribute('#pin-event', 'aria-pressed')).toBe('true');
    await page.click('#pin-story');
    expect(await text(page, '#translation .t-mono')).toBe(story);
    await page
      .locator('#chunks canvas')
      .first()
      .click({ position: { x: 5, y: 5 } });
    expect(await text(page, '#translation')).toContain('used without the TLB');
    expect(await page.getAttribute('#pin-story', 'aria-pressed')).toBe('false');
    await page.close();
  });

  test('the address follows the moment and the page looked at, and opens there again', async () => {
    const { page } = await open(crash.html);
    const hash = (wanted: string) => page.waitForFunction((value) => location.hash === value, wanted);
    await goTo(page, 4321);
    await hash('#event-4321');
    await page.keyboard.press('ArrowRight');
    await hash('#event-4322');
    await page
      .locator('#chunks canvas')
      .nth(1)
      .click({ position: { x: 5, y: 5 } });
    await page.waitForFunction(() => /^#event-4322&page=1\.0&pfn=[0-9a-f]+$/.test(location.hash));
    const [shown, frame] = [await text(page, '#page'), await text(page, '#frame')];
    await page.reload();
    await settled(page);
    expect(await seqShown(page)).toBe(4322);
    expect([await text(page, '#page'), await text(page, '#frame')]).toEqual([shown, frame]);
    await page.click('#next-moment');
    await settled(page);
    await page.goBack();
    await settled(page);
    expect(await seqShown(page)).toBe(4322);
    await page.close();
  });

  test.each([
    [1100, true],
    [1440, true],
    [1099, false],
  ])('%i pixels wide, story and state are side by side: %s', async (width, beside) => {
    const { page } = await open(crash.html, { width });
    const [story, state] = await page.$$eval('#story-section, #translation-section', (both) =>
      both.map((section) => section.getBoundingClientRect()),
    );
    expect(state!.left >= story!.right && Math.abs(state!.top - story!.top) < 2).toBe(beside);
    if (beside) {
      // both stay in sight, wherever the state is scrolled to
      await page.evaluate(() => document.querySelector('#frames')!.scrollIntoView());
      expect(await page.$eval('#story-section', (section) => section.getBoundingClientRect().top)).toBeLessThan(200);
    }
    await page.close();
  });

  test('an address with an event opens there', async () => {
    const { page } = await open(crash.html, { hash: '#event-42' });
    expect(await seqShown(page)).toBe(42);
    await page.close();
  });

  test('the time line: a click goes there, dragging zooms without going anywhere, the buttons zoom', async () => {
    const { page } = await open(crash.html);
    const last = crash.events.at(-1)!.t / 1e6;
    const over = page.locator('#history .u-over');
    await over.scrollIntoViewIfNeeded();
    const box = (await over.boundingBox())!;
    const time = async () => Number(/([\d.]+) s/.exec(await text(page, '#when'))![1]);
    await page.mouse.click(box.x + box.width / 2, box.y + 10);
    await settled(page);
    // the last event before the place that was clicked, give or take 2 % of the line
    expect(await time()).toBeLessThan(0.52 * last);
    const before = crash.events.findLast(({ t }) => t / 1e6 < 0.48 * last)!.t / 1e6;
    expect(await time()).toBeGreaterThan(before - 1e-6);
    const [whole, at] = [await pixels(page, '#history canvas'), await seqShown(page)];
    await page.mouse.move(box.x + 0.8 * box.width, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.9 * box.width, box.y + 12, { steps: 4 });
    await page.mouse.up();
    await settled(page);
    expect(await seqShown(page)).toBe(at);
    expect(await pixels(page, '#history canvas')).not.toBe(whole);
    // the moment is not in the stretch shown; going on brings it back
    expect(await page.isVisible('#history .playhead')).toBe(false);
    await page.keyboard.press('ArrowRight');
    await settled(page);
    expect(await page.isVisible('#history .playhead')).toBe(true);
    await page.click('[data-zoom="all"]');
    await settled(page);
    expect(await pixels(page, '#history canvas')).toBe(whole);
    await page.click('[data-zoom="near"]');
    await settled(page);
    expect(await pixels(page, '#history canvas')).not.toBe(whole);
    await page.close();
  });

  test('a page of a chunk can be chosen by click and by key; its history leads to its events', async () => {
    const { page } = await open(crash.html);
    const canvas = page.locator('#chunks canvas').nth(1);
    await canvas.click({ position: { x: 5, y: 5 } });
    expect(await text(page, '#page')).toContain('chunk 1 page 0 at fffc0000');
    await page.keyboard.press('ArrowRight');
    expect(await text(page, '#page')).toContain('chunk 1 page 1 at fffc1000');
    const populated = crash.events.find((event) => event.type === 'map' && event.chunk === 1 && event.page === 1)!;
    await page.click(`#page-history a[data-seq="${populated.seq}"]`);
    await settled(page);
    expect(await seqShown(page)).toBe(populated.seq);
    await page.close();
  });

  test('stale entries alone', async () => {
    const { page } = await open(crash.html);
    await page.check('#stale-only');
    const rows = await page.$$eval('#tlb tbody tr', (all) =>
      all.map((row) => [row.checkVisibility(), row.classList.contains('has-stale')]),
    );
    expect(rows.every(([visible, stale]) => visible === stale)).toBe(true);
    expect(rows.some(([visible]) => visible)).toBe(true);
    await page.close();
  });

  test.each([1280, 390])('nothing moves while one scrubs, %i pixels wide', async (width) => {
    const { page } = await open(crash.html, { width });
    await page.$eval('#time-section', (section) => section.scrollIntoView());
    await settled(page);
    // scroll anchoring hides shifts above what is in sight: sizes must stay, too
    const sizes = (): Promise<number[]> =>
      page.$$eval('nav, section, section > *', (all) =>
        all.flatMap(({ clientWidth, clientHeight }) => [clientWidth, clientHeight]),
      );
    const before = await sizes();
    const begun = await page.evaluate(() => performance.now()); // a slow browser paints the page before its script has filled it
    const steps = Array.from({ length: 61 }, (_, step) => Math.round((step / 60) * (crash.events.length - 1)));
    const harm = crash.events.filter(({ type }) => type === 'stale_access' || type === 'oops').map(({ seq }) => seq);
    for (const seq of [...steps, ...harm.slice(0, 20)]) {
      await goTo(page, seq);
      expect([seq, await sizes()]).toEqual([seq, before]);
    }
    const shifts = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts);
    expect(shifts.filter((time) => time > begun)).toEqual([]);
    await page.close();
  });

  test('the layout shifts that the test above looks for are seen when there are any', async () => {
    const { page } = await open(clean.html);
    await page.$eval('#translation-section', (section) => ((section as HTMLElement).style.marginTop = '300px'));
    await settled(page);
    await page.waitForFunction(() => (window as unknown as { shifts: number[] }).shifts.length > 0);
    await page.close();
  });

  /** Widest thing that sticks out, in pixels. */
  const overflow = (page: Page): Promise<number> =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

  test.each([360, 1280])('the longest description of an event has room, %i pixels wide', async (width) => {
    const { page } = await open(crash.html, { width, height: 844 });
    const stale = crash.events.filter((event) => event.type === 'stale_access');
    const length = ({ owner, by }: (typeof stale)[number]): number => owner.length + by.length;
    await goTo(page, stale.reduce((a, b) => (length(b) > length(a) ? b : a)).seq);
    const [needed, given] = await page.$eval('#scrubber p', (box) => [box.scrollHeight, box.clientHeight]);
    expect(needed).toBeLessThanOrEqual(given!);
    await page.close();
  });

  test('on a phone lines of events and of the story are whole', async () => {
    const { page } = await open(crash.html, { width: 390, height: 844 });
    const cut = await page.$$eval(
      '#events a, #chain li, #what, .command',
      (all) =>
        all.filter((line) => {
          const { overflow, textOverflow, whiteSpace } = getComputedStyle(line);
          return (
            line.scrollWidth > line.clientWidth + 1 ||
            textOverflow === 'ellipsis' ||
            whiteSpace === 'nowrap' ||
            overflow === 'hidden'
          );
        }).length,
    );
    expect(cut).toBe(0);
    const now = await page.$eval('#events .now', (line) => {
      const [box, at] = [line.closest('#events')!.getBoundingClientRect(), line.getBoundingClientRect()];
      return at.top >= box.top && at.bottom <= box.bottom;
    });
    expect(now).toBe(true);
    // a link of the story, far above, brings the picture into sight
    await page.locator('#chain a').nth(5).click();
    await settled(page);
    const [bar, picture] = await page.$$eval('#scrubber, #translation-section', (both) =>
      both.map((e) => e.getBoundingClientRect()),
    );
    expect(picture!.top).toBeGreaterThanOrEqual(bar!.bottom);
    expect(picture!.top).toBeLessThan(bar!.bottom + 60);
    await page.close();
  });

  test.each([360, 390, 800, 1000, 1280, 1300, 1720])('no sideways scrolling, %i pixels wide', async (width) => {
    for (const { html } of [crash, clean]) {
      const { page } = await open(html, { width, height: 844 });
      expect(await overflow(page)).toBe(0);
      // nor does a row of a chunk run out of its card
      const [room, ...rows] = await page.$$eval('#chunks, #chunks .chunk > *', (all) =>
        all.map((element) => Math.ceil(element.getBoundingClientRect().right)),
      );
      expect(rows.filter((right) => right > room!)).toEqual([]);
      // the map of physical pages stays in its box
      expect(
        await page.$eval(
          '#frames',
          (canvas) => canvas.getBoundingClientRect().right <= canvas.parentElement!.getBoundingClientRect().right,
        ),
      ).toBe(true);
      await page.close();
    }
  });

  /** Contrast ratio (WCAG) of the text of elements to what is behind it; only solid colours. */
  const contrasts = (page: Page, selectors: string[]): Promise<[string, number][]> =>
    page.evaluate((wanted) => {
      // what color-mix() gives is color(srgb ...), from 0 to 1
      const parse = (color: string): number[] =>
        color.match(/[\d.]+/g)!.map((part, i) => Number(part) * (i < 3 && color.startsWith('color(') ? 255 : 1));
      const luminance = (color: number[]): number => {
        const [r, g, b] = color
          .slice(0, 3)
          .map((value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      };
      return wanted.map((selector): [string, number] => {
        const element = document.querySelector(selector)!;
        let behind: Element | null = element;
        while (behind && parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
        const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind!).backgroundColor].map((color) =>
          luminance(parse(color)),
        );
        return [selector, (Math.max(a!, b!) + 0.05) / (Math.min(a!, b!) + 0.05)];
      });
    }, selectors);

  test('dark is another page than light, by system and by button, and both can be read', async () => {
    const READ = [
      '#translation-text',
      '#pin-story',
      'h1',
      '#outcome',
      '.dim',
      '.facts dt',
      '.facts dd',
      '#chain li',
      '#chain a',
      '.note',
      '#when',
      '#what',
      '#tlb .stale',
      '#tlb .other',
      '#tlb th',
      '#page',
      'summary',
      '#console span',
      'footer',
    ];
    const light = await open(crash.html);
    const dark = await open(crash.html, { scheme: 'dark' });
    const look = async ({ page }: Opened): Promise<string[]> => [
      await page.$eval('body', (body) => getComputedStyle(body).backgroundColor),
      await chunkPixels(page),
      await pixels(page, '#frames'),
      await pixels(page, '#history canvas'),
    ];
    const [inLight, inDark] = [await look(light), await look(dark)];
    inLight.forEach((value, i) => expect([i, value === inDark[i]]).toEqual([i, false]));
    for (const { page } of [light, dark]) {
      // the harder case: the entry that is used at this moment
      await page.$eval('#tlb .stale', (cell) => cell.parentElement!.classList.add('used'));
      for (const [selector, ratio] of await contrasts(page, READ))
        expect([selector, ratio >= 4.5, ratio]).toEqual([selector, true, ratio]);
    }
    await light.page.click('#theme');
    await settled(light.page);
    expect(await look(light)).toEqual(inDark);
    await dark.page.click('#theme');
    await settled(dark.page);
    expect(await look(dark)).toEqual(inLight);
    for (const { page } of [light, dark]) await page.close();
  });

  test('text that looks like HTML stays text, and a chain is shown with its links', async () => {
    const evil = '</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> &amp;';
    const printk = (seq: number, line: string): KernelEvent => ({
      seq,
      t: seq,
      pid: 0,
      type: 'printk',
      level: 6,
      text: line,
    });
    const quiet = { softirq: false, needResched: false };
    const events: KernelEvent[] = [
      printk(0, evil),
      { seq: 1, t: 1, pid: 0, type: 'chunk_create', chunk: 0, base: 0x8100_0000, pages: 2, ...quiet },
      { seq: 2, t: 2, pid: 0, type: 'panic', text: evil },
    ];
    const html = bootReport({
      setup: DEFAULT_SETUP,
      seed: 7,
      result: {
        outcome: 'panic',
        reachedInit: false,
        panic: evil,
        console: [evil],
        log: { events, onEvent: null, place: () => {}, append: () => events[0]! },
        counters: {} as never,
      },
      recorder: new TlbRecorder(),
      story: {
        steps: [
          { text: evil, seq: 1, between: false },
          { text: 'then it died', seq: 2, between: false },
        ],
      },
    });
    fs.writeFileSync(file('evil.html'), html);
    const { page, complaints } = await open(file('evil.html'));
    expect(complaints).toEqual([]);
    expect(await text(page, '#console span')).toBe(`${evil}\n`);
    expect(await text(page, '#chain li')).toContain(evil);
    expect(await page.$$('img')).toEqual([]);
    await page.locator('#chain a').first().click();
    await settled(page);
    expect(await seqShown(page)).toBe(1);
    await goTo(page, 2);
    expect(await text(page, '#what')).toContain(evil);
    // and if something were not escaped, the policy would still keep it from running
    await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="alert(3)">'));
    await page.waitForTimeout(100);
    expect(complaints.filter((complaint) => complaint.startsWith('dialog'))).toEqual([]);
    expect(complaints.join()).toMatch(/Content Security Policy/);
    await page.close();
  });

  describe('tables', () => {
    beforeAll(() => {
      fs.mkdirSync(file('pages'));
      percpuMalta('boot', '--controllers', '1', '--seed', '3', '--quiet', '--html', file('pages/seed-3.html'));
      // a page of another boot under the name of this one is not linked
      fs.copyFileSync(file('pages/seed-3.html'), file('pages/seed-2.html'));
      const sweep = ['sweep', '--seeds', '1..4', '--controllers', '1'];
      percpuMalta(...sweep, '--html', file('sweep.html'), '--pages', file('pages'));
      percpuMalta('sweep', '--seeds', '6..11', '--html', file('crashes.html')); // some clean, some not
      const compare = ['compare', '--seeds', String(SEED.crash), '--layouts', 'malta-4k', '--cpu', '24Kf'];
      percpuMalta(...compare, '--html', file('compare.html'));
    }, HOOK_MS);

    test('rates, bars, no complaint, no sideways scrolling', async () => {
      for (const name of ['sweep', 'compare'])
        for (const [width, scheme] of [
          [1280, 'light'],
          [360, 'dark'],
        ] as const) {
          const { page, complaints } = await open(file(`${name}.html`), { width, scheme });
          expect(await text(page, 'h1')).toContain(name);
          expect(await page.$$eval('table', (tables) => tables.length)).toBeGreaterThan(0);
          expect(await overflow(page)).toBe(0);
          const ranges = await page.$$eval('.range', (all) => all.map((range) => range.clientWidth));
          expect(ranges.length).toBeGreaterThan(0);
          expect(Math.min(...ranges)).toBeGreaterThan(80);
          for (const [selector, ratio] of await contrasts(page, ['h1', '.facts dt', 'th', 'td', '.note']))
            expect([selector, ratio >= 4.5]).toEqual([selector, true]);
          expect(complaints).toEqual([]);
          await page.close();
        }
    });

    const column = (page: Page, n: number): Promise<string[]> =>
      page.$$eval(
        'tr[data-group]:not([hidden])',
        (rows, at) => rows.map((row) => (row as HTMLTableRowElement).cells[at]!.textContent),
        n,
      );

    test('bars are drawn from 0 to 100 %', async () => {
      const { page } = await open(file('crashes.html'));
      const bars = await page.$$eval('.bar', (all) =>
        all.map((bar) => [
          (bar.querySelector('i') as HTMLElement).offsetWidth /
            (bar.querySelector('.track') as HTMLElement).offsetWidth,
          parseFloat(/, (\d+) %/.exec(bar.querySelector('.value')!.textContent)![1]!) / 100,
        ]),
      );
      expect(bars.length).toBeGreaterThan(1);
      expect(Math.max(...bars.map(([drawn]) => drawn!))).toBeLessThanOrEqual(1);
      for (const [drawn, said] of bars) expect(Math.abs(drawn! - said!)).toBeLessThan(0.02);
      await page.close();
    });

    test('a click on a head sorts, the next one backwards, and says so', async () => {
      const { page } = await open(file('crashes.html'));
      const seeds = await column(page, 0);
      expect(seeds).toEqual(['6', '7', '8', '9', '10', '11']);
      const head = page.locator('thead th', { hasText: 'stale stores' });
      await head.locator('button').click();
      const stores = (await column(page, 4)).map(Number);
      expect(stores).toEqual([...stores].sort((a, b) => a - b));
      expect(new Set(stores).size).toBeGreaterThan(2);
      expect(await head.getAttribute('aria-sort')).toBe('ascending');
      await head.locator('button').focus();
      await page.keyboard.press('Enter');
      expect((await column(page, 4)).map(Number)).toEqual([...stores].reverse());
      expect(await head.getAttribute('aria-sort')).toBe('descending');
      await page.close();
    });

    test('the filter leaves out rows, by outcome and by text, and counts the rest', async () => {
      const { page } = await open(file('crashes.html'));
      const signatures = await column(page, 6);
      const word = signatures.find((signature) => signature !== '')!.split(' ')[0]!;
      await page.fill('[data-filter="text"]', word.toUpperCase());
      const left = signatures.filter((signature) => signature.includes(word)).length;
      expect(await column(page, 6)).toHaveLength(left);
      expect(await text(page, '.filter output')).toBe(`${left} of 6`);
      await page.fill('[data-filter="text"]', '');
      await page.selectOption('[data-filter="group"]', 'panic');
      expect(new Set(await column(page, 1))).toEqual(new Set(['panic']));
      await page.close();
    });

    test('a seed leads to what boots it, and to its page where there is one', async () => {
      const { page, complaints } = await open(file('sweep.html'), { hash: '#seed-2' });
      expect(await page.$$eval('.chosen code', (lines) => lines.map((line) => line.textContent))).toEqual([
        'npx percpu-malta boot --controllers 1 --seed 2',
        'npx percpu-malta explain --controllers 1 --seed 2 --html seed-2.html',
      ]);
      expect(await page.$$('.chosen a')).toEqual([]);
      await page.fill('[data-filter="text"]', 'nothing has this');
      await page.fill('[data-filter="text"]', '');
      await page.click('tr[data-id="seed-3"] th a');
      await page.waitForFunction(() => document.querySelector('.chosen strong')!.textContent === 'Seed 3');
      expect(await page.$$eval('tr.now', (rows) => rows.map((row) => (row as HTMLElement).dataset.id))).toEqual([
        'seed-3',
      ]);
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.click('.chosen .copy >> nth=0');
      await page.waitForFunction(() => /Copied|Selected/.test(document.querySelector('.chosen .copy')!.textContent));
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
        'npx percpu-malta boot --controllers 1 --seed 3',
      );
      expect(complaints).toEqual([]);
      await page.click('.chosen a');
      await page.waitForSelector('#outcome');
      expect(await text(page, 'h1')).toBe('percpu-malta boot, seed 3');
      await page.close();
    });

    test('a setup leads to the explanation of its first crash', () => {
      expect(fs.readFileSync(file('compare.html'), 'utf8')).toContain(`&quot;explain --seed ${SEED.crash}&quot;`);
    });

    test('seeds of a kind lead to their rows, also when those are filtered out', async () => {
      const { page } = await open(file('crashes.html'));
      await page.fill('[data-filter="text"]', 'nothing has this');
      expect(await column(page, 0)).toEqual([]);
      const seed = page.locator('td a[href^="#seed-"]').first();
      const name = await seed.textContent();
      await seed.click();
      await page.waitForFunction(
        (wanted) => document.querySelector('.chosen strong')?.textContent === wanted,
        `Seed ${name}`,
      );
      expect(await column(page, 0)).toHaveLength(6);
      await page.close();
    });

    test('--pages without --html, or of no folder, is one line', () => {
      for (const args of [
        ['--pages', directory],
        ['--pages', file('none'), '--html', file('x.html')],
      ]) {
        const { status, stderr } = run('sweep', '--seeds', '1', ...args);
        expect(status).toBe(2);
        expect(stderr).toMatch(/^percpu-malta: --pages.*\n$/);
      }
    });
  });
});
