// The figures of docs/percpu-test-2021.md are what its scripts give, and as far from the published ones as it says.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScriptFile } from './ops.js';

const docs = path.resolve(import.meta.dirname, '../../docs');
const page = fs.readFileSync(path.join(docs, 'percpu-test-2021.md'), 'utf8');

function percpuKB(test: string, variant: 'f183' | 'before'): number[] {
  const answers: number[] = [];
  runScriptFile(path.join(docs, 'examples', `power9-${test}.ops`), { variant, pageSize: '4096' }, (line) => {
    const answer = /^= Percpu: +(\d+) kB$/.exec(line);
    if (answer !== null) answers.push(Number(answer[1]));
  });
  return answers;
}

describe('the percpu_test of April 2021', () => {
  /** Rows of the page: published, here, deviation in percent. */
  const rows = page
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, test]) => /^1000:\d+$/.test(test ?? ''))
    .map(([, test, , ...figures]) => [test!.slice(5), ...figures.slice(0, 3)].map((figure) => parseFloat(figure)));

  it.each([10, 50])('1000:%i', (inner) => {
    const [, made, removed] = percpuKB(`1000-${inner}`, 'f183');
    const told = rows.filter(([n]) => n === inner);
    expect(told.map(([, , here]) => here)).toEqual([made, removed]);
    for (const [, published, here, deviation] of told) {
      expect((here! / published! - 1) * 100).toBeCloseTo(deviation!, 1);
      expect(Math.abs(deviation!)).toBeLessThan(2);
    }
  });

  it('keeps everything with v5.13', () => {
    const [, made, removed] = percpuKB('1000-10', 'before');
    expect(removed).toBe(made);
    expect(page).toContain(`${made!} and`);
  });
});
