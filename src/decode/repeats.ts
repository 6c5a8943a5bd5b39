// Blocks that are in the file twice: a mail that quotes the log, a console that prints it again, the same log pasted once more.
import type { CrashReport } from './crash-report.js';

/** Registers that a quoted dump must have in common with one that is not quoted, where no time says that they are the same. */
const REGISTERS = 8;

/**
 * Takes out the repeats; of two copies the one that has more stays. Reports of different boots are none.
 * @param boots first lines of boots that the log tells apart, ascending
 */
export function withoutRepeats(reports: readonly CrashReport[], boots: readonly number[]): CrashReport[] {
  const kept: CrashReport[] = [];
  for (const report of reports) {
    const start = boots.findLast((line) => line <= report.line) ?? 0;
    const at = kept.findIndex((earlier) => earlier.line >= start && isRepeat(earlier, report));
    if (at < 0) kept.push(report);
    else if (fields(report) > fields(kept[at]!)) kept[at] = report;
  }
  return kept;
}

function isRepeat(a: CrashReport, b: CrashReport): boolean {
  if (a.kind !== b.kind || a.headline !== b.headline || a.time !== b.time || a.isTangled || b.isTangled) return false;
  const same = (x: unknown, y: unknown) => x === undefined || y === undefined || x === y;
  if (!same(a.number, b.number) || !same(a.cpu, b.cpu) || !same(a.pid, b.pid)) return false;
  for (const field of ['epc', 'ra', 'badva', 'exccode', 'process'] as const)
    if (!same(a[field]?.value, b[field]?.value)) return false;
  const common = [...a.registers].filter(([name]) => b.registers.has(name));
  if (common.some(([name, value]) => b.registers.get(name) !== value)) return false;
  // A kernel prints no two headlines in one microsecond; the stamps of old ones are hundredths of a second.
  return /[1-9]/.test(a.time.slice(-4)) || (a.quoted !== b.quoted && common.length >= REGISTERS);
}

function fields({ registers, callTrace, epcSymbol, process }: CrashReport): number {
  return registers.size + callTrace.length + (epcSymbol === undefined ? 0 : 1) + (process === undefined ? 0 : 1);
}
