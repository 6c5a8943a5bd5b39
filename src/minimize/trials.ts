// Boots candidates of a minimization, several at a time, with answers and counts that do not depend on how many.
import type { BootSetup } from '../experiments/setup.js';

export class Trials {
  /** Boots that the search took: with one at a time there would have been no others. */
  runs = 0;
  readonly #passes: (setup: BootSetup) => Promise<boolean>;
  readonly #jobs: number;
  readonly #known = new Map<string, Promise<boolean>>();
  readonly #counted = new Set<string>();

  /** @param passes boots once, and says whether the boot still does what it should @param jobs boots at the same time */
  constructor(passes: (setup: BootSetup) => Promise<boolean>, jobs: number) {
    this.#passes = passes;
    this.#jobs = jobs;
  }

  /** Index of the first that passes, -1 without one. No candidate is booted twice. */
  async firstOf(candidates: readonly BootSetup[]): Promise<number> {
    const running: Promise<boolean>[] = [];
    for (let i = 0; i < candidates.length; i++) {
      while (running.length < Math.min(i + this.#jobs, candidates.length))
        running.push(this.#boot(candidates[running.length]!));
      const passed = await running[i];
      this.#count(candidates[i]!);
      if (passed) return i; // those behind it go on, and are known when they are asked for
    }
    return -1;
  }

  #boot(setup: BootSetup): Promise<boolean> {
    const key = JSON.stringify(setup);
    let answer = this.#known.get(key);
    if (answer === undefined) {
      answer = this.#passes(setup);
      answer.catch(() => {}); // a closed pool rejects also those that nobody waits for any more
      this.#known.set(key, answer);
    }
    return answer;
  }

  #count(setup: BootSetup): void {
    const key = JSON.stringify(setup);
    if (this.#counted.has(key)) return;
    this.#counted.add(key);
    this.runs++;
  }
}
