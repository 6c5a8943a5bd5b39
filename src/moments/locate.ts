// Where a moment lies in a run: the number of instructions that have started by then. A run of its own finds it, and ends there.
import { StaleChecker } from '../analysis/checker.js';
import { UsageError } from '../errors.js';
import { FaultWatch } from './fault-watch.js';
import { type Moment, momentText } from './moment.js';
import type { Rerun, Subject } from './subject.js';

/** Comes out of a run that has shown what it was made for. */
class Found extends Error {
  override readonly name = 'Found';
  readonly position: number;

  constructor(position: number) {
    super(`found at instruction ${position}`);
    this.position = position;
  }
}

/** @returns the position @throws UsageError when the run has no such moment, or the guest's kernel does not show it */
export function locate(rerun: Rerun<unknown>, moment: Moment): number {
  if (moment.kind === 'insn') return moment.number;
  let counted = () => '';
  try {
    rerun.run(
      (attached) => {
        counted = watch(attached, moment);
      },
      moment.kind === 'pc' || moment.kind === 'oops',
      moment.kind === 'stale' || moment.kind === 'foreign',
    );
  } catch (error) {
    if (error instanceof Found) return error.position;
    throw error;
  }
  throw new UsageError(`there is no moment '${momentText(moment)}': ${counted()}`);
}

/** Throws Found in the run when the moment comes. @returns what to say when it did not */
function watch(subject: Subject, moment: Exclude<Moment, { kind: 'insn' }>): () => string {
  switch (moment.kind) {
    case 'pc':
      return watchPlace(subject, moment.place, moment.nth);
    case 'event':
      return watchEvent(subject, moment.number);
    case 'time':
      return watchTime(subject, moment.us);
    case 'oops':
      return watchOops(subject, moment.nth);
    default:
      return watchStale(subject, moment);
  }
}

/** The address of `SYMBOL`, `SYMBOL+0x10` or `0x80101234`. @throws UsageError for an unknown name */
export function placeAddress({ names }: Subject, place: string): number {
  const [, name, offset] = /^(.*?)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(place)!;
  if (/^(0x)?[0-9a-f]{8}$/i.test(name!)) return parseInt(name!.replace(/^0x/i, ''), 16) + Number(offset ?? 0);
  if (!names.has(name!)) throw new UsageError(`the kernel has no symbol '${name}'`);
  return (names.address(name!) + Number(offset ?? 0)) >>> 0;
}

function watchPlace(subject: Subject, place: string, nth: number): () => string {
  const { cpu } = subject;
  const address = placeAddress(subject, place);
  if (address % 4 !== 0) throw new UsageError(`pc ${place}: instructions lie at multiples of 4`);
  let times = 0;
  cpu.stops.add(address);
  cpu.stops.onStop = (pc) => {
    if (pc === address && ++times === nth) throw new Found(cpu.instructions);
  };
  return () => (times === 0 ? 'it never runs' : `it runs ${times} ${times === 1 ? 'time' : 'times'}`);
}

const NOT_OURS = 'known for boots of our own guest only';

function watchEvent({ cpu, boot }: Subject, number: number): () => string {
  if (!boot) throw new UsageError(`event ${number}: events are ${NOT_OURS}`);
  const { log } = boot;
  if (number < log.events.length) throw new Found(0);
  const next = log.onEvent;
  log.onEvent = (event) => {
    next?.(event);
    if (event.seq === number) throw new Found(cpu.instructions);
  };
  return () => `the last event is ${log.events.length - 1}`;
}

function watchTime(subject: Subject, us: number): () => string {
  const { cpu, boot } = subject;
  const check = (): void => {
    if (subject.now() >= us) throw new Found(cpu.instructions);
  };
  check();
  const ends = (): string => `the run ends at ${(subject.now() / 1e6).toFixed(6)} s`;
  if (subject.run) {
    const { timers } = subject.run.machine.board;
    timers.at(Math.ceil(us * 1000), check);
    return ends;
  }
  if (!boot) throw new UsageError(`time: ${NOT_OURS}`);
  // time passes in host calls only
  const { board } = boot.machine;
  const ring = board.onDoorbell;
  board.onDoorbell = (call) => {
    ring(call);
    check();
  };
  return ends;
}

function watchOops(subject: Subject, nth: number): () => string {
  const { boot, cpu } = subject;
  const faults = new FaultWatch(subject);
  let seen = 0;
  const counted = (): string =>
    seen === 0 ? 'the run has no oops' : `the run has ${seen} oops${seen === 1 ? '' : 'es'}`;
  const found = (position: number | undefined): void => {
    if (++seen === nth && position !== undefined) throw new Found(position);
  };
  if (!boot) {
    if (faults.die === undefined)
      throw new UsageError('oops: it is known by the symbol die, which this kernel does not have');
    cpu.stops.add(faults.die);
    cpu.stops.onStop = (pc) => void (pc === faults.die && found(faults.positionAtDie()));
    return counted;
  }
  const { log } = boot;
  const next = log.onEvent;
  log.onEvent = (event) => {
    next?.(event);
    if (event.type === 'oops') found(faults.position(event.epc));
  };
  return counted;
}

function watchStale({ cpu, boot }: Subject, moment: Moment & { kind: 'stale' | 'foreign' }): () => string {
  let seen = 0;
  const accesses = (): string =>
    seen === 0
      ? 'no access goes through a stale translation'
      : `${seen} ${seen === 1 ? 'access goes' : 'accesses go'} through stale translations`;
  if (!boot) {
    const { translations } = cpu;
    if (moment.kind === 'foreign') throw new UsageError(`foreign: ${NOT_OURS}`);
    if (!translations) throw new UsageError('stale: translations are checked on the fast path only');
    translations.onAccess = (finding) => {
      if (finding.kind.startsWith('stale') && ++seen === moment.nth) throw new Found(finding.instruction - 1);
    };
    return accesses;
  }
  new StaleChecker(boot, {
    onAccess: ({ victims }) => {
      seen++;
      const wanted = moment.kind === 'stale' ? seen === moment.nth : victims[0]!.kind !== 'free';
      if (wanted) throw new Found(cpu.instructions - 1);
    },
  });
  return () => accesses() + (moment.kind === 'foreign' && seen > 0 ? ', none of them to memory that has an owner' : '');
}
