// What a log proves: that the kernel places areas as this allocator does, that it does not, or neither.
import { otherKind } from '../files/other-kind.js';
import type { BootGeometry } from './boot-geometry.js';
import type { ReplayInput } from './event-replay.js';
import { ftraceInput } from './ftrace-input.js';
import { isFtrace, parseFtrace } from './ftrace.js';
import { gtInput } from './gt-input.js';
import type { LogEvent } from './gt-log.js';
import { isGtLog, parseGtLog } from './gt-log.js';
import { firstImpossible } from './impossible.js';
import { LogError } from './log-error.js';
import { replayInOrder } from './order-search.js';
import type { SearchedOutcome } from './order-search.js';
import type { Difference } from './outcome.js';
import type { Cut } from './trace-lines.js';

export interface Judgement {
  readonly events: readonly LogEvent[];
  /** Undefined when the log cannot be replayed: it begins too late, or its kernel is not known. */
  readonly replay: { readonly input: ReplayInput; readonly outcome: SearchedOutcome } | undefined;
  /** Where the kernel does otherwise. */
  readonly difference: Difference | undefined;
  /** From which line on nothing can be told, and why. Not with a difference, which is proven then. */
  readonly undecidable: { readonly line: number; readonly why: string } | undefined;
}

const NOT_IN_THE_TRACE =
  'here the replay differs, but the trace does not have what was allocated before it begins, or when the background work ran';

/** Recordings that only their own programs read. */
const BINARY: ReadonlyArray<{ magic: RegExp; what: string; how: string }> = [
  // eslint-disable-next-line no-control-regex
  { magic: /^\x17\x08Dtracing/, what: "trace-cmd's trace.dat", how: 'trace-cmd report -i FILE' },
  { magic: /^(?:PERFILE2|2ELIFREP)/, what: "perf's perf.data", how: 'perf script -i FILE' },
];

/**
 * Reads a log of any kind and replays it.
 * @param name of the log, for messages
 * @param given what the user says of the kernel's geometry
 * @param progress told the line of every difference that is being settled
 * @throws LogError "file:line: what is wrong"
 */
export function judge(
  text: string,
  name: string,
  given: BootGeometry = {},
  progress: (line: number) => void = () => {},
): Judgement {
  if (isGtLog(text)) {
    const input = gtInput(parseGtLog(text, name));
    const outcome = replayInOrder(input, progress);
    return { events: input.events, replay: { input, outcome }, difference: outcome.difference, undecidable: undefined };
  }
  const binary = BINARY.find(({ magic }) => magic.test(text));
  if (binary !== undefined) throw new LogError(name, 1, `${binary.what}: print it as text first: ${binary.how}`);
  if (!isFtrace(text)) {
    const what = 'neither a per-CPU event log ("# percpu event log: ...") nor a trace of percpu events';
    throw new LogError(name, 1, what + otherKind(text, 'replay'));
  }
  const trace = parseFtrace(text, name);
  const { events } = trace;
  let input: ReplayInput;
  try {
    input = ftraceInput(trace, name, given);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    // No replay; the log by itself may prove something all the same.
    const difference = firstImpossible(events);
    if (difference === undefined && trace.cut !== undefined) throw new LogError(name, trace.cut.line, trace.cut.what);
    if (difference === undefined) throw error;
    return { events, replay: undefined, difference, undecidable: undefined };
  }
  const outcome = replayInOrder(input, progress);
  const replay = { input, outcome };
  const found = outcome.difference;
  const difference = found?.proven === true ? found : found && firstImpossible(events);
  if (difference !== undefined) return { events, replay, difference, undecidable: undefined };
  const undecidable = found !== undefined ? { line: found.line, why: NOT_IN_THE_TRACE } : cutReason(trace.cut);
  return { events, replay, difference, undecidable };
}

function cutReason(cut: Cut | undefined): { line: number; why: string } | undefined {
  return cut === undefined ? undefined : { line: cut.line, why: cut.what };
}
