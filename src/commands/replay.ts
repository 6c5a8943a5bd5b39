// `percpu-malta replay`: drives the allocator with the per-CPU event log of a real kernel and compares what both do.
import { Command } from 'commander';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { inputName, readGunzipped } from '../files/input.js';
import { KERNELS } from '../kernel/kernels.js';
import type { ReplayInput } from '../replay/event-replay.js';
import { ftraceInput } from '../replay/ftrace-input.js';
import { isFtrace, parseFtrace } from '../replay/ftrace.js';
import { gtInput } from '../replay/gt-input.js';
import { isGtLog, parseGtLog } from '../replay/gt-log.js';
import { LogError } from '../replay/log-error.js';
import { replayInOrder } from '../replay/order-search.js';
import type { SearchedOutcome } from '../replay/order-search.js';
import { LineWriter } from './ops.js';

/** Events shown before and after a difference. */
const CONTEXT = 4;

export function replayCommand(): Command {
  return new Command('replay')
    .description(
      "replay a kernel's per-CPU event log (gt_log or ftrace text, plain or .gz) and compare every placement",
    )
    .argument('<log>', 'the log; - reads standard input')
    .addHelpText(
      'after',
      `
A log does not fix the whole order: an allocation is logged when it is complete, and a free during background work may
have come at any moment at which the kernel's lock was free. Where the order as logged leads to a difference, other
orders that the log allows are tried; whatever is found has to give every later event exactly. A trace says when the
background work ran if workqueue:workqueue_execute_start and _end were traced with percpu:*; else its runs are placed
where they have to be. Exit code 1: a difference.`,
    )
    .action((file: string) => {
      const name = inputName(file);
      const input = parseLog(readGunzipped(file).toString('latin1'), name);
      const onTerminal = process.stderr.isTTY === true;
      const outcome = replayInOrder(input, (line) => {
        if (onTerminal) process.stderr.write(`\rsettling the order of events at line ${line} `);
      });
      if (onTerminal) process.stderr.write('\r\x1b[K');
      const output = new LineWriter();
      for (const line of report(name, input, outcome)) output.write(line);
      output.flush();
      if (outcome.difference !== undefined) process.exitCode = EXIT_DIFFERENCE;
    });
}

/** Reads a log of either kind. @throws UsageError "file:line: what is wrong" */
function parseLog(text: string, name: string): ReplayInput {
  try {
    if (isGtLog(text)) return gtInput(parseGtLog(text, name));
    if (isFtrace(text)) return ftraceInput(parseFtrace(text, name), name);
    throw new LogError(
      name,
      1,
      'neither a per-CPU event log ("# percpu event log: ...") nor ftrace text of percpu events',
    );
  } catch (error) {
    if (error instanceof LogError) throw new UsageError(error.message);
    throw error;
  }
}

/** The summary, and the first difference with the events around it. */
function report(name: string, input: ReplayInput, outcome: SearchedOutcome): string[] {
  const { counts, difference } = outcome;
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
  const verdict = difference === undefined ? 'no difference' : `difference at line ${difference.line}`;
  const lines = [`${name}: ${counts.events} of ${input.events.length} events: ${parts.join(', ')}: ${verdict}`];
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
  if (difference === undefined) return lines;
  const { events } = input;
  const last = Math.min(difference.index + CONTEXT, events.length - 1);
  for (let index = Math.max(0, difference.index - CONTEXT); index <= last; index++) {
    const event = events[index]!;
    const here = index === difference.index;
    lines.push(`${here ? '>' : ' '} ${String(event.line).padStart(6)}  ${here ? 'kernel: ' : ''}${event.text}`);
    if (here) lines.push(`>         replay: ${difference.replay}`);
  }
  return lines;
}
