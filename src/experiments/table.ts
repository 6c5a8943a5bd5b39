// Plain text tables for terminals and Markdown code blocks.

/** Columns whose cells all look like numbers are aligned right, others left; two spaces between. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const numeric = head.map((_, column) => rows.every((row) => /^[-+]?[\d.,]*$/.test(row[column] ?? '')));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (numeric[column] ? cell.padStart(width[column]!) : cell.padEnd(width[column]!)))
      .join('  ')
      .trimEnd();
  return [line(head), line(width.map((n) => '-'.repeat(n))), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** A mean with as many digits as say something: 0, 0.25, 3.4, 120. */
export function short(value: number): string {
  if (value === 0) return '0';
  if (value < 1) return value.toFixed(2);
  return value < 100 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(0);
}

/** 4 KB, 52 KB, 2 MB. */
export function bytesText(bytes: number): string {
  return bytes >= 1 << 20 && bytes % (1 << 20) === 0 ? `${bytes >> 20} MB` : `${bytes / 1024} KB`;
}

/** The words of a camelCase name: `percpu-alloc` for percpuAlloc and '-'. */
export function camelWords(name: string, separator: string): string {
  return name.replace(/[A-Z]/g, (letter) => separator + letter.toLowerCase());
}

/** `1 page`, `2 pages`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
