// `percpu-malta diff`: the first event at which two boots part.
import { Command } from 'commander';
import { seconds } from '../analysis/addresses.js';
import { EXIT_DIFFERENCE } from '../errors.js';
import { paint } from '../files/color.js';
import { inputLines, inputName } from '../files/input.js';
import { readEvent } from '../kernel/event-check.js';
import type { KernelEvent } from '../kernel/events.js';
import { describe } from '../report/html/describe.js';
import { type Parting, partingOf } from '../report/log-diff.js';
import { printableJson, printableLine } from '../terminal-text.js';
import { wholeNumber } from './boot-options.js';

interface DiffFlags {
  context: number;
  only?: string[];
  json?: boolean;
}

export function diffCommand(): Command {
  return new Command('diff')
    .argument('<a.log>', 'event log of a boot, as boot --log writes it; - reads standard input')
    .argument('<b.log>', 'that of another, such as the same seed with another kernel')
    .description('find the first event at which two boots part, and show what each does then')
    .option('--context <n>', 'events to show before it and behind it', wholeNumber(0, 1000), 3)
    .option(
      '--only <types>',
      'compare these types of events, separated by commas, as percpu_alloc,page_alloc',
      (text) => text.split(','),
    )
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .action((a: string, b: string, flags: DiffFlags) => {
      const parting = partingOf([events(a), events(b)], compared(flags.only), flags.context);
      const { same, before, next, fields, otherTime } = parting;
      if (flags.json)
        process.stdout.write(
          `${printableJson({ same, before, a: next[0], b: next[1], fields, otherTime: otherTime ?? null })}\n`,
        );
      else process.stdout.write(`${text(parting, [inputName(a), inputName(b)]).join('\n')}\n`);
      if (parts(parting)) process.exitCode = EXIT_DIFFERENCE;
    });
}

const HELP = `
Events are the same when everything but their numbers and times is. Console lines are not compared (the first names the kernel), unless
--only names printk; neither is what a checker saw. Exit code 0: no difference, 1: one.
  percpu-malta boot --seed 2 --log bad.log
  percpu-malta boot --seed 2 --kernel 93274f1dd6b0 --log good.log
  percpu-malta diff bad.log good.log`;

function compared(only: readonly string[] | undefined): (type: string) => boolean {
  if (only !== undefined) return (type) => only.includes(type);
  return (type) => type !== 'printk' && !type.startsWith('checker_');
}

const parts = ({ next }: Parting): boolean => next.some((events) => events.length > 0);

/** @throws UsageError "file:line: what is wrong" */
function* events(file: string): Generator<KernelEvent> {
  for (const { text, number } of inputLines(file)) yield readEvent(text, inputName(file), number);
}

const SIDES = [
  ['-', 'red'],
  ['+', 'green'],
] as const;

function text(parting: Parting, names: readonly [string, string]): string[] {
  const { same, before, next, fields, otherTime } = parting;
  const lines: string[] = [];
  if (!parts(parting)) lines.push(`no difference in ${same} events`);
  else {
    lines.push(`${same} events are the same; then ${names.map(printableLine).join(' and ')} part`);
    lines.push(...before.map((event) => row(' ', event)));
    next.forEach((list, i) => {
      const [mark, style] = SIDES[i]!;
      if (list.length === 0) lines.push(paint(style, `${mark} ${printableLine(names[i]!)} ends here`));
      lines.push(...list.map((event) => paint(style, row(mark, event))));
    });
    if (fields.length > 0 && fields[0] !== 'type') lines.push(`they differ in: ${printableLine(fields.join(', '))}`);
  }
  if (otherTime) {
    const [a, b] = otherTime;
    lines.push(`the first of the same events at another time: ${seconds(a.t)} and ${seconds(b.t)} s, ${what(a)}`);
  }
  return lines;
}

/** `- event 12261  0.568875 s  pid 13  chunk 3: pages 1-11 depopulated` */
function row(mark: string, event: KernelEvent): string {
  return `${mark} event ${String(event.seq).padEnd(6)} ${seconds(event.t)} s  pid ${String(event.pid).padEnd(4)} ${what(event)}`;
}

const what = (event: KernelEvent): string => printableLine(describe(event));
