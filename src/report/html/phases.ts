// The time line's lanes (what ran when) and the events worth going to.
import type { KernelEvent } from '../../kernel/events.js';

/** First and last event of something that lasts; equal for what just happens. */
export type Mark = [from: number, to: number];

export type LaneKind = 'phase' | 'scan' | 'rcu' | 'balance' | 'depopulate' | 'flush' | 'stale' | 'crash';

export interface Lane {
  name: string;
  kind: LaneKind;
  marks: Mark[];
  /** Written into the marks. */
  labels?: string[];
}

/**
 * A lane without marks stays: an empty flush lane tells something.
 * @param complete false: a log of the allocator, the TLB and the console only, which has no phases, no RCU and no other flushes
 */
export function lanes(events: readonly KernelEvent[], complete = true): Lane[] {
  const end = Math.max(events.length - 1, 0);
  const scans = new Map<number, Mark>();
  const rcu: Mark[] = [];
  const balance: Mark[] = [];
  const depopulate: Mark[] = [];
  const flush: Mark[] = [];
  const stale: Mark[] = [];
  const crash: Mark[] = [];
  for (const event of events) {
    const { seq } = event;
    switch (event.type) {
      case 'milestone':
        if (event.what === 'scan_start') scans.set(event.host, [seq, end]);
        if (event.what === 'scan_end' && scans.has(event.host)) scans.get(event.host)![1] = seq;
        break;
      case 'rcu':
        lasting(rcu, event.phase === 'gp_start', seq, end);
        break;
      case 'balance':
        lasting(balance, event.phase === 'start', seq, end);
        break;
      case 'depopulate':
        depopulate.push([seq, seq]);
        break;
      case 'tlb_flush':
        flush.push([seq, seq]);
        break;
      case 'stale_access':
        stale.push([seq, seq]);
        break;
      case 'oops':
      case 'bug':
      case 'panic':
      case 'stall':
        crash.push([seq, seq]);
        break;
    }
  }
  return [
    ...(complete ? [phases(events, end)] : []),
    ...[...scans]
      .sort(([a], [b]) => a - b)
      .map(([host, mark]): Lane => ({ name: `scan host ${host}`, kind: 'scan', marks: [mark] })),
    ...(complete ? [{ name: 'RCU', kind: 'rcu', marks: rcu } as const] : []),
    { name: 'balance work', kind: 'balance', marks: balance },
    { name: 'depopulation', kind: 'depopulate', marks: depopulate },
    { name: complete ? 'TLB flush' : 'flush after it', kind: 'flush', marks: flush },
    { name: 'stale access', kind: 'stale', marks: stale },
    { name: 'crash', kind: 'crash', marks: crash },
  ];
}

/** Begins a mark that goes on to the end, or ends the last one. */
function lasting(marks: Mark[], begins: boolean, seq: number, end: number): void {
  if (begins) marks.push([seq, end]);
  else if (marks.length > 0) marks.at(-1)![1] = seq;
}

/** How far the boot is. */
function phases(events: readonly KernelEvent[], end: number): Lane {
  const milestones = events.filter((event) => event.type === 'milestone');
  const first = (what: string): number => milestones.find((event) => event.what === what)?.seq ?? -1;
  const scanStarts = milestones.filter(({ what }) => what === 'scan_start');
  const scanEnds = milestones.filter(({ what }) => what === 'scan_end');
  const scanned = scanStarts.length > 0 && scanStarts.length === scanEnds.length;
  const starts: [string, number][] = [
    ['initcalls', 0],
    ['SCSI scan', first('scan_start')],
    ['late initcalls', scanned ? scanEnds.at(-1)!.seq : -1],
    ['root mounted', first('root_mounted')],
    ['init', first('init')],
  ];
  const reached = starts.filter(([, seq]) => seq >= 0);
  return {
    name: 'boot',
    kind: 'phase',
    marks: reached.map(([, seq], i) => [seq, reached[i + 1]?.[1] ?? end]),
    labels: reached.map(([name]) => name),
  };
}

/** Events that a reader will want to look at: numbers, ascending. */
export function moments(events: readonly KernelEvent[]): number[] {
  const victims = new Set<string>();
  return events
    .filter((event) => {
      switch (event.type) {
        case 'milestone':
        case 'depopulate':
        case 'oops':
        case 'bug':
        case 'panic':
        case 'stall':
          return true;
        case 'stale_access': {
          // the first for each page and owner
          const victim = `${event.frame} ${event.owner}`;
          if (victims.has(victim)) return false;
          victims.add(victim);
          return true;
        }
        default:
          return false;
      }
    })
    .map(({ seq }) => seq);
}
