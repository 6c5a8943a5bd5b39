// `--without-flush`: the one call that the fix of the reported crash came down to is taken out of mm/percpu.c again.
import { UsageError } from '../errors.js';

const FUNCTION = 'pcpu_reclaim_populated';
const CALL = 'pcpu_post_unmap_tlb_flush';

export const WITHOUT_FLUSH = `the call of ${CALL}() in ${FUNCTION}() of mm/percpu.c is left out`;

/** `source` (mm/percpu.c) without that call. @throws UsageError when there is not exactly one */
export function withoutFlush(source: string): string {
  const start = new RegExp(`^static \\w+ ${FUNCTION}\\(`, 'm').exec(source)?.index;
  const end = start === undefined ? -1 : source.indexOf('\n}\n', start);
  if (start === undefined || end < 0)
    throw new UsageError(`mm/percpu.c has no ${FUNCTION}(): this kernel does not depopulate per-CPU chunks`);
  const body = source.slice(start, end);
  const calls = [...body.matchAll(new RegExp(`\\b${CALL}\\([^;]*\\);`, 'g'))];
  if (calls.length !== 1)
    throw new UsageError(
      `mm/percpu.c: ${FUNCTION}() calls ${CALL}() ${calls.length} times instead of once: this kernel is another one`,
    );
  const at = start + calls[0]!.index;
  return `${source.slice(0, at)};${source.slice(at + calls[0]![0].length)}`;
}
