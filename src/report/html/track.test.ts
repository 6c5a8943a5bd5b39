// A track must give back every state that was written, in whatever order it is asked for.
import { expect, test } from 'vitest';
import { Random } from '../../random.js';
import { Track, TrackWriter } from './track.js';

const SLOTS = 5;
const EVENTS = 60;

/** A random track and, the obvious way, all its states. */
function recorded(seed: number): { track: Track; states: number[][] } {
  const random = new Random(seed, 0);
  const writer = new TrackWriter();
  const now = new Array<number>(SLOTS).fill(0);
  const states: number[][] = [];
  for (let seq = 0; seq < EVENTS; seq++) {
    for (let n = random.below(4); n > 0; n--) {
      const slot = random.below(SLOTS);
      now[slot] = random.below(3);
      writer.set(seq, slot, now[slot]!);
    }
    states.push([...now]);
  }
  return { track: new Track(JSON.parse(JSON.stringify(writer.data(SLOTS)))), states };
}

test('any event can be gone to from any other', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { track, states } = recorded(seed);
    const random = new Random(seed, 1);
    for (let step = 0; step < 200; step++) {
      const seq = random.below(EVENTS);
      track.seek(seq);
      expect([seed, seq, [...track.values]]).toEqual([seed, seq, states[seq]]);
    }
  }
});

test('stretches cover exactly what is not 0', () => {
  const { track, states } = recorded(1);
  const painted = states.map(() => new Array<number>(SLOTS).fill(0));
  track.forEachRun(EVENTS, (slot, value, from, to) => {
    for (let seq = from; seq < to; seq++) painted[seq]![slot] = value;
  });
  expect(painted).toEqual(states);
});

test('the changes of one slot are told apart from those of others', () => {
  const writer = new TrackWriter();
  writer.set(1, 0, 5);
  writer.set(1, 1, 6);
  writer.set(4, 0, 0);
  writer.set(4, 0, 2);
  const track = new Track(writer.data(2));
  expect(track.changesOf(0)).toEqual([
    { seq: 1, value: 5 },
    { seq: 4, value: 2 },
  ]);
});

test('seek says whether anything changed', () => {
  const writer = new TrackWriter();
  writer.set(3, 0, 7);
  const track = new Track(writer.data(1));
  expect([track.seek(2), track.seek(3), track.seek(9), track.seek(0)]).toEqual([false, true, false, true]);
});

test('values that do not change cost nothing', () => {
  const writer = new TrackWriter();
  for (let seq = 0; seq < 100; seq++) writer.set(seq, 2, 1);
  expect(writer.data(3).changes).toEqual([0, 2, 1]);
});
