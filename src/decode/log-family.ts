// The family of a whole boot: of its first oops, or else of what it complained of before it stopped.
import type { FirstSymptom, LogFamily } from './console.js';
import type { CrashReport, Found } from './crash-report.js';
import { complaintFamily, oopsFamily } from './families.js';
import type { LogLine } from './line.js';
import type { UserFault } from './user-fault.js';

export interface BootEvidence {
  readonly reports: readonly CrashReport[];
  readonly panic: Found | undefined;
  /** The kernel's last line. */
  readonly last: LogLine | undefined;
  readonly initFault: UserFault | undefined;
  readonly first: FirstSymptom;
}

export function logFamily({ reports, panic, last, initFault, first }: BootEvidence): LogFamily {
  const oops = reports.find(({ kind }) => kind === 'oops');
  if (oops !== undefined) return { ...oopsFamily(oops), report: oops };
  // What follows a panic (a warning from stopping the other CPUs) says nothing of its cause.
  const beforePanic = reports.filter(({ line }) => panic === undefined || line < panic.line);
  for (const report of beforePanic) {
    const family = report.kind === 'lockup' ? undefined : complaintFamily(report);
    if (family !== undefined) return { ...family, report };
  }
  return withoutObject(beforePanic, panic, last, initFault, first);
}

function withoutObject(
  reports: readonly CrashReport[],
  panic: Found | undefined,
  last: LogLine | undefined,
  initFault: UserFault | undefined,
  first: FirstSymptom,
): LogFamily {
  const lastWords = {
    value: `the last line of the log${last?.time ? `, at ${last.time} s` : ''}: ${last?.text.trim() ?? ''}`,
    line: last?.number ?? 0,
  };
  const family = (name: string, zeroed: string, reasons: Found[], report?: CrashReport): LogFamily => ({
    name,
    zeroed,
    reasons,
    report,
  });
  if (panic !== undefined) {
    if (/Unable to mount root/.test(panic.value))
      return family('root-device-missing', 'Unknown: the root disk never appeared.', [panic]);
    if (/Machine Check/.test(panic.value))
      return family('machine-check', 'Unknown: the CPU found its state inconsistent.', [panic]);
    if (initFault !== undefined)
      return family('init-killed', 'Unknown: init died of a signal, and the kernel cannot go on without it.', [
        { value: initFault.headline, line: initFault.line },
        panic,
      ]);
    return family('panic', 'Unknown: the kernel gave up without an oops.', [panic]);
  }
  const lockup = reports.find(({ kind }) => kind === 'lockup');
  if (lockup !== undefined) {
    const reasons = [{ value: lockup.headline, line: lockup.line }];
    const epc = lockup.epcSymbol ?? lockup.epc;
    if (epc !== undefined) reasons.push({ value: `it runs in ${epc.value}`, line: epc.line });
    return family('lockup', 'Unknown: a task loops or waits for what never comes.', reasons, lockup);
  }
  const complaint = reports[0];
  if (complaint !== undefined)
    return family('warning', 'Unknown object.', [{ value: complaint.headline, line: complaint.line }], complaint);
  if (first === 'artefact_rtc_calibration_stall')
    return family('clock-calibration-stall', "Nothing: QEMU's clock never ticked, before any per-CPU page was freed.", [
      lastWords,
    ]);
  if (first === 'pure_stall') return family('stall', 'Unknown: the boot stopped without a word.', [lastWords]);
  return family('complaint', 'Unknown: of the report no more than its headline is in the log.', [lastWords]);
}
