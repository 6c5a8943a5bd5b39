// One run of somebody's kernel in an experiment, as data: what is asked of the process that runs it, and what a line of the NDJSON file holds.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import type { FindingKind } from '../../emu/unicorn/shim/check-state.js';
import { UsageError } from '../errors.js';
import { systemErrorText } from '../files/system-error.js';
import { KernelRun, type RunEnd, type RunOutcome, runOutcome } from '../run/kernel-run.js';
import { type SkipCall, skipProblem } from '../run/skip-calls.js';
import { openRun, type RunFlags } from '../run/open-run.js';
import { TranslationCheck } from '../run/translation-check.js';

/** All that decides a run but its seed. Files by their SHA-256 in hexadecimal, also within `drives`. */
export interface KernelSetup {
  kernel: string;
  append: string;
  initrd?: string;
  drives: readonly string[];
  controllers: number;
  memory: number;
  cpu: RunFlags['cpu'];
  tlb: RunFlags['tlb'];
  commandLatency: number;
  until?: string;
  maxSeconds: number;
  maxInstructions: number;
  stallInstructions: number;
  input?: string;
  skipCalls: readonly SkipCall[];
  systemMap?: string;
  check: boolean;
}

export interface KernelJob {
  /** Where the kernel lies on this machine; the other files are in `flags`. */
  file: string;
  flags: RunFlags;
  check: boolean;
  seed: number;
}

/** A place that the translation checker has found. */
export interface FoundPlace {
  kind: FindingKind;
  /** The function, or the address without a name. */
  place: string;
  count: number;
  firstInstruction: number;
}

/** Field order is the order in the file. */
export interface KernelRecord {
  /** Of percpu-malta. */
  version: string;
  options: KernelSetup;
  seed: number;
  outcome: RunOutcome;
  end: RunEnd;
  /** As `decode` names the crash; '' where there is none. */
  signature: string;
  instructions: number;
  virtualSeconds: number;
  /** With `check`. The first place was found first; `trace`: the functions that led there, innermost first. */
  check?: {
    findings: number;
    accesses: number;
    unknownAccesses: number;
    places: readonly FoundPlace[];
    trace: readonly string[];
  };
}

function fileHash(file: string): string {
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

/** @throws UsageError for a file that is not there; what else does not work is said by the first run */
export function kernelSetup(kernel: string, flags: RunFlags, check: boolean): KernelSetup {
  const hash = (file: string, flag: string): string => {
    try {
      return fileHash(file);
    } catch (error) {
      throw new UsageError(`${flag} ${file}: ${systemErrorText(error)}`);
    }
  };
  const { append, initrd, drive, memory, cpu, tlb, commandLatency, until, input, systemMap } = flags;
  const drives = drive.map((text) => {
    const [, name, rest] = /^((?:[^,]|,,)*)(.*)$/s.exec(text)!;
    const file = name!.replaceAll(',,', ',');
    return fs.existsSync(file) ? `${hash(file, '--drive')}${rest}` : text;
  });
  return {
    kernel: hash(kernel, '--vmlinux'),
    append,
    ...(initrd === undefined ? {} : { initrd: hash(initrd, '--initrd') }),
    drives,
    controllers: flags.controllers ?? (drive.length > 0 ? 1 : 0),
    memory,
    cpu,
    tlb,
    commandLatency,
    ...(until === undefined ? {} : { until }),
    maxSeconds: flags.maxSeconds,
    maxInstructions: flags.maxInstructions,
    stallInstructions: flags.stallInstructions,
    ...(input === undefined ? {} : { input: hash(input, '--input') }),
    skipCalls: flags.skipCall,
    ...(systemMap === undefined ? {} : { systemMap: hash(systemMap, '--system-map') }),
    check,
  };
}

/** A run without its setup, which whoever asked knows. */
export type KernelAnswer = Omit<KernelRecord, 'version' | 'options'>;

/** Runs once. @throws UsageError for what does not work, the checker on a machine where it does not run included */
export function runKernelJob({ file, flags, check, seed }: KernelJob, engine: EngineLibrary): KernelAnswer {
  const { options: opened, close } = openRun(file, { ...flags, seed }, engine);
  const options = { ...opened, check };
  let run: KernelRun | undefined;
  try {
    run = new KernelRun(options);
    const checker = check ? new TranslationCheck(run, options, () => {}) : undefined;
    const end = run.run();
    checker?.finish();
    const problem = skipProblem(run.skipped);
    if (problem !== undefined) throw new UsageError(problem);
    const { instructions, virtualSeconds } = run.counters;
    return {
      seed,
      ...runOutcome(end, run.lines),
      end,
      instructions,
      virtualSeconds,
      ...(checker ? { check: checkRecord(checker) } : {}),
    };
  } finally {
    run?.close();
    close();
  }
}

function checkRecord(checker: TranslationCheck): NonNullable<KernelRecord['check']> {
  const { accesses, unknownAccesses } = checker.counts;
  return {
    findings: checker.total,
    accesses,
    unknownAccesses,
    places: checker.places,
    trace: checker.first?.trace ?? [],
  };
}
