// Where two event logs part: two boots with one seed are the same, event by event, up to the first thing that their kernels (or options)
// do differently.
import type { KernelEvent } from '../kernel/events.js';

export interface Parting {
  /** Events in front that are the same. */
  same: number;
  /** The last of these, and what comes then; the first of `next` is where it parts, and nothing where a log ends. */
  before: KernelEvent[];
  next: [KernelEvent[], KernelEvent[]];
  /** Fields of the first events that differ, when these are of one type. */
  fields: string[];
  /** The first event of the same kind and content that comes at another time; undefined when times are the same as well. */
  otherTime: [KernelEvent, KernelEvent] | undefined;
}

/**
 * @param counts whether events of a type are compared
 * @param context events told before and from the parting on
 */
export function partingOf(
  logs: readonly [Iterator<KernelEvent>, Iterator<KernelEvent>],
  counts: (type: string) => boolean,
  context: number,
): Parting {
  const next = (log: Iterator<KernelEvent>): KernelEvent | undefined => {
    for (let step = log.next(); !step.done; step = log.next()) if (counts(step.value.type)) return step.value;
    return undefined;
  };
  const before: KernelEvent[] = [];
  let same = 0;
  let otherTime: Parting['otherTime'];
  for (;;) {
    const a = next(logs[0]);
    const b = next(logs[1]);
    const fields = a && b ? differing(a, b) : [];
    if ((a && b && fields.length === 0) || (!a && !b)) {
      if (!a || !b) return { same, before: [], next: [[], []], fields, otherTime };
      if (a.t !== b.t) otherTime ??= [a, b];
      before.push(a);
      if (before.length > context) before.shift();
      same++;
      continue;
    }
    const behind = (first: KernelEvent | undefined, log: Iterator<KernelEvent>): KernelEvent[] => {
      const events = first ? [first] : [];
      while (first && events.length <= context) {
        const event = next(log);
        if (!event) break;
        events.push(event);
      }
      return events;
    };
    return { same, before, next: [behind(a, logs[0]), behind(b, logs[1])], fields, otherTime };
  }
}

/** Names of what two events do not share but number and time; `type` alone when they are of different types. */
function differing(a: KernelEvent, b: KernelEvent): string[] {
  if (a.type !== b.type) return ['type'];
  const [one, other] = [a, b] as unknown as Record<string, unknown>[];
  const names = new Set([...Object.keys(one!), ...Object.keys(other!)]);
  return [...names].filter(
    (name) => name !== 'seq' && name !== 't' && JSON.stringify(one![name]) !== JSON.stringify(other![name]),
  );
}
