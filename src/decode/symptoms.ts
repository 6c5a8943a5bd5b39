// The signs of trouble in a kernel log, counted by kind in the order they first appear.
import type { LogLine } from './line.js';

/** Signs that say by themselves that something went wrong. */
export type Symptom =
  | 'unable_paging'
  | 'unaligned'
  | 'bus_error'
  | 'exception'
  | 'kernel_bug'
  | 'bug_spinlock'
  | 'bad_page'
  | 'list_corruption'
  | 'bug_other'
  | 'warning'
  | 'soft_lockup'
  | 'rcu_stall'
  | 'hung_task'
  | 'panic'
  | 'segv_init';

/** Lines worth counting that a healthy log has too. */
export type Trace = 'percpu_ref' | 'gt_stale';

const PAGE_FAULT =
  /Unable to handle kernel (?:paging request|NULL pointer)|BUG: kernel NULL pointer|BUG: unable to handle/;

const SYMPTOMS: ReadonlyArray<readonly [Symptom | Trace, RegExp]> = [
  ['unable_paging', PAGE_FAULT],
  ['unaligned', /[Uu]nhandled kernel unaligned access|Kernel unaligned instruction access/],
  ['bus_error', /(?:Data|Instruction) bus error, epc/],
  [
    'exception',
    /(?:Reserved instruction in|Break instruction in|Trap instruction in|FP exception in) kernel code|general protection fault|divide error: /,
  ],
  ['kernel_bug', /Kernel bug detected\[#|kernel BUG at /],
  ['bug_spinlock', /BUG: (?:spinlock|rwlock) /],
  ['bad_page', /BUG: Bad page /],
  ['list_corruption', /list_(?:add|del) corruption/],
  ['bug_other', /BUG:/],
  ['warning', /WARNING: (?:CPU: \d|at |possible |suspicious |inconsistent |bad unlock|held lock|stack )/],
  ['soft_lockup', /BUG: soft lockup|hard LOCKUP/i],
  ['rcu_stall', /detected (?:expedited )?stalls? on /],
  ['hung_task', /INFO: task .{1,40} blocked for more than/],
  ['panic', /Kernel panic - not syncing/],
  ['segv_init', /Attempted to kill init!/],
  ['percpu_ref', /percpu_ref/],
  ['gt_stale', /GT STALE/],
];

/** True of every line that SYMPTOMS can match: most lines of a log need no more than this. */
const ANY =
  /bus error|in kernel code|protection fault|divide error|Unable to|nhandled|unaligned|[Bb]ug det|BUG|list_(?:add|del) c|WARNING|LOCKUP|lockup|detected|blocked for|panic|kill init|percpu_ref|STALE/;

/** Kinds of BUG: that have a name of their own. */
const NAMED_BUG = /BUG: (?:spinlock|rwlock|Bad page|kernel NULL|unable to handle|soft lockup)/;

export function isTrace(kind: Symptom | Trace): kind is Trace {
  return kind === 'percpu_ref' || kind === 'gt_stale';
}

/** Counts the lines of each kind. */
export class SymptomCounts {
  /** In the order of first appearance. */
  readonly counts = new Map<Symptom | Trace, number>();
  /** First line with a symptom (not a trace). */
  first: { readonly kind: Symptom; readonly line: LogLine } | undefined;

  add(line: LogLine): void {
    if (!ANY.test(line.text)) return;
    for (const [kind, pattern] of SYMPTOMS) {
      if (!pattern.test(line.text)) continue;
      if (kind === 'bug_other' && NAMED_BUG.test(line.text)) continue;
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      if (this.first === undefined && !isTrace(kind)) this.first = { kind, line };
    }
  }

  count(kind: Symptom | Trace): number {
    return this.counts.get(kind) ?? 0;
  }
}
