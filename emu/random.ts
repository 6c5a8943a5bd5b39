// The only source of chance in a simulation: one generator per run, made from the seed and passed down.

/**
 * sfc32 (Chris Doty-Humphrey's PractRand): 128 bits of state, period at least 2^32, the same sequence on every machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed 32-bit unsigned seed @param stream keeps independent uses of one seed apart */
  constructor(seed: number, stream = 0) {
    this.#a = 0x9e3779b9 ^ stream;
    this.#b = seed | 0;
    this.#c = 0x243f6a88;
    for (let i = 0; i < 16; i++) this.uint32();
  }

  /** Uniform in 0 .. 2^32-1. */
  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  /** Uniform integer in 0 .. n-1, n in 1 .. 2^32. */
  below(n: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * n);
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  state(): RandomState {
    return [this.#a, this.#b, this.#c, this.#counter];
  }

  restore(state: RandomState): void {
    [this.#a, this.#b, this.#c, this.#counter] = state;
  }
}

/** The four words of the generator. */
export type RandomState = readonly [a: number, b: number, c: number, counter: number];
