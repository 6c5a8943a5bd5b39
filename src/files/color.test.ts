import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hasColor, paint } from './color.js';

beforeEach(() => {
  vi.stubEnv('NO_COLOR', undefined);
  vi.stubEnv('TERM', 'xterm');
});
afterEach(() => vi.unstubAllEnvs());

test('colour is for terminals', () => {
  expect(hasColor({ isTTY: true })).toBe(true);
  expect(hasColor({ isTTY: false })).toBe(false);
  expect(hasColor({})).toBe(false);
});

test.each([
  ['NO_COLOR', '1'],
  ['NO_COLOR', '0'],
  ['TERM', 'dumb'],
])('%s=%s turns it off', (name, value) => {
  vi.stubEnv(name, value);
  expect(hasColor({ isTTY: true })).toBe(false);
});

test('an empty NO_COLOR says nothing', () => {
  vi.stubEnv('NO_COLOR', '');
  expect(hasColor({ isTTY: true })).toBe(true);
});

test('text is coloured or left alone', () => {
  const isTTY = process.stdout.isTTY;
  try {
    process.stdout.isTTY = true;
    expect(paint('red', 'crash')).toBe('\u001b[31mcrash\u001b[39m');
    process.stdout.isTTY = false;
    expect(paint('red', 'crash')).toBe('crash');
  } finally {
    process.stdout.isTTY = isTTY;
  }
});
