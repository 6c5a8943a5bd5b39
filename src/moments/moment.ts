// A moment of a run, as `--at` and gdb's `monitor goto` name it.
import { UsageError } from '../errors.js';

export type Moment =
  /** Before the instruction that starts when so many have. */
  | { kind: 'insn'; number: number }
  /** Behind the instruction in which the event of that number happened. */
  | { kind: 'event'; number: number }
  /** The first instruction at that simulated time or later; microseconds. */
  | { kind: 'time'; us: number }
  /** Before an instruction, when it is about to run for the n-th time; n counts from 1. */
  | { kind: 'pc'; place: string; nth: number }
  /** Before the n-th access through a stale translation, as the checker counts them, from 1. */
  | { kind: 'stale'; nth: number }
  /** Before the first of those that hits memory that has an owner. */
  | { kind: 'foreign' }
  /** Before the instruction at fault of the n-th oops, or the jump that led nowhere; n counts from 1. */
  | { kind: 'oops'; nth: number };

/** What moments look like, for `--help` and errors. */
export const MOMENT_FORMS = 'stale[:N], foreign, oops[:N], event N, insn N, pc SYMBOL[+OFFSET][:N], time SECONDS';

const NUMBER = /^(?:\d+|0x[0-9a-f]+)$/i;

/** @throws UsageError for anything else */
export function parseMoment(text: string): Moment {
  const bad = (): UsageError => new UsageError(`'${text}' is no moment: need one of ${MOMENT_FORMS}`);
  const words = text.trim().split(/\s+/);
  const [, name = '', suffix] = /^([a-z]+)(?::(\d+))?$/.exec(words[0]!) ?? [];
  const nth = suffix === undefined ? 1 : Number(suffix);
  const argument = words[1] ?? '';
  const whole = (): number => {
    if (!NUMBER.test(argument) || !Number.isSafeInteger(Number(argument))) throw bad();
    return Number(argument);
  };
  if (words.length > 2 || nth < 1 || !Number.isSafeInteger(nth)) throw bad();
  if (words.length === 1) {
    if (name === 'stale' || name === 'oops') return { kind: name, nth };
    if (name === 'foreign' && suffix === undefined) return { kind: 'foreign' };
    throw bad();
  }
  if (suffix !== undefined) throw bad();
  switch (name) {
    case 'event':
    case 'insn':
      return { kind: name, number: whole() };
    case 'time': {
      const seconds = Number(argument);
      if (!/^\d*\.?\d+$/.test(argument) || !Number.isFinite(seconds)) throw bad();
      return { kind: 'time', us: seconds * 1e6 };
    }
    case 'pc': {
      const [, place, times] = /^([^:]+)(?::(\d+))?$/.exec(argument) ?? [];
      if (place === undefined || times === '0') throw bad();
      return { kind: 'pc', place, nth: times === undefined ? 1 : Number(times) };
    }
    default:
      throw bad();
  }
}

/** The moment as `parseMoment` takes it. */
export function momentText(moment: Moment): string {
  const times = (nth: number): string => (nth === 1 ? '' : `:${nth}`);
  switch (moment.kind) {
    case 'insn':
    case 'event':
      return `${moment.kind} ${moment.number}`;
    case 'time':
      return `time ${moment.us / 1e6}`;
    case 'pc':
      return `pc ${moment.place}${times(moment.nth)}`;
    case 'foreign':
      return 'foreign';
    default:
      return `${moment.kind}${times(moment.nth)}`;
  }
}
