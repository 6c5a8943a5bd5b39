// The chain of causes as text for a terminal.
import { seconds } from '../analysis/addresses.js';
import type { Cause } from '../analysis/cause.js';
import { paint } from '../files/color.js';
import { wrap } from '../report/wrap.js';

/** Columns. */
export const storyWidth = (): number => Math.min(Math.max(process.stdout.columns ?? 100, 60), 120);

/** Each step with its time and the event it rests on. */
export function causeText({ steps }: Cause, width: number): string[] {
  return steps.flatMap(({ seq, between, t, text }, i) => [
    `${String(i + 1).padStart(2)}. ${seconds(t)} s, ${between ? 'after event' : 'event'} ${seq}`,
    ...wrap(text, width - 4).map((row) => `    ${row}`),
    '',
  ]);
}

export function verdictText({ verdict }: Cause, width: number): string[] {
  return verdict ? [...wrap(verdict.text, width).map((row) => paint('bold', row)), ''] : [];
}
