// Reads the text of debugfs percpu_stats, of any kernel since 4.13: names and numbers, whatever of them there is.

/** One number, with its name in the kernel's words: `unit_size`, `nr_alloc`. */
export type StatsFields = ReadonlyMap<string, number>;

export interface StatsText {
  /** Allocation Info and Global Stats. */
  readonly fields: StatsFields;
  /** In the order of the text: by slot. Titles without "Chunk": "<- First Chunk", "(sidelined)", "". */
  readonly chunks: readonly { readonly title: string; readonly fields: StatsFields }[];
}

/** A line that is no number of percpu_stats. The message carries "name:line: ". */
export class StatsTextError extends Error {
  override readonly name = 'StatsTextError';
  constructor(file: string, line: number, what: string) {
    super(`${file}:${line}: ${what}`);
  }
}

const HEADINGS = /^(?:Percpu Memory Statistics|Allocation Info:|Global Stats:|Per Chunk Stats:|-{3,})$/;
const ROW = /^([a-z]\w*)\s*:\s*(-?\d{1,15})$/;
const BROKEN_ROW = /^[a-z]\w*\s*:/;
const CHUNK = /^Chunk\b:?\s*(.*?):?$/;

/** In UTF-8, also where the bytes were read as Latin-1. */
const NO_BREAK_SPACE = /\u00c2?\u00a0/g;
/** Marks of a quote, printk's stamp: what a console, a mail or a web page puts in front. */
const IN_FRONT = /^(?:\s*>)*\s*(?:\[ *\d+\.\d+\] ?)?/;

/** Does the text look like percpu_stats? */
export function isStatsText(text: string): boolean {
  return /Percpu Memory Statistics|^[\s>]*(?:unit_size|nr_cur_alloc)\s*:/m.test(text.replace(NO_BREAK_SPACE, ' '));
}

/**
 * Reads the text; it may be indented, quoted (>), have ends of lines of DOS, and end early between its lines.
 * @param name file name for messages
 * @throws StatsTextError naming the first line that has a name but no number, or the text when it has no numbers
 */
export function parseStatsText(text: string, name: string): StatsText {
  const fields = new Map<string, number>();
  const chunks: { title: string; fields: Map<string, number> }[] = [];
  let begun = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(NO_BREAK_SPACE, ' ').replace(IN_FRONT, '').trim();
    if (line === '' || HEADINGS.test(line)) {
      begun ||= line !== '';
      continue;
    }
    const row = ROW.exec(line);
    const chunk = CHUNK.exec(line);
    if (row !== null) {
      const into = chunks.at(-1)?.fields ?? fields;
      const [, key, digits] = row as unknown as [string, string, string];
      if (into.has(key)) throw new StatsTextError(name, index + 1, `${key} for the second time`);
      into.set(key, Number(digits));
    } else if (chunk !== null && begun) {
      chunks.push({ title: chunk[1]!, fields: new Map<string, number>() });
    } else if (begun && BROKEN_ROW.test(line)) {
      throw new StatsTextError(name, index + 1, `"${line.slice(0, 60)}" has no number`);
    }
  }
  if (fields.size === 0) throw new StatsTextError(name, 1, 'no numbers of percpu_stats');
  return { fields, chunks };
}

/** What does not add up in the text, in words; empty when all does. */
export function contradictions({ fields, chunks }: StatsText): string[] {
  const found: string[] = [];
  const value = (key: string): number => fields.get(key) ?? NaN;
  const check = (left: number, right: number, what: string): void => {
    if (!Number.isNaN(left) && !Number.isNaN(right) && left !== right) found.push(`${what}: ${left}, not ${right}`);
  };
  check(value('nr_alloc') - value('nr_dealloc'), value('nr_cur_alloc'), 'nr_alloc - nr_dealloc is not nr_cur_alloc');
  if (value('static_size') + value('reserved_size') + value('dyn_size') > value('unit_size')) {
    found.push('static_size + reserved_size + dyn_size exceed unit_size');
  }
  // The reserved chunk is not counted in nr_chunks.
  const listed = chunks.filter(({ title }) => !title.includes('Reserved')).length;
  if (listed === value('nr_chunks')) {
    const areas = chunks.reduce((sum, chunk) => sum + (chunk.fields.get('nr_alloc') ?? NaN), 0);
    check(areas, value('nr_cur_alloc'), 'the areas of all chunks are not nr_cur_alloc');
  }
  for (const [index, { title, fields: own }] of chunks.entries()) {
    if ((own.get('contig_bytes') ?? 0) > (own.get('free_bytes') ?? Infinity)) {
      found.push(`chunk ${index + 1}${title === '' ? '' : ` ${title}`}: contig_bytes exceeds free_bytes`);
    }
  }
  return found;
}
