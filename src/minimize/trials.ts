// Boots candidates of a minimization, several at a time, with answers and counts that do not depend on how many.
import type { BootSetup } from '../experiments/setup.js';

interface Trial {
  readonly passed: Promise<boolean>;
  /** Whether it is in `runs`. */
  counted: boolean;
}

export class Trials {
  /** Boots that the search took: with one at a time there would have been no others. */
  runs = 0;
  readonly #passes: (setup: BootSetup) => Promise<boolean>;
  readonly #jobs: number;
  readonly #trials = new Map<string, Trial>();

  /** @param passes boots once, and says whether the boot still does what it should @param jobs boots at the same time */
  constructor(passes: (setup: BootSetup) => Promise<boolean>, jobs: number) {
    this.#passes = passes;
    this.#jobs = jobs;
  }

  /** Index of the first that passes, -1 without one. No candidate is booted twice. */
  async firstOf(candidates: readonly BootSetup[]): Promise<number> {
    const running: Trial[] = [];
    for (let i = 0; i < candidates.length; i++) {
      while (running.length < Math.min(i + this.#jobs, candidates.length))
        running.push(this.#trial(candidates[running.length]!));
      const trial = running[i]!;
      const passed = await trial.passed;
      if (!trial.counted) this.runs++;
      trial.counted = true;
      if (passed) return i; // those behind it go on, and are known when they are asked for
    }
    return -1;
  }

  #trial(setup: BootSetup): Trial {
    const key = JSON.stringify(setup);
    let trial = this.#trials.get(key);
    if (trial === undefined) {
      trial = { passed: this.#passes(setup), counted: false };
      trial.passed.catch(() => {}); // a closed pool rejects also those that nobody waits for any more
      this.#trials.set(key, trial);
    }
    return trial;
  }
}
