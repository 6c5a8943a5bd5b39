// One run of somebody's kernel in an experiment, as data: what is asked of the process that runs it, and what a line of the NDJSON file holds.
import fs from 'node:fs';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import type { FindingKind } from '../../emu/unicorn/shim/check-state.js';
import { UsageError } from '../errors.js';
import { systemErrorText } from '../files/system-error.js';
import { KernelRun, type RunEnd, type RunOutcome, runOutcome } from '../run/kernel-run.js';
import { countFlushCalls, type FlushCalls } from '../run/flush-survey.js';
import { type SkipCall, skipProblem } from '../run/skip-calls.js';
import { openRun, type RunFlags } from '../run/open-run.js';
import { TranslationCheck } from '../run/translation-check.js';
import { DRIVE_FILE, type KernelJob, type LocalFiles, type Task } from './job.js';

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
  /** Counts the calls of TLB flush functions. */
  countFlushes?: true;
  /** With `check`: ends at the first finding. */
  stopAtFinding?: true;
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
  /** How often each of `skipCalls` was stepped over, where there are any. */
  skipped?: readonly number[];
  /** With `countFlushes`. */
  flushCalls?: readonly FlushCalls[];
}

/** Whether a value that was read is meant as one, rather than as a record of a boot. */
export function isKernelRecord(value: unknown): boolean {
  const { options } = (value ?? {}) as { options?: unknown };
  return typeof options === 'object' && options !== null && 'append' in options;
}

/**
 * @param kernelFlag what names the kernel in errors @param files learns where the files lie
 * @throws UsageError for a file that is not there; what else does not work is said by the first run
 */
export function kernelSetup(
  kernel: string,
  flags: RunFlags,
  check: boolean,
  files: LocalFiles,
  kernelFlag = '--vmlinux ',
): KernelSetup {
  const hash = (file: string, flag: string): string => {
    try {
      return files.add(file);
    } catch (error) {
      throw new UsageError(`${flag}${file}: ${systemErrorText(error)}`);
    }
  };
  const { append, initrd, drive, memory, cpu, tlb, commandLatency, until, input, systemMap } = flags;
  const drives = drive.map((text) => {
    const [, name, rest] = /^((?:[^,]|,,)*)(.*)$/s.exec(text)!;
    const file = name!.replaceAll(',,', ',');
    return fs.existsSync(file) ? `${hash(file, '--drive ')}${rest}` : text;
  });
  return {
    kernel: hash(kernel, kernelFlag),
    append,
    ...(initrd === undefined ? {} : { initrd: hash(initrd, '--initrd ') }),
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
    ...(input === undefined ? {} : { input: hash(input, '--input ') }),
    skipCalls: flags.skipCall,
    ...(systemMap === undefined ? {} : { systemMap: hash(systemMap, '--system-map ') }),
    check,
  };
}

/** What `run` would have been told, with the files where they lie on this machine. */
function runFlags({ skipCalls, ...setup }: KernelSetup, seed: number, paths: Task['paths'], shim: boolean): RunFlags {
  const { initrd, input, systemMap } = setup;
  return {
    ...setup,
    seed,
    shim,
    skipCall: [...skipCalls],
    drive: setup.drives.map((text) => {
      const [, sha256, rest] = DRIVE_FILE.exec(text) ?? [];
      return sha256 === undefined ? text : `${paths[sha256]!.replaceAll(',', ',,')}${rest}`;
    }),
    ...(initrd === undefined ? {} : { initrd: paths[initrd]! }),
    ...(input === undefined ? {} : { input: paths[input]! }),
    ...(systemMap === undefined ? {} : { systemMap: paths[systemMap]! }),
  };
}

/** Runs once. @throws UsageError for what does not work, the checker on a machine where it does not run included */
export function runKernelJob(
  version: string,
  { setup, seed }: KernelJob,
  paths: Task['paths'],
  shim: boolean,
  engine: EngineLibrary,
): KernelRecord {
  const { options: opened, close } = openRun(paths[setup.kernel]!, runFlags(setup, seed, paths, shim), engine);
  const options = { ...opened, check: setup.check };
  let run: KernelRun | undefined;
  try {
    run = new KernelRun(options);
    const { stopAtFinding } = setup;
    const started = run;
    const found = (): void => (stopAtFinding ? started.end('stale') : undefined);
    const checker = setup.check ? new TranslationCheck(run, options, found) : undefined;
    const flushCalls = setup.countFlushes ? countFlushCalls(run) : undefined;
    const end = run.run();
    checker?.finish();
    const problem = stopAtFinding ? undefined : skipProblem(run.skipped);
    if (problem !== undefined) throw new UsageError(problem);
    const { instructions, virtualSeconds } = run.counters;
    return {
      version,
      options: setup,
      seed,
      ...runOutcome(end, run.lines),
      end,
      instructions,
      virtualSeconds,
      ...(checker ? { check: checkRecord(checker) } : {}),
      ...(setup.skipCalls.length > 0 ? { skipped: run.skipped.map(({ count = 0 }) => count) } : {}),
      ...(flushCalls ? { flushCalls: flushCalls() } : {}),
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
