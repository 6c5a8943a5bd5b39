// `percpu-malta stats`: debugfs percpu_stats - of a run of an operation script, of a kernel, and the two side by side.
import { Command } from 'commander';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { inputName, readGunzipped } from '../files/input.js';
import { StatsTextError, contradictions, isStatsText, parseStatsText, statsLines } from '../percpu/index.js';
import type { StatsFields, StatsText } from '../percpu/index.js';
import { printableJson } from '../terminal-text.js';
import { LineWriter, runScript, scriptOptions } from './ops.js';
import type { ScriptOptions } from './ops.js';

interface StatsOptions extends ScriptOptions {
  against?: string;
  json?: boolean;
}

export function statsCommand(): Command {
  return scriptOptions(new Command('stats'))
    .description(
      'print percpu_stats, as the kernel shows it in debugfs, at the end of an operation script; or read a kernel’s',
    )
    .option('--against <file>', 'compare with the percpu_stats of a kernel, or with another run')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
The file may also be the text of /sys/kernel/debug/percpu_stats itself: it is read, summed up and checked.
Exit code 1: numbers that do not add up, or with --against numbers that differ.`,
    )
    .action((file: string, options: StatsOptions) => {
      const output = new LineWriter();
      const { text, kernel } = statsOf(file, options);
      let differs = false;
      if (options.against !== undefined) {
        const other = statsOf(options.against, options, '--against');
        const compared = compare(kernel, other.kernel, inputName(file), inputName(options.against));
        if (options.json) output.write(printableJson({ differing: compared.differing, lines: compared.lines }));
        else for (const line of compared.lines) output.write(line);
        differs = compared.differing > 0;
      } else if (text !== undefined) {
        const wrong = contradictions(kernel);
        if (options.json) output.write(printableJson({ ...statsRecord(text.split('\n')), wrong }));
        else
          for (const line of [...summary(inputName(file), kernel), ...wrong.map((what) => `  wrong: ${what}`)])
            output.write(line);
        differs = wrong.length > 0;
      } else if (options.json) output.write(printableJson(statsRecord(kernel.lines)));
      else for (const line of kernel.lines) output.write(line);
      output.flush();
      if (differs) process.exitCode = EXIT_DIFFERENCE;
    });
}

/** The numbers in `file`: a kernel's text, or what a run of a script comes to (`lines`: its text). */
function statsOf(
  file: string,
  options: ScriptOptions,
  flag?: string,
): { text: string | undefined; kernel: StatsText & { lines: readonly string[] } } {
  const name = inputName(file);
  const text = readGunzipped(file, flag === undefined ? {} : { flag }).toString('latin1');
  try {
    if (isStatsText(text)) return { text, kernel: { ...parseStatsText(text, name), lines: [] } };
    const percpu = runScript(name, text, options, () => {});
    if (percpu === undefined) throw new UsageError(`${name}: the script has no init`);
    const lines = statsLines(percpu);
    return { text: undefined, kernel: { ...parseStatsText(lines.join('\n'), name), lines } };
  } catch (error) {
    if (error instanceof StatsTextError) throw new UsageError(error.message);
    throw error;
  }
}

/** What the numbers say, in a few lines. */
function summary(name: string, { fields, chunks }: StatsText): string[] {
  const value = (key: string): string => fields.get(key)?.toString() ?? '?';
  const lines = [
    `${name}: percpu_stats of a kernel`,
    `  unit     ${value('unit_size')} bytes: ${value('static_size')} static, ${value('reserved_size')} reserved, ` +
      `${value('dyn_size')} dynamic; allocated in ${value('alloc_size')}, atom ${value('atom_size')}`,
    `  areas    ${value('nr_cur_alloc')} now, ${value('nr_max_alloc')} at most; ${value('nr_alloc')} allocated, ` +
      `${value('nr_dealloc')} freed; of ${value('min_alloc_size')} to ${value('max_alloc_size')} bytes`,
    `  chunks   ${value('nr_chunks')} now, ${value('nr_max_chunks')} at most; ${value('empty_pop_pages')} empty populated pages`,
  ];
  const listed = chunks.filter(({ title }) => !title.includes('Reserved')).length;
  if (fields.has('nr_chunks') && listed !== fields.get('nr_chunks')) {
    lines.push(`  of the ${value('nr_chunks')} chunks the text lists ${listed}`);
  }
  if (chunks.length === 0) return lines;
  const columns = ['nr_alloc', 'max_alloc_size', 'empty_pop_pages', 'free_bytes', 'contig_bytes', 'max_frag'];
  const widths = columns.map((column) => Math.max(column.length, 8));
  const row = (title: string, cells: string[]): string =>
    `  ${title.padEnd(20)}${cells.map((cell, at) => cell.padStart(widths[at]! + 2)).join('')}`;
  lines.push(row('chunk', columns));
  for (const [index, { title, fields: own }] of chunks.entries()) {
    const label = `${index + 1} ${title}`.slice(0, 20);
    lines.push(
      row(
        label,
        columns.map((column) => own.get(column)?.toString() ?? '-'),
      ),
    );
  }
  return lines;
}

/** Two sets of numbers side by side: all that both have, and of the chunks those that differ. */
function compare(
  left: StatsText,
  right: StatsText,
  leftName: string,
  rightName: string,
): { lines: string[]; differing: number } {
  const lines = [`${''.padEnd(34)}${'1'.padStart(12)}${'2'.padStart(12)}   1: ${leftName}, 2: ${rightName}`];
  let same = 0;
  let differing = 0;
  const rows = (title: string, one: StatsFields, two: StatsFields, all: boolean): void => {
    for (const [key, value] of one) {
      const other = two.get(key);
      if (other === undefined) continue;
      if (value === other) same++;
      else differing++;
      if (!all && value === other) continue;
      const delta = value === other ? '' : `   ${other > value ? '+' : ''}${other - value}`;
      lines.push(`${`${title}${key}`.padEnd(34)}${String(value).padStart(12)}${String(other).padStart(12)}${delta}`);
    }
  };
  rows('', left.fields, right.fields, true);
  const pairs = Math.min(left.chunks.length, right.chunks.length);
  for (let index = 0; index < pairs; index++) {
    const [one, two] = [left.chunks[index]!, right.chunks[index]!];
    if (one.title !== two.title) {
      differing++;
      lines.push(`chunk ${index + 1}: ${one.title || 'ordinary'} in 1, ${two.title || 'ordinary'} in 2`);
    }
    rows(`chunk ${index + 1} `, one.fields, two.fields, false);
  }
  if (left.chunks.length !== right.chunks.length) {
    lines.push(`1 lists ${left.chunks.length} chunks, 2 lists ${right.chunks.length}`);
    if (pairs > 0) differing++;
  }
  lines.push(
    differing === 0 ? `all ${same} numbers are the same` : `${differing} of ${same + differing} numbers differ`,
  );
  return { lines, differing };
}

/** The numbers of percpu_stats text by section, names as the kernel has them in camelCase; chunks in order, each with its heading. */
function statsRecord(lines: readonly string[]): { sections: Record<string, Record<string, number>>; chunks: object[] } {
  const sections: Record<string, Record<string, number>> = {};
  const chunks: object[] = [];
  let numbers: Record<string, number> = {};
  for (const line of lines) {
    const row = /^ {2}(\w+) *: *(\d+)$/.exec(line);
    if (row) numbers[camel(row[1]!)] = Number(row[2]);
    else if (line.startsWith('Chunk')) chunks.push((numbers = { heading: line } as never));
    else if (/^(Allocation Info|Global Stats):$/.test(line)) sections[camel(line.slice(0, -1))] = numbers = {};
  }
  return { sections, chunks };
}

/** `allocationInfo` of `Allocation Info`, `unitSize` of `unit_size`. */
const camel = (name: string): string =>
  name.toLowerCase().replace(/[ _](\w)/g, (_, letter: string) => letter.toUpperCase());
