// `percpu-malta replay`: drives the allocator with the per-CPU event log of a real kernel and compares what both do.
import { Command, Option } from 'commander';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { inputName, readGunzipped } from '../files/input.js';
import { KERNELS } from '../kernel/kernels.js';
import { readGeometry } from '../replay/boot-geometry.js';
import type { BootGeometry } from '../replay/boot-geometry.js';
import { judge } from '../replay/judge.js';
import type { Judgement } from '../replay/judge.js';
import { LogError } from '../replay/log-error.js';
import { printableJson } from '../terminal-text.js';
import { LineWriter } from './ops.js';

/** Events shown before and after a difference. */
const CONTEXT = 4;

export function replayCommand(): Command {
  return new Command('replay')
    .description(
      "replay a kernel's per-CPU event log (gt_log or ftrace text, plain or .gz) and compare every placement",
    )
    .argument('<log>', 'the log; - reads standard input')
    .option(
      '--geometry <line>',
      'the boot\'s "percpu: Embedded 13 pages/cpu s31520 r0 d21728 u53248", or its sizes alone',
    )
    .option('--boot-log <file>', 'a boot log that has that line')
    .addOption(new Option('--cpus <n>', 'possible CPUs').argParser(positive('--cpus')))
    .addOption(new Option('--page-size <bytes>', 'page size').argParser(positive('--page-size')))
    .addHelpText(
      'after',
      `
A log does not fix the whole order: an allocation is logged when it is complete, and a free during background work may
have come at any moment at which the kernel's lock was free. Where the order as logged leads to a difference, other
orders that the log allows are tried; whatever is found has to give every later event exactly. A trace says when the
background work ran if workqueue:workqueue_execute_start and _end were traced with percpu:*; else its runs are placed
where they have to be.

Traces may come from tracefs, trace-cmd report, perf script, function_graph or a console with tp_printk, quoted or wrapped.
The geometry of the kernel is taken from its boot's lines (in the trace, --boot-log, --geometry), else the known layouts
are tried. Exit code 1: a difference that the log proves; 2: undecidable, because the log does not have what happened
before it begins or where it is cut.`,
    )
    .option('--json', 'print one JSON object')
    .action((file: string, options: ReplayOptions) => {
      const name = inputName(file);
      const given = geometryOf(options);
      const judgement = judged(readGunzipped(file).toString('latin1'), name, given);
      const output = new LineWriter();
      if (options.json) output.write(printableJson(record(name, judgement)));
      else for (const line of report(name, judgement)) output.write(line);
      output.flush();
      const { difference, undecidable } = judgement;
      if (difference !== undefined) process.exitCode = EXIT_DIFFERENCE;
      else if (undecidable !== undefined) {
        throw new UsageError(`${name}:${undecidable.line}: undecidable from here on: ${undecidable.why}`);
      }
    });
}

/** Reads and replays a log. @throws UsageError "file:line: what is wrong" */
function judged(text: string, name: string, given: BootGeometry): Judgement {
  const onTerminal = process.stderr.isTTY === true;
  try {
    return judge(text, name, given, (line) => {
      if (onTerminal) process.stderr.write(`\rsettling the order of events at line ${line} `);
    });
  } catch (error) {
    if (error instanceof LogError) throw new UsageError(error.message);
    throw error;
  } finally {
    if (onTerminal) process.stderr.write('\r\x1b[K');
  }
}

interface ReplayOptions {
  geometry?: string;
  bootLog?: string;
  cpus?: number;
  pageSize?: number;
  json?: boolean;
}

function positive(flag: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !(value > 0) || value > 1 << 20) {
      throw new UsageError(`${flag} wants a number from 1 to ${1 << 20}, not '${text}'`);
    }
    return value;
  };
}

/** What the options say of the kernel's geometry. */
function geometryOf({ geometry, bootLog, cpus, pageSize }: ReplayOptions): BootGeometry {
  const known: BootGeometry = {};
  if (bootLog !== undefined) {
    const text = readGunzipped(bootLog, { flag: '--boot-log' }).toString('latin1');
    for (const line of text.split('\n')) readGeometry(line, known);
    if (known.staticSize === undefined) {
      throw new UsageError(`--boot-log ${bootLog}: no line "percpu: Embedded ... pages/cpu s... r... d... u..." in it`);
    }
  }
  if (geometry !== undefined && (!readGeometry(geometry, known) || known.staticSize === undefined)) {
    throw new UsageError(`--geometry wants sizes as in "s31520 r0 d21728 u53248", not '${geometry}'`);
  }
  if (pageSize !== undefined && (pageSize < 4096 || (pageSize & (pageSize - 1)) !== 0)) {
    throw new UsageError(`--page-size wants a power of two from 4096 on, not ${pageSize}`);
  }
  return { ...known, ...(cpus === undefined ? {} : { cpus }), ...(pageSize === undefined ? {} : { pageSize }) };
}

/** The same as data. */
function record(name: string, { events, replay, difference, undecidable }: Judgement): Record<string, unknown> {
  const found = replay?.outcome;
  return {
    name,
    events: events.length,
    counts: found?.counts ?? null,
    reordered: found?.reordered ?? null,
    workPlaced: found?.workPlaced ?? null,
    kernel: found?.variant.name ?? null,
    difference: difference ?? null,
    undecidable: undecidable ?? null,
  };
}

/** The summary, and the first difference with the events around it. */
function report(name: string, { events, replay, difference, undecidable }: Judgement): string[] {
  const at = difference ?? replay?.outcome.difference;
  const verdict =
    difference !== undefined
      ? `difference at line ${difference.line}`
      : undecidable !== undefined
        ? `undecidable from line ${undecidable.line} on`
        : 'no difference';
  const lines: string[] = [];
  if (replay === undefined) lines.push(`${name}: ${events.length} events, not replayed: ${verdict}`);
  else lines.push(...summary(name, replay, verdict));
  if (at === undefined) return lines;
  const last = Math.min(at.index + CONTEXT, events.length - 1);
  for (let index = Math.max(0, at.index - CONTEXT); index <= last; index++) {
    const event = events[index]!;
    const here = index === at.index;
    lines.push(`${here ? '>' : ' '} ${String(event.line).padStart(6)}  ${here ? 'kernel: ' : ''}${event.text}`);
    if (here) lines.push(`>         replay: ${at.replay}`);
  }
  return lines;
}

function summary(name: string, { input, outcome }: NonNullable<Judgement['replay']>, verdict: string): string[] {
  const { counts } = outcome;
  const parts = [`${counts.allocations} allocations`, `${counts.frees} frees`];
  if (counts.failures > 0) parts.push(`${counts.failures} failed allocations`);
  parts.push(`${counts.created} chunks created`, `${counts.destroyed} destroyed`);
  if (!input.tracepointsOnly) {
    parts.push(
      `${counts.populated} populations`,
      `${counts.depopulated} depopulations`,
      `${counts.flushed} flushes`,
      `${counts.isolated} isolations`,
      `${counts.reintegrated} reintegrations`,
      `${counts.sidelined} sidelinings`,
      `${counts.balanceRuns} balance runs`,
    );
  }
  if (input.tracepointsOnly && input.workLogged) parts.push(`${counts.balanceRuns} balance runs`);
  const lines = [`${name}: ${counts.events} of ${input.events.length} events: ${parts.join(', ')}: ${verdict}`];
  if (outcome.openAt !== undefined) {
    lines.push(`  the log ends within the allocation that line ${input.events[outcome.openAt]!.line} belongs to`);
  }
  if (outcome.reordered > 0) {
    lines.push(`  ${outcome.reordered} requests took place earlier or later than they are logged`);
  }
  if (input.tracepointsOnly && outcome.workPlaced > 0) {
    lines.push(`  ${outcome.workPlaced} runs of the balance work, which this log does not have, were placed`);
  }
  if (outcome.variant !== input.kernel.variant) {
    const kernel = Object.values(KERNELS).find(({ variant }) => variant === outcome.variant.name);
    lines.push(`  the areas are where this kernel puts them: ${kernel?.title ?? outcome.variant.name}`);
  }
  return lines;
}
