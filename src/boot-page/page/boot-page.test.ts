// The page "boot it here" as a reader gets it: written by the command, opened from disk in headless Chromium. The engine is the stand-in of
// emu/unicorn/unicornjs, and a build of unicorn.js, too, when PERCPU_MALTA_UNICORN_JS names one.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadEngine, packageRoot } from '../../../emu/unicorn/choose.js';
import { writeStandIn } from '../../../emu/unicorn/unicornjs/stand-in/bundle.js';
import { type BootSetup, DEFAULT_SETUP } from '../../experiments/setup.js';
import { bootInPage } from '../boot.js';
import { bootPage } from '../document.js';

const command = path.join(packageRoot(), 'scripts/percpu-malta.mjs');
const WAIT = { timeout: 280_000 };
/** Two boots by an interpreter in JavaScript, on a machine that may be busy. */
const TEST_MS = 600_000;
const PHONE = { width: 390, height: 844 };

let folder: string;
const file = (name: string): string => path.join(folder, name);
const standInFile = (): string => file('unicorn_mips.js');

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'boot-page-'));
  await writeStandIn(standInFile(), { heapu8: false });
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, [command, 'page', ...args], {
    encoding: 'utf8',
    env: { ...process.env, PERCPU_MALTA_UNICORN_JS: '' },
  });

describe('the command', () => {
  test('writes one file that names nothing outside itself', () => {
    const { status, stderr } = run('--unicorn-js', standInFile(), '-o', file('page.html'));
    expect([status, stderr.replace(/^set-up: .*\n/gm, '')]).toEqual([0, '']);
    const text = fs.readFileSync(file('page.html'), 'utf8');
    const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(text)!;
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toContain('http');
    const html = text.replace(/<script[\s\S]*?<\/script>/g, '');
    expect(html).not.toMatch(/\b(?:src|href)="(?!#|data:)|@import|url\((?!["']?data:)/);
  });

  test('refuses what is no engine, in one line, and writes nothing', () => {
    fs.writeFileSync(file('other.js'), 'module.exports = {};');
    const wrong = run('--unicorn-js', file('other.js'), '-o', file('never.html'));
    expect(wrong.status).toBe(3);
    expect(wrong.stderr).toMatch(/^percpu-malta: unicorn\.js: .*other\.js: is no unicorn\.js: .*\n$/m);
    const none = run('-o', file('never.html'));
    expect(none.status).toBe(2);
    expect(none.stderr).toMatch(/--unicorn-js FILE/);
    expect(fs.existsSync(file('never.html'))).toBe(false);
  });
});

const onPath = (name: string): string[] =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .map((at) => path.join(at, name))
    .filter((at) => fs.existsSync(at));
const [executablePath] = ['chromium', 'chromium-browser', 'google-chrome'].flatMap(onPath);

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let browser: Browser;
  const opened: Page[] = [];
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox', '--disable-gpu'] });
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const page of opened.splice(0)) await page.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  async function open(name: string, hash = '', viewport = { width: 1280, height: 900 }): Promise<Page> {
    const page = await browser.newPage({ viewport });
    opened.push(page);
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!/^(file|blob|data):/.test(request.url())) complaints.push(request.url());
    });
    await page.goto(`${pathToFileURL(file(name)).href}${hash}`);
    return page;
  }

  const ended = (page: Page) =>
    page.waitForFunction(
      () => !/^(Booting|Nothing)/.test(document.querySelector('#status')!.textContent ?? ''),
      undefined,
      WAIT,
    );

  /** The event log, by its link. */
  async function savedLog(page: Page): Promise<string> {
    const download = page.waitForEvent('download');
    await page.click('#save-log');
    return fs.readFileSync(await (await download).path(), 'utf8');
  }

  async function equalsNative(page: Page, setup: BootSetup, seed: number): Promise<void> {
    const lines: string[] = [];
    const native = bootInPage(await loadEngine('native'), setup, seed, (line) => lines.push(line));
    expect(await page.textContent('#console')).toBe(lines.map((line) => `${line}\n`).join(''));
    expect(await savedLog(page)).toBe(native.log);
    const report = page.frameLocator('#report');
    expect(await report.locator('#outcome').textContent()).toBe(native.result.outcome);
    const [, chain = ''] = /<ol id="chain">([\s\S]*?)<\/ol>/.exec(native.report) ?? [];
    expect(await report.locator('#chain li').count()).toBe(chain.match(/<li>/g)?.length ?? 0);
  }

  test(
    'a link boots what it says, and the boot is the one of libunicorn; the next seed boots the next',
    { timeout: TEST_MS },
    async () => {
      fs.writeFileSync(file('page.html'), bootPage(fs.readFileSync(standInFile(), 'utf8')));
      const page = await open('page.html', '#controllers=1&seed=41&tlb=hardware&kernel=nonsense');
      await ended(page);
      const setup: BootSetup = { ...DEFAULT_SETUP, controllers: 1, tlb: 'hardware' };
      expect(await page.inputValue('[name=kernel]')).toBe(DEFAULT_SETUP.kernel);
      await equalsNative(page, setup, 41);
      expect(await page.textContent('#engine')).toBe('unicorn.js 2.1.4 (in this page)');

      await page.click('#next');
      await ended(page);
      expect(page.url()).toMatch(/tlb=hardware&cpu=24Kf&controllers=1&seed=42(&view=event-\d+)?$/);
      await equalsNative(page, setup, 42);
      const report = page.frameLocator('#report');
      // what is not in sight draws nothing
      await page.locator('#report').scrollIntoViewIfNeeded();
      await report.locator('#slider').press('Home');
      await page.waitForFunction(() => location.hash.endsWith('&seed=42&view=event-0'));
      expect(await report.locator('#tlb tbody tr').count()).toBe(16);
      expect(await report.locator('#chunks canvas').count()).toBeGreaterThan(2);
    },
  );

  test('on a phone nothing is wider than the screen, and the boot can be stopped', { timeout: TEST_MS }, async () => {
    fs.writeFileSync(file('page.html'), bootPage(fs.readFileSync(standInFile(), 'utf8')));
    const page = await open('page.html', '', PHONE);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await page.click('#boot');
    await page.waitForFunction(
      () => (document.querySelector('#console')!.textContent ?? '').length > 200,
      undefined,
      WAIT,
    );
    await page.click('#stop');
    expect(await page.textContent('#status')).toBe('Stopped.');
    expect(await page.isEnabled('#boot')).toBe(true);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  });

  test.each([
    [
      'that defines no engine',
      'var nothing = 1;',
      /^No boot: the script in this page is no unicorn\.js: it defines no MUnicorn$/,
    ],
    [
      'that cannot start',
      'var MUnicorn = function () { return Promise.reject(new Error("no room")); };',
      /^No boot: no room$/,
    ],
    ['that is broken', 'var MUnicorn = (', /^No boot: the engine's script does not run here: .*SyntaxError/],
  ])('with a script %s the page says so', async (_name, engine, message) => {
    fs.writeFileSync(file('bad.html'), bootPage(engine));
    const page = await open('bad.html');
    await page.click('#boot');
    await ended(page);
    complaints.splice(0); // the browser reports the broken script itself
    expect(await page.textContent('#status')).toMatch(message);
    expect(await page.isEnabled('#boot')).toBe(true);
  });

  const real = process.env.PERCPU_MALTA_UNICORN_JS;
  test.skipIf(!real)('five seeds on a build of unicorn.js are libunicorn’s', { timeout: TEST_MS }, async () => {
    fs.writeFileSync(file('real.html'), bootPage(fs.readFileSync(real!, 'utf8')));
    const page = await open('real.html', '#seed=1');
    for (let seed = 1; seed <= 5; seed++) {
      await ended(page);
      await equalsNative(page, DEFAULT_SETUP, seed);
      if (seed < 5) await page.click('#next');
    }
  });
});
