// For tests: a kernel whose allocator is another PercpuAllocator with memory of its own, run piece by piece with others in between; what it does is
// told to the lockstep as a watched kernel's would be.
import {
  type AllocInfo,
  type Chunk,
  CountingMemory,
  embedFirstChunk,
  type Machine,
  PercpuAllocator,
  type Variant,
} from '../percpu/index.js';
import type { Lockstep, Path } from './lockstep.js';
import type { Operation, OperationKind } from './moments.js';

export const MACHINE: Machine = {
  bits: 32,
  pageShift: 12,
  cpus: 1,
  nodes: [],
  staticStart: 0x8100_0000n,
  vmallocStart: 0xc000_0000n,
  vmallocEnd: 0xfff0_0000n,
  thisCpu: 0,
};
export const { info, base }: { info: AllocInfo; base: number } = embedFirstChunk(
  MACHINE,
  31_520,
  0,
  20 << 10,
  4096,
  () => 0x8200_0000,
);

const other = (kind: OperationKind) => `before-${kind}` as const;

/** The kernel's side. */
export class PlayedKernel {
  readonly memory: CountingMemory;
  readonly percpu: PercpuAllocator;
  readonly areas: { chunk: Chunk; offset: number }[] = [];
  readonly #lockstep: Lockstep;
  /** Run wherever the lock is dropped. */
  meanwhile: () => void = () => {};
  /** Told what the watch of a real kernel tells its listener. */
  onOperation: ((operation: Operation) => void) | undefined;
  onAllocated: ((path: Path, address: number | undefined) => void) | undefined;
  onFreed: ((address: number, size: number) => void) | undefined;
  onBalance: ((phase: 'start' | 'end') => void) | undefined;
  /** Where calls of pcpu_alloc() return to. */
  site = 0;
  #done: Operation | undefined;

  constructor(lockstep: Lockstep, variant: Variant) {
    this.#lockstep = lockstep;
    const { units } = lockstep.percpu;
    const memory = new CountingMemory(MACHINE, units, info.atomSize);
    this.memory = memory;
    const range = (kind: 'populate' | 'depopulate' | 'flush', chunk: Chunk, start: number, end: number, ok = true) =>
      void (this.#done = { kind, base: chunk.base, start, end, ok } as Operation);
    const percpu = new PercpuAllocator(MACHINE, variant, info, base, {
      allocMetadata: () => memory.allocMetadata(),
      createArea: () => {
        const area = memory.createArea();
        this.#done = { kind: 'create', base: Number.isNaN(area) ? undefined : area };
        return area;
      },
      destroyArea: (chunk) => {
        this.#done = { kind: 'destroy', base: chunk.base };
        memory.destroyArea(chunk);
      },
      populate: (chunk, start, end) => {
        const ok = memory.populate(chunk, start, end);
        range('populate', chunk, start, end, ok);
        return ok;
      },
      depopulate: (chunk, start, end) => {
        memory.depopulate(chunk, start, end);
        range('depopulate', chunk, start, end);
      },
      flush: (chunk, start, end) => range('flush', chunk, start, end),
      zero: () => {},
    });
    percpu.asyncEnabled = true;
    this.percpu = percpu;
  }

  #play(path: Path, steps: Generator<string, number | void, void>): number | void {
    for (;;) {
      this.#done = undefined;
      const { value, done } = steps.next();
      const operation = this.#done as Operation | undefined;
      if (operation) {
        this.#lockstep.operation(path, operation);
        this.onOperation?.(operation);
      }
      if (done) return value;
      const before = (['populate', 'depopulate', 'create', 'destroy', 'flush'] as const).find(
        (kind) => value === other(kind),
      );
      if (before) this.#lockstep.asks(path, before);
      this.meanwhile();
      if (!before) this.#lockstep.holdsLock(path);
    }
  }

  alloc(size: number, align: number, gfp: number): void {
    const request = { size, align, reserved: false, gfp };
    const path = this.#lockstep.requested(request, this.site);
    this.#lockstep.searches(path, this.percpu.isAtomic(gfp));
    const offset = this.#play(path, this.percpu.allocSteps(size, align, gfp)) as number;
    const chunk = this.percpu.lastChunk;
    if (offset >= 0) this.areas.push({ chunk, offset });
    const address = offset < 0 ? undefined : chunk.base + offset;
    this.#lockstep.allocated(path, request, address);
    this.onAllocated?.(path, address);
    this.#lockstep.emptyPages(this.percpu.nrEmptyPopPages);
  }

  free(index: number): void {
    const [{ chunk, offset }] = this.areas.splice(index, 1) as [{ chunk: Chunk; offset: number }];
    const size = this.#lockstep.freed(chunk.base + offset);
    if (size !== undefined) this.onFreed?.(chunk.base + offset, size);
    this.percpu.free(chunk, offset);
    this.#lockstep.emptyPages(this.percpu.nrEmptyPopPages);
  }

  balance(): void {
    const path = this.#lockstep.balanceWork();
    this.onBalance?.('start');
    const steps = this.percpu.balanceSteps();
    steps.next(); // up to where it has the mutex and the lock
    this.#lockstep.balances(path);
    this.#play(path, steps);
    this.#lockstep.balanced(path);
    this.onBalance?.('end');
  }
}
