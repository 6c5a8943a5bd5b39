import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelRules } from '../kernel/kernels.js';
import { definesText, parseDefines, readLayout } from './define.js';
import { DEFAULT_SETUP, setupGeometry } from './setup.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-define-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

describe('--define', () => {
  test('says in text what it read', () => {
    const text = 'reclaim=1/8,flush=chunk,flushed=3,atom=65536,dyn=20480,static=31520';
    const defines = parseDefines(text);
    expect(defines).toEqual({
      rules: { reclaim: [1, 8], flush: 'chunk', flushed: 3 },
      geometry: { atomSize: 65536, dynReserve: 20480, staticSize: 31520 },
    });
    expect(definesText(defines)).toBe(text);
    expect(parseDefines('reclaim=1/2', parseDefines('atom=64K'))).toEqual({
      rules: { reclaim: [1, 2] },
      geometry: { atomSize: 65536 },
    });
  });

  test.each([
    'reclaim=8',
    'reclaim=2/1',
    'reclaim=0/1',
    'flush=often',
    'flushed=0',
    'atom=5000',
    'atom=8M',
    '__proto__=1',
    'x',
    '',
  ])('%j is one line', (text) => expect(() => parseDefines(text)).toThrow(/^--define [^\n]*: need [^\n]+$/));

  test('changes the rules that a boot goes by, and when a chunk is reclaimed', () => {
    const { variant, flush, flushPages } = kernelRules('93274f1dd6b0', { reclaim: [1, 2], flush: 'range', flushed: 1 });
    expect(variant).toMatchObject({ reclaimAt: [1, 2], flush: 'per-range' });
    expect([flush, flushPages]).toEqual(['range', 1]);
    expect(kernelRules('93274f1dd6b0', { flush: 'populate' })).toMatchObject({
      flush: 'on-populate',
      variant: { flush: 'never' },
    });
    expect(setupGeometry({ ...DEFAULT_SETUP, rules: { reclaim: [1, 2] } }).reclaimPages).toBe(6);
    expect(setupGeometry(DEFAULT_SETUP).reclaimPages).toBe(3);
  });
});

describe('a layout out of a file', () => {
  const layout = (text: string): string => {
    const file = path.join(folder, 'layout.json');
    fs.writeFileSync(file, text);
    return file;
  };

  test('is another with other sizes', () => {
    const file = layout('{"like": "malta-4k", "note": "units of 64 KB", "atomSize": "64K"}');
    expect(readLayout(file)).toEqual({ like: 'malta-4k', geometry: { atomSize: 65536 } });
    const { like, geometry } = readLayout(file);
    expect(setupGeometry({ ...DEFAULT_SETUP, layout: like, geometry }).unitPages).toBe(16);
  });

  test.each([
    '[]',
    'null',
    '{',
    '{"like": "__proto__"}',
    '{"atomSize": 12345}',
    '{"atomsize": 4096}',
    '{"atomSize": null}',
  ])('%s is one line', (text) => expect(() => readLayout(layout(text))).toThrow(/^--layout .*layout\.json: [^\n]+$/));
});
