// How a stale translation came about, from a second run up to the same instruction: runs are deterministic, so the words that matter are known
// before it starts. Who changed the page table entry, who wrote to the frame by another address, which flushes ran.
import type { Finding } from '../../emu/mips/translation-checker.js';
import type { GuestNames, NamedRange } from '../linux/guest-names.js';
import { KernelRun, type KernelRunOptions } from './kernel-run.js';
import { guestTrace } from './guest-trace.js';

/** A store that was seen, with the calls that led to it. */
export interface SeenStore {
  readonly instruction: number;
  readonly time: number;
  readonly pc: number;
  readonly physical: number;
  readonly size: number;
  readonly before: number;
  readonly value: number;
  readonly trace: readonly number[];
}

/** A call of one of the kernel's flush functions. */
export interface SeenFlush {
  readonly instruction: number;
  readonly time: number;
  readonly name: string;
  readonly args: readonly number[];
  readonly trace: readonly number[];
}

export interface FindingHistory {
  /** Changes of the words that the entry was made from, since it was written. */
  readonly changes: readonly SeenStore[];
  /** The last store to the frame by another address (kseg0) since the entry's words changed. */
  readonly frameStore: SeenStore | undefined;
  /** The last call of one before them. */
  readonly flushBefore: SeenFlush | undefined;
  /** Calls of flush functions since the first of those changes; undefined for a kernel without names for them. */
  readonly flushes: readonly SeenFlush[] | undefined;
}

/** Linux's functions that take entries out of the TLB (arch/mips/mm/tlb-r4k.c). */
const LINUX_FLUSHES = /^(local_)?flush_tlb_(all|mm|range|kernel_range|page|one)$/;
/** As other kernels call theirs. */
const OTHER_FLUSHES = /^tlb_(flush|invalidate|inval|purge)(_\w+)?$/;

/** A kernel's functions that take entries out of the TLB, by name. */
export function flushFunctions(names: GuestNames): NamedRange[] {
  const linux = names.functions(LINUX_FLUSHES);
  return linux.length > 0 ? linux : names.functions(OTHER_FLUSHES);
}
const LINE = 4096;

/** Runs again up to the finding. @param options as the run that found it had them */
export function findingHistory(options: KernelRunOptions, finding: Finding, names: GuestNames): FindingHistory {
  const { onByte: _byte, onLine: _line, ...silent } = options;
  const run = new KernelRun({ ...silent, check: false, maxInstructions: finding.instruction - 1 });
  try {
    const { cpu } = run.machine;
    const seen = (pc: number): { instruction: number; time: number; trace: number[] } => ({
      instruction: cpu.instructions,
      time: cpu.now,
      trace: guestTrace(cpu, names, pc, cpu.reg(29), cpu.reg(31)),
    });
    const changes: SeenStore[] = [];
    let frameStore: SeenStore | undefined;
    let flushBefore: SeenFlush | undefined;
    let flushes: SeenFlush[] = [];
    const filledAt = finding.source?.filledAt ?? 0;
    const word = (physical: number): number => cpu.view.getUint32(physical & ~3, cpu.littleEndian);
    for (const { physical, isData } of finding.source?.words ?? []) {
      if (!isData) continue;
      cpu.observeUnmapped(physical, physical + 3, (access) => {
        if (!access.write || cpu.instructions <= filledAt) return;
        const before = word(physical);
        if (access.value === before) return;
        if (changes.length === 0) {
          flushBefore = flushes.at(-1);
          flushes = [];
        }
        changes.push({ ...access, before, ...seen(access.pc) });
      });
    }
    const frame = finding.physical - (finding.physical % LINE);
    cpu.observeUnmapped(frame, frame + LINE - 1, (access) => {
      if (!access.write || changes.length === 0) return;
      frameStore = { ...access, before: word(access.physical), ...seen(access.pc) };
    });
    const functions = flushFunctions(names);
    for (const { start, name } of functions)
      cpu.observeInstruction(start, () => {
        const args = [4, 5, 6, 7].map((n) => cpu.reg(n));
        flushes.push({ name, args, ...seen(start) });
      });
    run.run();
    return { changes, frameStore, flushBefore, flushes: functions.length > 0 ? flushes : undefined };
  } finally {
    run.close();
  }
}
