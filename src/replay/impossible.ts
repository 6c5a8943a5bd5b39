// What no allocator can do, whatever happened before a log begins: two areas in the same place, an area freed twice, misaligned, or gone
// with its chunk. Needs nothing but the log itself, so it judges traces that begin too late for a replay.
import type { LogEvent } from './gt-log.js';
import type { Difference } from './outcome.js';

/** @returns the first such event, or undefined */
export function firstImpossible(events: readonly LogEvent[]): Difference | undefined {
  /** Live areas by chunk: offset to size. */
  const chunks = new Map<number, Map<number, number>>();
  /** Offsets at which an area was freed and none has begun since. */
  const gone = new Map<number, Set<number>>();
  for (const [index, event] of events.entries()) {
    const impossible = (replay: string): Difference => ({
      ...{ index, line: event.line, kernel: event.text, replay },
      proven: true,
    });
    const { base, offset } = event;
    if (event.kind === 'C' && (chunks.get(base)?.size ?? 0) > 0 && event.a !== 1) {
      return impossible('a chunk is at this address already');
    }
    if (event.kind === 'C' || event.kind === 'D') {
      const areas = chunks.get(base);
      if (event.kind === 'D' && areas !== undefined && areas.size > 0) {
        return impossible(`the chunk still has ${areas.size === 1 ? 'an area' : `${areas.size} areas`}`);
      }
      chunks.delete(base);
      gone.delete(base);
    } else if (event.kind === 'A') {
      const size = (event.size + 3) & ~3;
      const align = Math.max(event.align, 4);
      if (offset % align !== 0) return impossible(`offset ${offset} is not aligned to ${align}`);
      const areas = chunks.get(base) ?? new Map<number, number>();
      chunks.set(base, areas);
      const other = overlapping(areas, offset, size);
      if (other !== undefined) return impossible(`the area at offset ${other}, ${areas.get(other)!} bytes, is in use`);
      areas.set(offset, size);
      gone.get(base)?.delete(offset);
    } else if (event.kind === 'F') {
      if (!(chunks.get(base)?.delete(offset) ?? false) && gone.get(base)?.has(offset)) {
        return impossible('no area begins there: it has been freed already');
      }
      const freed = gone.get(base) ?? new Set<number>();
      gone.set(base, freed.add(offset));
    }
  }
  return undefined;
}

/** Largest area: PCPU_MIN_UNIT_SIZE. */
const LARGEST = 65536;

/** Offset of a live area that shares a byte with [offset, offset + size). */
function overlapping(areas: ReadonlyMap<number, number>, offset: number, size: number): number | undefined {
  for (let at = offset; at < offset + size; at += 4) if (areas.has(at)) return at;
  for (let at = offset - 4; at >= 0 && offset - at <= LARGEST; at -= 4) {
    const length = areas.get(at);
    if (length !== undefined) return at + length > offset ? at : undefined;
  }
  return undefined;
}
