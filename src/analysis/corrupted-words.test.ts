import { beforeEach, expect, test } from 'vitest';
import { CorruptedWords, type SoundAccess, type WatchedGuest } from './corrupted-words.js';
import type { StaleAccess } from './stale-access.js';

const PAGE = 0x1000;
const FRAME = 5 * PAGE;
const STORE = {} as StaleAccess;
const STORED = 0x1111_1111;

let memory: Map<number, number>;
/** Who sees accesses through kseg0, by first physical address. */
let observers: Map<number, (access: SoundAccess) => void>;
let words: CorruptedWords;

/** A store of the guest through kseg0, or a load. */
function access(write: boolean, physical: number, value = 0): void {
  observers.get(physical - (physical % PAGE))?.({ write, physical, size: 4, pc: 0x100 });
  if (write) memory.set(physical, value);
}

function stale(physical: number): void {
  words.stored(STORE, physical, -1, 4, STORED);
  memory.set(physical, STORED);
}

beforeEach(() => {
  memory = new Map();
  observers = new Map();
  const guest: WatchedGuest = {
    pageSize: PAGE,
    littleEndian: false,
    read32: (at) => memory.get(at) ?? 0,
    observeUnmapped: (start, _end, observer) => {
      observers.set(start, observer);
      return () => observers.delete(start);
    },
    moment: () => ({ after: -1, t: 0, pid: 1 }),
  };
  words = new CorruptedWords(guest, { at: () => ({ kind: 'free', start: 0, end: 0 }) });
});

test('a frame is watched until the last of its words is mended, and again from the next stale store on', () => {
  for (let i = 0; i < 8; i++) stale(FRAME + 4 * i);
  stale(FRAME); // the same word once more
  for (let i = 0; i < 7; i++) access(true, FRAME + 4 * i);
  access(false, FRAME + 4); // mended: nothing to say
  access(false, FRAME + 28);
  expect(words.reads.map(({ physical, value, harm }) => ({ physical, value, harm }))).toEqual([
    { physical: FRAME + 28, value: STORED, harm: 'changed' },
  ]);
  access(true, FRAME + 28);
  expect(observers.size).toBe(0);
  stale(FRAME + 8);
  access(false, FRAME + 8);
  expect(words.reads.map(({ physical }) => physical)).toEqual([FRAME + 28, FRAME + 8]);
});

test('words that a stale store should have changed count for the frame that they are in', () => {
  stale(FRAME);
  words.stored(STORE, FRAME + PAGE, FRAME + 4, 4, STORED); // goes to the next frame, is missing in this one
  access(true, FRAME);
  access(false, FRAME + 4);
  expect(words.reads.map(({ physical, harm }) => ({ physical, harm }))).toEqual([
    { physical: FRAME + 4, harm: 'missing' },
  ]);
});
