// Where one boot ends and the next begins in a log that holds several.
//
// `Linux version` says so. Logs of which that line was cut off say it by what cannot happen twice in a boot: an oops number that was
// there already, another build of the kernel, anything but last words after a panic.
import type { CrashReport, Found } from './crash-report.js';
import type { LogLine } from './line.js';
import { SymptomCounts } from './symptoms.js';

/** A piece of a log that lies within one boot. */
export class Stretch {
  /** Counted apart: lines with stamps or prefixes, and those without. */
  readonly marked = new SymptomCounts();
  readonly unmarked = new SymptomCounts();
  readonly start: number;
  /** A boot begins with it, rather than it may. */
  isBootStart: boolean;
  hasVersion = false;
  isMalta = false;
  clockKnown = false;
  /** First line of user space. */
  userSpace: number | undefined;
  off = false;
  login = false;
  panic: Found | undefined;
  panicTime = '';
  last: LogLine | undefined;

  constructor(start: number, isBootStart = false) {
    this.start = start;
    this.isBootStart = isBootStart;
  }

  /** Takes the following stretch of the same boot. */
  append(next: Stretch): void {
    this.marked.append(next.marked);
    this.unmarked.append(next.unmarked);
    this.hasVersion ||= next.hasVersion;
    this.isMalta ||= next.isMalta;
    this.clockKnown ||= next.clockKnown;
    this.userSpace ??= next.userSpace;
    this.off ||= next.off;
    this.login = next.last === undefined ? this.login || next.login : next.login;
    this.panic ??= next.panic;
    this.last = next.last ?? this.last;
  }
}

/** Lines that a kernel prints after it panicked. */
const LAST_WORDS =
  /^(?:-{1,3}\[ |Rebooting in|CPU: \d|Call Trace|Hardware name|Kernel Offset|SMP: |smp: |reboot: |Press |\[<|\$ ?\d|epc|ra |Status|Cause|BadVA|PrId|Hi|Lo|Stack|Code|Process|Modules|WARNING: |Tainted|Workqueue|\.\.\.|Dumping ftrace|\(ftrace|kdump|crash|sched: |watchdog: |rcu: |\s*$)/;

/** True of a line that no kernel prints any more once it has panicked. */
export function isBeyondPanic(text: string): boolean {
  return !LAST_WORDS.test(text.trim());
}

/** Marks the stretches in which a new boot begins, as the crashes prove. @param reports in the order of their lines */
export function markBootStarts(stretches: readonly Stretch[], reports: readonly CrashReport[]): void {
  let numbered: CrashReport | undefined;
  let named: CrashReport | undefined;
  // In the order of the dumps: two CPUs' headlines may come in the other.
  for (const report of reports.toSorted((a, b) => a.lastLine - b.lastLine)) {
    // The kernel counts its oopses, and one boot has one kernel.
    if (numbered !== undefined && report.number !== undefined && report.number <= numbered.number!)
      markBetween(stretches, numbered, report);
    const counts = numbered !== undefined && report.number !== undefined && report.number > numbered.number!;
    if (!counts && named !== undefined && report.release !== undefined && isOther(report.release, named.release!))
      markBetween(stretches, named, report);
    if (report.number !== undefined) numbered = report;
    if (report.release !== undefined) named = report;
  }
  for (const [i, stretch] of stretches.entries()) {
    // A kernel dies once.
    const earlier = stretches
      .slice(0, i)
      .findLast(({ isBootStart, panic }) => isBootStart || panic !== undefined)?.panic;
    if (earlier !== undefined && stretch.panic !== undefined && stretch.panic.value !== earlier.value)
      stretch.isBootStart = true;
  }
}

/** A name that was cut short is no other. */
function isOther(release: string, before: string): boolean {
  return !release.startsWith(before) && !before.startsWith(release);
}

/** Of the places between two crashes at which a boot may begin, behind a panic the first, else the first behind the earlier crash. */
function markBetween(stretches: readonly Stretch[], before: CrashReport, report: CrashReport): void {
  const between = stretches.filter(({ start }) => start > before.line && start <= report.line);
  if (between.some(({ isBootStart }) => isBootStart)) return;
  const afterPanic = between.find((stretch) => {
    const previous = stretches[stretches.indexOf(stretch) - 1];
    return previous?.panic !== undefined;
  });
  const start = afterPanic ?? between.find(({ start: at }) => at > before.lastLine) ?? between.at(-1);
  if (start !== undefined) start.isBootStart = true;
}

/** The boots: stretches put together. */
export function bootsOf(stretches: readonly Stretch[]): Stretch[] {
  const boots: Stretch[] = [];
  for (const stretch of stretches) {
    const last = boots.at(-1);
    // What a boot loader says, or the mail around a log, is no boot of its own.
    if (last !== undefined && last.last === undefined && boots.length === 1) boots[0] = stretch;
    else if (last === undefined || stretch.isBootStart) boots.push(stretch);
    else last.append(stretch);
  }
  return boots;
}
