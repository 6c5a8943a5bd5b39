import { beforeEach, expect, test } from 'vitest';
import type { BootParts } from '../kernel/boot.js';
import { CorruptedWords, type SoundAccess } from './corrupted-words.js';
import type { StaleAccess } from './stale-access.js';
import type { VictimFinder } from './victim.js';

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
  const cpu = {
    observeUnmapped: (start: number, _end: number, observer: (access: SoundAccess) => void) => {
      observers.set(start, observer);
      return () => observers.delete(start);
    },
  };
  const parts = {
    machine: { pageSize: PAGE, read32: (at: number) => memory.get(at) ?? 0, board: { cpu } },
    clock: { now: 0 },
    log: { events: [] },
    scheduler: { current: { pid: 1 } },
  };
  words = new CorruptedWords(parts as unknown as BootParts, { at: () => ({}) } as unknown as VictimFinder);
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
