// The translation checker on a run of somebody's kernel: names for what it finds, one report for each function, the history of the first.
import type { Finding, TranslationChecker } from '../../emu/mips/translation-checker.js';
import { UsageError } from '../errors.js';
import { findingHistory } from './finding-history.js';
import { findingLines, historyLines, RULE } from './finding-report.js';
import { guestTrace, peek } from './guest-trace.js';
import type { KernelRun, KernelRunOptions } from './kernel-run.js';

/** A place that was found: a function of the kernel, or an address without a name. */
export interface CheckedPlace {
  readonly kind: Finding['kind'];
  readonly place: string;
  readonly count: number;
  readonly firstInstruction: number;
}

/** @param flag what wants it @throws UsageError in one line where the CPU of a run does not check translations */
export function requireChecker({ machine: { cpu } }: KernelRun, flag: string): TranslationChecker {
  if (cpu.translations) return cpu.translations;
  throw new UsageError(
    `${flag}: translations cannot be checked on this engine's ${cpu.path} path (percpu-malta selftest says more)`,
  );
}

export class TranslationCheck {
  readonly #run: KernelRun;
  readonly #options: KernelRunOptions;
  /** The first finding, as it was reported, and the functions that led to it. */
  first: { finding: Finding; lines: string[]; trace: string[] } | undefined;

  /**
   * @param options those that `run` was made with @param say gets the report of each place's first finding
   * @throws UsageError for a run whose CPU does not check
   */
  constructor(run: KernelRun, options: KernelRunOptions, say: (lines: string[]) => void) {
    this.#run = run;
    this.#options = options;
    const translations = requireChecker(run, '--check');
    translations.placeOf = (pc) => run.names.current.lookup(pc)?.start ?? pc;
    translations.onFinding = (finding) => {
      const { lines, trace } = this.#report(finding);
      if (!this.first) this.first = { finding, lines, trace };
      say([...lines, RULE]);
    };
  }

  #report(finding: Finding): { lines: string[]; trace: string[] } {
    const { cpu } = this.#run.machine;
    const names = this.#run.names.current;
    const { registers, pc } = finding;
    const trace = guestTrace(cpu, names, pc, registers[29]!, registers[31]!);
    const lines = findingLines(finding, {
      names,
      trace,
      task: this.#run.tasks.text,
      instruction: peek(cpu, pc),
    });
    const called = (address: number, i: number) => (i === 0 ? names.lookup(address) : names.calling(address));
    return { lines, trace: trace.map((address, i) => called(address, i)?.name ?? `0x${address.toString(16)}`) };
  }

  /** How the first finding came about, from a second run. */
  history(): string[] {
    if (!this.first) return [];
    const names = this.#run.names.current;
    return historyLines(this.first.finding, findingHistory(this.#options, this.first.finding, names), names);
  }

  /** To be called when the run is over: what only its end shows. */
  finish(): void {
    const { cpu } = this.#run.machine;
    cpu.translations!.finish(cpu.instructions);
  }

  /** All places, the first found first. */
  get places(): CheckedPlace[] {
    const names = this.#run.names.current;
    return [...this.#run.machine.cpu.translations!.places.values()].map(({ kind, pc, count, first }) => ({
      kind,
      place: names.lookup(pc)?.name ?? `0x${pc.toString(16)}`,
      count,
      firstInstruction: first.instruction,
    }));
  }

  get total(): number {
    return this.#run.machine.cpu.translations!.total;
  }

  get counts() {
    return this.#run.machine.cpu.translations!.counts;
  }
}
