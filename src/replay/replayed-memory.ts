// The memory port of a replay: nothing fails, and chunk addresses are those that the kernel's log says.
import type { Chunk, MemoryPort } from '../percpu/index.js';

export class ReplayedMemory implements MemoryPort {
  /** Address of the next chunk to be created, number form; NaN = the log knows of none, and a made-up address is used. */
  nextArea = NaN;
  #madeUp = 1;

  allocMetadata(): boolean {
    return true;
  }

  createArea(): number {
    const base = this.nextArea;
    this.nextArea = NaN;
    return Number.isNaN(base) ? this.#madeUp++ : base;
  }

  populate(): boolean {
    return true;
  }

  destroyArea(_chunk: Chunk): void {}
  depopulate(): void {}
  flush(): void {}
  zero(): void {}
}
