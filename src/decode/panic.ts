// The kernel's last words: panic() of 2.4 to today.

/** What may stand in front of the words where no rule and no neighbour explains it: one token like `kmsg|`, but no mail header. */
const HEAD = '^(?:(?!(?:Subject|Re|Fwd|Title|Summary|Bug|Note|e\\.g\\.):)\\S{1,40}[:>|\\])] ?)?';
const PANIC = new RegExp(`${HEAD}Kernel panic(?: - not syncing)?(?::\\s*(.*))?$`);
const PANIC_END = /^-{1,3}\[ end Kernel panic(?: - not syncing)?: (.*)$/;

export interface PanicLine {
  /** The reason, empty when the line lacks it. */
  readonly reason: string;
  /** The line that repeats it at the end of a panic (since 4.0). */
  readonly isEnd: boolean;
}

/** Reads a line of a panic; undefined for any other line. */
export function readPanic(line: string): PanicLine | undefined {
  if (!line.includes('Kernel panic')) return undefined;
  const text = line.trim();
  const end = PANIC_END.exec(text);
  if (end !== null) return { reason: end[1].replace(/ ?\]-{1,3}$/, '').trim(), isEnd: true };
  const match = PANIC.exec(text);
  return match === null ? undefined : { reason: (match[1] ?? '').replace(/ ?\]-{1,3}$/, '').trim(), isEnd: false };
}

/** As fieldsOf of a dump line; an exit code is the one part of a reason that can be told to be whole. */
export function panicFields(text: string): number {
  const panic = readPanic(text);
  if (panic === undefined) return 0;
  const isClosed = panic.isEnd && /\]-{3}$/.test(text.trim());
  return 1 + (/exitcode=0x[0-9a-f]{8}/.test(panic.reason) ? 1 : 0) + (isClosed ? 1 : 0);
}
