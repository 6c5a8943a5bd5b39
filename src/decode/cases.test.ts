// Small logs of the kinds that people paste into mails and trackers, against the right answers to each, a field per row.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { decodeConsole } from './console.js';
import { consoleRecord } from './record.js';
import { reportLines } from './report.js';

const directory = fileURLToPath(new URL('../../fixtures/cases/', import.meta.url));
const rows = fs
  .readFileSync(`${directory}answers.tsv`, 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t'));
const cases = [...new Set(rows.map(([name]) => name))];

/** The value at `a.0.b` of a record, as text; arrays have a length. */
function field(record: unknown, path: string): string {
  let value = record;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  return value === null ? '' : String(value);
}

test('every log has answers', () => {
  const logs = fs.readdirSync(directory).filter((file) => file.endsWith('.txt'));
  // 39b is the file that is no log.
  expect(logs.map((file) => file.replace('.txt', '')).sort()).toEqual([...cases, '39b'].sort());
});

test.each(cases)('%s', (name) => {
  const decoded = decodeConsole(fs.readFileSync(`${directory}${name}.txt`, 'utf8'));
  const record = consoleRecord(name, decoded);
  const text = reportLines(name, decoded).join('\n');
  for (const [of, path, answer] of rows) {
    if (of !== name) continue;
    if (path === 'text') expect(text).toContain(answer);
    else expect([path, field(record, path)]).toEqual([path, answer]);
  }
});
