// A run that ends at a position, to be looked at there.
import { UsageError } from '../errors.js';
import type { Rerun, Subject } from './subject.js';

class Visited extends Error {
  override readonly name = 'Visited';
}

/**
 * Runs until `position` instructions have started and calls `look` with the guest waiting there before the next one, at `pc`.
 * @param attach gets the guest before its first instruction
 * @returns what `look` does @throws UsageError when the run ends before
 */
export function visit<T>(
  rerun: Rerun<unknown>,
  position: number,
  look: (subject: Subject, pc: number) => T,
  attach: (subject: Subject) => void = () => {},
): T {
  let seen: { result: T } | undefined;
  let end = 0;
  try {
    rerun.run((subject) => {
      const { stops } = subject.cpu;
      attach(subject);
      stops.from = stops.number = position;
      stops.onStop = (pc) => {
        end = subject.cpu.instructions;
        if (end < position) return;
        seen = { result: look(subject, pc) };
        throw new Visited('enough');
      };
    });
  } catch (error) {
    if (!(error instanceof Visited)) throw error;
  }
  if (!seen) throw new UsageError(`there is no instruction ${position}: the run ends after ${end}`);
  return seen.result;
}
