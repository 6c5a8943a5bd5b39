// The signs of trouble in a kernel log, counted by kind in the order they first appear.
import type { LogLine } from './line.js';
import { readPanic } from './panic.js';

/** Signs that say by themselves that something went wrong. */
export type Symptom =
  | 'unable_paging'
  | 'unaligned'
  | 'bus_error'
  | 'exception'
  | 'machine_check'
  | 'cache_error'
  | 'kernel_bug'
  | 'bug_spinlock'
  | 'bad_page'
  | 'list_corruption'
  | 'kasan'
  | 'slab'
  | 'bug_other'
  | 'ubsan'
  | 'lockdep'
  | 'warning'
  | 'soft_lockup'
  | 'rcu_stall'
  | 'hung_task'
  | 'panic'
  | 'segv_init';

/** Lines worth counting that a healthy log has too. */
export type Trace = 'percpu_ref' | 'gt_stale';

const CPU = '(?:[Cc][Pp][Uu] ?\\d{1,5}:? )?';
/** Words that a subsystem puts in front of its messages: `watchdog: `, `NMI watchdog: `, `rcu: `. */
const SUBSYSTEM = '(?!(?:Subject|Re|Fwd|Title|Summary): )(?:[\\w .#-]{1,24}: ){0,2}';
const starts = (pattern: string): RegExp => new RegExp(`^${pattern}`);

/** The kernel's words must start the line: prose that quotes them is no symptom. */
const SYMPTOMS: ReadonlyArray<readonly [Symptom | Trace, RegExp]> = [
  [
    'unable_paging',
    starts(
      `(?!.*\\b(?:address|addr)\\s+(?!(?:0x)?[0-9a-f]{1,16}\\b|space\\b|\\()\\S)(?:${CPU}Unable to handle kernel (?:paging request|NULL pointer|access|read|write|pointer deref)|${SUBSYSTEM}BUG: (?:kernel NULL pointer|unable to handle|Kernel NULL pointer))|.{0,200}Unable to handle kernel paging request at (?:virtual )?address [0-9a-f]{8,16}, epc == `,
    ),
  ],
  [
    'unaligned',
    starts(`${CPU}(?:[Uu]nhandled kernel unaligned access|Kernel unaligned instruction access).{0,40}?(?:\\[#| in )`),
  ],
  ['bus_error', starts('(?:Data|Instruction) bus error, epc')],
  [
    'exception',
    /^(?!Oops|Kernel bug|Unhandled kernel una|Kernel una|BUG|Internal error)[A-Za-z][^"[\]]{2,79}\[#\d{1,5}\]:$|^(?:Reserved instruction in|Break instruction in|Trap instruction in|FP exception in) kernel code in |^(?:traps: )?general protection fault|^divide error: /,
  ],
  [
    'machine_check',
    /^(?:Got mcheck at [0-9a-f]{8}|Caught Machine Check exception|(?:Got )?machine check (?:at|exception))/i,
  ],
  ['cache_error', starts('(?:Cache|FTLB) error exception\\b')],
  ['kernel_bug', starts('(?:Kernel bug detected\\[#|kernel BUG at )')],
  ['bug_spinlock', starts(`${SUBSYSTEM}BUG: (?:spinlock|rwlock) `)],
  ['bad_page', starts(`${SUBSYSTEM}BUG: Bad page `)],
  ['list_corruption', starts(`${SUBSYSTEM}list_(?:add|del) corruption`)],
  ['kasan', starts(`${SUBSYSTEM}BUG: (?:KASAN|KFENCE|KMSAN|KCSAN):? `)],
  ['slab', /^BUG \S{1,40} \((?:Not tainted|Tainted)[^)]{0,40}\): |^Slab corruption|^slab error in /],
  ['bug_other', starts(`(?:${SUBSYSTEM}\\[?BUG|ODEBUG):`)],
  ['ubsan', /^UBSAN: /],
  [
    'lockdep',
    /^(?:\[ )?INFO: (?:possible (?:recursive|circular|irq)|inconsistent lock|trying to register non-static|suspicious RCU)/,
  ],
  [
    'warning',
    /^(?:-+\[ ?)?WARNING: (?:CPU: \d|at |possible |suspicious |inconsistent |bad unlock|held lock|lock held|stack |Nested |(?:\[.{1,200}\] )?\S{1,200}:\d{1,6} at )|^Badness (?:in|at) /,
  ],
  ['soft_lockup', starts(`${SUBSYSTEM}(?:BUG: soft lockup|Watchdog detected hard LOCKUP|BUG: workqueue lockup)`)],
  ['rcu_stall', starts(`${SUBSYSTEM}\\S{1,24} (?:self-)?detected (?:expedited )?stalls? on `)],
  ['hung_task', starts(`${SUBSYSTEM}(?:INFO: )?task .{1,64} blocked for more than`)],
  ['percpu_ref', /percpu_ref/],
  ['gt_stale', /GT STALE/],
];

/** True of every line that SYMPTOMS can match: most lines of a log need no more than this. */
const ANY =
  /bus error|error exception|\[#|kernel code|protection fault|divide error|Unable to|nhandled|unaligned|[Bb]ug det|BUG|list_(?:add|del) c|WARNING|Badness|UBSAN|INFO: |LOCKUP|lockup|detected|blocked for|panic|mcheck|achine [Cc]heck|[Ss]lab|percpu_ref|STALE/;

/** Kinds of BUG: that have a name of their own. */
const NAMED_BUG =
  /BUG: (?:spinlock|rwlock|Bad page|kernel NULL|Kernel NULL|unable to handle|soft lockup|workqueue lockup|KASAN|KFENCE|KMSAN|KCSAN)/;

export function isTrace(kind: Symptom | Trace): kind is Trace {
  return kind === 'percpu_ref' || kind === 'gt_stale';
}

/** The kinds that a line shows. */
export function symptomsOf(line: string): Array<Symptom | Trace> {
  if (!ANY.test(line)) return [];
  const text = line.trim();
  const kinds: Array<Symptom | Trace> = [];
  for (const [kind, pattern] of SYMPTOMS)
    if (pattern.test(text) && !(kind === 'bug_other' && NAMED_BUG.test(text))) kinds.push(kind);
  const panic = readPanic(text);
  if (panic === undefined) return kinds;
  kinds.push('panic');
  if (panic.reason.includes('Attempted to kill init')) kinds.push('segv_init');
  return kinds;
}

/** Counts the lines of each kind. */
export class SymptomCounts {
  /** In the order of first appearance. */
  readonly counts = new Map<Symptom | Trace, number>();
  /** First line with a symptom (not a trace). */
  first: { readonly kind: Symptom; readonly line: LogLine } | undefined;

  add(kind: Symptom | Trace, line: LogLine): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    if (this.first === undefined && !isTrace(kind)) this.first = { kind, line };
  }

  /** Adds what was counted later in the log. */
  append(later: SymptomCounts): void {
    for (const [kind, count] of later.counts) this.counts.set(kind, (this.counts.get(kind) ?? 0) + count);
    this.first ??= later.first;
  }

  count(kind: Symptom | Trace): number {
    return this.counts.get(kind) ?? 0;
  }
}
