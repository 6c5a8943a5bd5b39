// What `--check` and `explain` share: a boot with the stale-translation checker attached, and what it found as text and data.
import { hexJson, pfnJson } from '../analysis/addresses.js';
import { type Cause, causeOf } from '../analysis/cause.js';
import { StaleChecker, type StaleEvidence } from '../analysis/checker.js';
import { Phrases } from '../analysis/phrases.js';
import { type StaleAccess, staleKind } from '../analysis/stale-access.js';
import { staleReport } from '../analysis/stale-report.js';
import type { BootParts, BootResult } from '../kernel/boot.js';
import type { EventLog } from '../kernel/events.js';
import type { BootStory } from '../report/html/story.js';

/** The chain as data. */
export function causeRecord({ steps, verdict, shown }: Cause): Record<string, unknown> {
  return {
    steps: steps.map(({ seq, between, t, text }) => ({
      seq,
      between,
      microseconds: Math.round(t * 1000) / 1000,
      text,
    })),
    verdict: verdict ?? null,
    shown,
  };
}

export class CheckedBoot {
  /** From `attach` on. */
  checker!: StaleChecker;
  #phrases!: Phrases;
  #pageSize!: number;
  readonly #onReport: ((report: string[]) => void) | undefined;

  /** @param onReport gets the reports, in lines: of the first stale access, and of the first that hits another owner's memory */
  constructor(onReport?: (report: string[]) => void) {
    this.#onReport = onReport;
  }

  /** For BootOptions.attach. */
  readonly attach = (parts: BootParts): void => {
    const { machine, log } = parts;
    this.#pageSize = machine.pageSize;
    this.#phrases = new Phrases(machine.image, log.events);
    const bytes = (at: number, length: number): Uint8Array => machine.bytes(at, length);
    const report = (access: StaleAccess): void =>
      this.#onReport?.(staleReport(access, log.events, this.#phrases, this.#pageSize, bytes));
    this.checker = new StaleChecker(parts, { report });
  };

  /** Why the boot ended as it did. */
  cause({ log }: BootResult): Cause {
    return causeOf(this.checker, log.events, this.#phrases, this.#pageSize);
  }
}

/** What the page of a boot shows of its cause. */
export function storyOf({ access, steps, verdict }: Cause): BootStory {
  return {
    ...(access ? { va: access.va, frame: access.frame, after: access.after } : {}),
    steps: [
      ...steps.map(({ seq, text, between, act }) => ({ seq, text, between, ...(act ? { act } : {}) })),
      ...(verdict ? [{ ...verdict, between: false }] : []),
    ],
  };
}

/** Counts of what the checker saw, as data. */
export function checkRecord({ accesses }: StaleEvidence): Record<string, unknown> {
  const first = accesses[0];
  const bytes = (list: readonly StaleAccess[]): number => list.reduce((sum, access) => sum + access.bytes, 0);
  const elsewhere = accesses.filter(({ victims }) => victims.some(({ kind }) => kind !== 'free'));
  return {
    staleAccesses: accesses.length,
    staleBytes: bytes(accesses),
    othersMemory: elsewhere.length,
    ...(first === undefined
      ? {}
      : {
          first: {
            after: first.after,
            microseconds: Math.round(first.t * 1000) / 1000,
            kind: staleKind(first),
            va: hexJson(first.va),
            frame: pfnJson(first.frame),
            mapped: pfnJson(first.mapped),
          },
        }),
  };
}

/** The same in a line. */
export function checkText(checker: StaleEvidence): string {
  const { staleAccesses, staleBytes, othersMemory } = checkRecord(checker);
  return (
    `${String(staleAccesses)} accesses through stale translations (${String(staleBytes)} bytes), ` +
    `${String(othersMemory)} of them to memory that others had by then`
  );
}

/** The event log, one JSON object a line, with what the checker saw after the events it came after. */
export function logLines(log: EventLog, { accesses, reads }: StaleEvidence): string {
  const found = [
    ...accesses.map((access) => ({ type: 'checker_access', ...access })),
    ...reads.map(({ stale, ...read }) => ({ type: 'checker_read', ...read, stale: accesses.indexOf(stale) })),
  ].sort((a, b) => a.after - b.after || a.t - b.t);
  let text = '';
  let next = 0;
  for (const event of log.events) {
    text += `${JSON.stringify(event)}\n`;
    for (; next < found.length && found[next]!.after === event.seq; next++) text += `${JSON.stringify(found[next])}\n`;
  }
  return text;
}
