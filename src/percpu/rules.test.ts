// The allocator's rules one by one, in the manner of tools/testing/memblock: each has a name, a situation and what must come of it.
import { beforeEach, describe, expect, it } from 'vitest';
import { LAYOUTS, firstChunkOf, machineOf } from '../layouts/layouts.js';
import { Random } from '../random.js';
import { PercpuAllocator } from './allocator.js';
import type { Chunk } from './chunk.js';
import { CountingMemory } from './counting-memory.js';
import { GFP_ATOMIC, GFP_KERNEL, GFP_NOFS, GFP_NOIO } from './gfp.js';
import { InvariantError, checkInvariants } from './invariants.js';
import { unitLayout } from './units.js';
import { VARIANTS } from './variant.js';
import type { VariantName } from './variant.js';

const PAGE = 4096;
const UNIT = 13 * PAGE;

/** An allocator on the malta-4k layout: first chunk with 21,728 bytes from offset 2848, chunks of 13 pages. */
class Kernel {
  readonly log: string[] = [];
  readonly memory: CountingMemory;
  readonly percpu: PercpuAllocator;

  constructor(variant: VariantName = 'fixed', reserved = 0) {
    const layout = { ...LAYOUTS['malta-4k'], reservedSize: reserved };
    const machine = machineOf(layout);
    const { info, base } = firstChunkOf(layout);
    this.memory = new CountingMemory(machine, unitLayout(machine, info), info.atomSize);
    this.memory.log = (line) => this.log.push(line);
    this.percpu = new PercpuAllocator(machine, VARIANTS[variant], info, base, this.memory);
    this.percpu.asyncEnabled = true;
  }

  alloc(size: number, align = 4, gfp = GFP_KERNEL): { chunk: Chunk; offset: number } {
    const offset = this.percpu.alloc(size, align, gfp);
    if (offset < 0) throw new Error('allocation failed');
    return { chunk: this.percpu.lastChunk, offset };
  }

  free({ chunk, offset }: { chunk: Chunk; offset: number }): void {
    this.percpu.free(chunk, offset);
    checkInvariants(this.percpu);
  }

  /** Allocates pages until `chunks` chunks behind the first are full. @returns the pages' areas in those chunks */
  fillPages(chunks: number): { chunk: Chunk; offset: number }[] {
    const areas = [];
    while (areas.length < chunks * 13) {
      const area = this.alloc(PAGE, PAGE);
      if (area.chunk.id > 0) areas.push(area);
    }
    return areas;
  }

  matching(start: string): string[] {
    return this.log.filter((line) => line.startsWith(start));
  }
}

describe('requests', () => {
  let kernel: Kernel;
  beforeEach(() => (kernel = new Kernel()));

  it('begin right behind the static area', () => {
    expect(kernel.alloc(20)).toMatchObject({ chunk: kernel.percpu.firstChunk, offset: 2848 });
  });

  it('are rounded up to 4 bytes, and an alignment below 4 counts as 4', () => {
    const [first, second] = [kernel.alloc(1, 1), kernel.alloc(5, 0)];
    expect(second.offset - first.offset).toBe(4);
    expect(kernel.alloc(4).offset - second.offset).toBe(8);
  });

  it.each([
    [0, 4],
    [32769, 4],
    [8, 8192],
    [8, 12],
    [-4, 4],
    [NaN, 4],
  ])('of %d bytes aligned to %d are refused and counted nowhere', (size, align) => {
    expect(kernel.percpu.alloc(size, align)).toBe(-1);
    expect(kernel.percpu.stats.nrAlloc).toBe(0);
    expect(kernel.percpu.atomicAllocFailed).toBe(false);
  });

  it('of 32768 bytes are the largest', () => {
    expect(kernel.alloc(32768).offset).toBe(0);
  });

  it('take the lowest hole that fits exactly', () => {
    const areas = [64, 64, 64, 64].map((size) => kernel.alloc(size));
    kernel.free(areas[1]!);
    expect(kernel.alloc(64).offset).toBe(areas[1]!.offset);
  });

  it('pass over a hole that is only large enough without alignment, and smaller ones fill it', () => {
    kernel.alloc(4);
    expect(kernel.alloc(64, 64).offset % 64).toBe(0);
    expect(kernel.alloc(4).offset).toBe(2852);
  });

  it('across a page boundary populate both pages', () => {
    const kernel = new Kernel();
    for (let k = 0; k < 5; k++) kernel.alloc(PAGE, PAGE);
    const area = kernel.alloc(6000, 8);
    expect(area.chunk.id).toBe(1);
    expect(kernel.matching('populate')).toEqual([expect.stringMatching(/^populate 1 0 2 /)]);
  });

  it('tell NOIO and NOFS from atomic in 6.1, and not in f183324133ea', () => {
    const old = new Kernel('f183').percpu;
    for (const gfp of [GFP_NOIO, GFP_NOFS]) {
      expect(kernel.percpu.isAtomic(gfp)).toBe(false);
      expect(old.isAtomic(gfp)).toBe(true);
    }
  });
});

describe('the reserved chunk', () => {
  it('serves reserved requests only, and nothing else serves those', () => {
    const { percpu } = new Kernel('fixed', 8192);
    percpu.alloc(16, 4);
    expect(percpu.lastChunk).toBe(percpu.firstChunk);
    percpu.alloc(16, 4, GFP_KERNEL, true);
    expect(percpu.lastChunk).toBe(percpu.reservedChunk);
    expect(percpu.alloc(12000, 4, GFP_KERNEL, true)).toBe(-1);
  });

  it('means nothing where there is none', () => {
    const { percpu } = new Kernel();
    percpu.alloc(16, 4, GFP_KERNEL, true);
    expect(percpu.lastChunk).toBe(percpu.firstChunk);
  });
});

describe('atomic requests', () => {
  it('use populated pages only, never make a chunk, and a failure makes the balance work populate four pages', () => {
    const kernel = new Kernel();
    while (kernel.percpu.alloc(PAGE, PAGE, GFP_ATOMIC) >= 0);
    expect(kernel.percpu.stats.nrChunks).toBe(1);
    expect(kernel.percpu.atomicAllocFailed).toBe(true);
    expect(kernel.percpu.balancePending).toBe(true);
    kernel.percpu.runBalanceWork();
    expect(kernel.percpu.atomicAllocFailed).toBe(false);
    expect(kernel.matching('populate')).toEqual([expect.stringMatching(/^populate 1 0 4 /)]);
    expect(kernel.percpu.alloc(PAGE, PAGE, GFP_ATOMIC)).toBe(0);
    checkInvariants(kernel.percpu);
  });
});

describe('failures', () => {
  it('to populate give the area back', () => {
    const kernel = new Kernel();
    for (let k = 0; k < 5; k++) kernel.alloc(PAGE, PAGE);
    kernel.memory.failPage = 0;
    expect(kernel.percpu.alloc(PAGE, PAGE)).toBe(-1);
    expect(kernel.percpu.stats).toMatchObject({ nrAlloc: 6, nrDealloc: 1 });
    checkInvariants(kernel.percpu);
    kernel.memory.failPage = -1;
    expect(kernel.alloc(PAGE, PAGE)).toMatchObject({ offset: 0 });
  });

  it('to map free all pages after a flush', () => {
    const kernel = new Kernel();
    for (let k = 0; k < 5; k++) kernel.alloc(PAGE, PAGE);
    kernel.memory.failMap = 0;
    expect(kernel.percpu.alloc(PAGE, PAGE)).toBe(-1);
    expect(kernel.memory.pagesUsed).toBe(0);
    expect(kernel.log.map((line) => line.split(' ')[0])).toEqual(['vmget', 'map_fail', 'tlbflush', 'map_fail_free']);
  });

  it('of address space leave everything as it was', () => {
    const kernel = new Kernel();
    for (let k = 0; k < 5; k++) kernel.alloc(PAGE, PAGE);
    kernel.memory.failArea = 0;
    expect(kernel.percpu.alloc(PAGE, PAGE)).toBe(-1);
    expect(kernel.percpu.stats.nrChunks).toBe(1);
    expect(kernel.percpu.mutexHeld).toBe(false);
  });
});

describe('hints', () => {
  it('of a chunk do not rise on a free inside a page behind the first, until the page is empty', () => {
    const kernel = new Kernel();
    const pages = kernel.fillPages(1);
    const { chunk } = pages[0]!;
    kernel.free(pages[3]!);
    const halves = [kernel.alloc(2048), kernel.alloc(2048)];
    expect(halves.map(({ offset }) => offset)).toEqual([3 * PAGE, 3 * PAGE + 2048]);
    kernel.free(halves[0]!);
    expect(chunk.md.contig).toBe(0);
    kernel.free(halves[1]!);
    expect(chunk.md.contig).toBe(1024);
  });

  it('that are wrong are noticed by the recount', () => {
    const kernel = new Kernel();
    kernel.alloc(64);
    kernel.percpu.firstChunk.md.contig += 1;
    expect(() => checkInvariants(kernel.percpu)).toThrow(InvariantError);
  });
});

describe('a chunk with empty pages', () => {
  /** Two full chunks; then `pages` of the first of them are freed from its page `from` on. */
  function withEmptyPages(variant: VariantName, pages: readonly number[]): { kernel: Kernel; chunk: Chunk } {
    const kernel = new Kernel(variant);
    const areas = kernel.fillPages(3);
    const chunk = areas[0]!.chunk;
    // More than four empty pages elsewhere: reclaim does not begin below that.
    for (const area of areas.slice(-13).filter((_, index) => index < 6)) kernel.free(area);
    const stillThere = kernel.percpu.nrEmptyPopPages;
    if (variant === 'fixed') expect(stillThere).toBeGreaterThan(0);
    for (const page of pages) kernel.free(areas[page]!);
    kernel.log.length = 0;
    return { kernel, chunk };
  }

  it('is isolated from a quarter of its pages on, when more than four others are empty', () => {
    const { kernel, chunk } = withEmptyPages('fixed', []);
    const others = kernel.percpu.nrEmptyPopPages;
    expect(others).toBeGreaterThan(4);
    expect(chunk.isolated).toBe(false);
    const { chunk: reclaimed, kernel: after } = withEmptyPages('fixed', [1, 2, 3]);
    expect(reclaimed).toMatchObject({ isolated: true, slot: after.percpu.slots.toDepopulate, nrEmptyPopPages: 3 });
    expect(after.percpu.nrEmptyPopPages).toBe(others);
  });

  it('loses its pages from the last to the first, and is sidelined', () => {
    const { kernel, chunk } = withEmptyPages('fixed', [1, 2, 3, 8, 9]);
    kernel.percpu.runBalanceWork();
    checkInvariants(kernel.percpu);
    const ranges = kernel.matching('depopulate 1').map((line) => line.split(' ').slice(2, 4).join('-'));
    expect(ranges).toEqual(['8-10', '1-4']);
    expect(chunk).toMatchObject({
      isolated: true,
      slot: kernel.percpu.slots.sidelined,
      nrPopulated: 8,
      nrEmptyPopPages: 0,
    });
  });

  it.each<[VariantName, string[]]>([
    ['fixed', ['tlbflush 1 1 10']],
    ['first-fix', ['tlbflush 1 8 10', 'tlbflush 1 1 4']],
    ['buggy', []],
    ['f183', []],
    ['before', []],
  ])('is flushed by %s in %j', (variant, flushes) => {
    const { kernel } = withEmptyPages(variant, [1, 2, 3, 8, 9]);
    kernel.percpu.runBalanceWork();
    expect(kernel.matching('tlbflush 1').map((line) => line.split(' ').slice(0, 4).join(' '))).toEqual(flushes);
    if (variant === 'before') expect(kernel.matching('depopulate')).toEqual([]);
  });

  it('is populated again over a stale translation by the buggy kernel only', () => {
    const stale = (['fixed', 'first-fix', 'buggy', 'f183'] as const).map((variant) => {
      const { kernel } = withEmptyPages(variant, [1, 2, 3, 8, 9]);
      kernel.percpu.runBalanceWork();
      for (let k = 0; k < 20; k++) kernel.alloc(PAGE, PAGE);
      return kernel.memory.staleRemaps > 0;
    });
    expect(stale).toEqual([false, false, true, true]);
  });

  it('comes back whole when other pages get scarce before the work runs', () => {
    const { kernel, chunk } = withEmptyPages('fixed', [1, 2, 3]);
    while (kernel.percpu.nrEmptyPopPages >= 4) kernel.alloc(PAGE, PAGE);
    kernel.percpu.runBalanceWork();
    expect(chunk).toMatchObject({ isolated: false, nrPopulated: 13 });
    expect(kernel.matching('depopulate 1')).toEqual([]);
    checkInvariants(kernel.percpu);
  });

  it('serves again from the sidelined slot before a free chunk does, and is reintegrated', () => {
    const { kernel, chunk } = withEmptyPages('fixed', [1, 2, 3]);
    kernel.percpu.runBalanceWork();
    const slots = kernel.percpu.slots;
    expect(chunk.slot).toBe(slots.sidelined);
    let area = kernel.alloc(PAGE, PAGE);
    while (area.chunk !== chunk) {
      expect(area.chunk.slot).not.toBe(slots.free);
      area = kernel.alloc(PAGE, PAGE);
    }
    expect(chunk.isolated).toBe(false);
    checkInvariants(kernel.percpu);
  });
});

describe('free chunks', () => {
  it('go with all their pages, but for the one that was freed last (before partial depopulation)', () => {
    const kernel = new Kernel('before');
    const areas = kernel.fillPages(3);
    for (const area of [...areas].reverse()) kernel.free(area);
    expect(kernel.percpu.balancePending).toBe(true);
    kernel.percpu.runBalanceWork();
    checkInvariants(kernel.percpu);
    expect(kernel.percpu.stats.nrChunks).toBe(2);
    const free = [...kernel.percpu.slots.chunks(kernel.percpu.slots.free)];
    expect(free.map(({ id, freeBytes }) => [id, freeBytes])).toEqual([[1, UNIT]]);
  });

  it('are not isolated, and one that stays keeps its pages', () => {
    const kernel = new Kernel();
    for (let k = 0; k < 5; k++) kernel.alloc(PAGE, PAGE);
    const halves = Array.from({ length: 2 }, () => kernel.alloc(UNIT / 2));
    kernel.free(halves[0]!);
    kernel.free(halves[1]!);
    expect(halves[0]!.chunk).toMatchObject({ isolated: false, freeBytes: UNIT, slot: kernel.percpu.slots.free });
    kernel.percpu.runBalanceWork();
    expect(kernel.percpu.stats.nrChunks).toBe(2);
    expect(halves[0]!.chunk.nrPopulated).toBe(13);
  });

  it('the first chunk is neither isolated nor destroyed', () => {
    const kernel = new Kernel();
    const first = Array.from({ length: 5 }, () => kernel.alloc(PAGE, PAGE));
    kernel.fillPages(2);
    for (const area of first) kernel.free(area);
    expect(kernel.percpu.firstChunk.isolated).toBe(false);
  });
});

describe('slow paths', () => {
  /** Kinds of lines in the logs of the random runs. */
  const seen = new Set<string>();

  it('stop at every lock drop, hold the mutex, and let frees happen in between', () => {
    const kernel = new Kernel();
    const areas = kernel.fillPages(3);
    for (const area of areas.slice(-13, -6)) kernel.free(area);
    for (const page of [1, 2, 3, 8]) kernel.free(areas[page]!);
    const drops: string[] = [];
    const steps = kernel.percpu.balanceSteps();
    for (let step = steps.next(); !step.done; step = steps.next()) {
      drops.push(step.value);
      expect(kernel.percpu.mutexHeld).toBe(true);
      expect(() => kernel.percpu.alloc(4, 4)).toThrow('pcpu_alloc_mutex');
      if (drops.length === 3) kernel.percpu.free(areas[6]!.chunk, areas[6]!.offset);
    }
    expect(drops.slice(0, 5)).toEqual([
      'unlocked',
      'before-depopulate',
      'after-depopulate',
      'before-depopulate',
      'after-depopulate',
    ]);
    expect(drops).toContain('before-flush');
    // The page that was freed behind the scan's first range is taken as well.
    const ranges = kernel.matching('depopulate 1').map((line) => line.split(' ').slice(2, 4).join('-'));
    expect(ranges).toEqual(['8-9', '6-7', '1-4']);
    expect(kernel.percpu.mutexHeld).toBe(false);
    checkInvariants(kernel.percpu);
  });

  it.each((Object.keys(VARIANTS) as VariantName[]).flatMap((variant) => [1, 2, 3].map((seed) => ({ variant, seed }))))(
    'give the same state stepwise and at once, memory short at times ($variant, seed $seed)',
    ({ variant, seed }) => {
      const run = (stepwise: boolean): string => {
        const kernel = new Kernel(variant, 8192);
        const { percpu, memory, log } = kernel;
        const random = new Random(seed);
        const live: { chunk: Chunk; offset: number }[] = [];
        for (let k = 0; k < 1500; k++) {
          if (random.below(40) === 0) memory.failPage = random.below(4) - 1;
          if (random.below(40) === 0) memory.failMap = random.below(3) - 1;
          if (random.below(40) === 0) memory.failMetadata = random.below(6) - 1;
          if (random.below(40) === 0) memory.failArea = random.below(3) - 1;
          const freeing = k % 500 < 300 ? 25 : 75;
          if (live.length > 0 && random.below(100) < freeing) {
            const [area] = live.splice(random.below(live.length), 1);
            percpu.free(area!.chunk, area!.offset);
          } else {
            const size = random.below(20) === 0 ? 4 + random.below(32765) : 4 + 4 * random.below(400);
            const reserved = random.below(10) === 0;
            const gfp = random.below(6) === 0 ? GFP_ATOMIC : GFP_KERNEL;
            let offset: number;
            if (stepwise) {
              const steps = percpu.allocSteps(size, 8, gfp, reserved);
              let step = steps.next();
              while (!step.done) step = steps.next();
              offset = step.value;
            } else offset = percpu.alloc(size, 8, gfp, reserved);
            if (offset >= 0) live.push({ chunk: percpu.lastChunk, offset });
            log.push(`${offset} ${percpu.lastChunk.id}`);
          }
          if (!percpu.balancePending) continue;
          if (stepwise) for (const _drop of percpu.balanceSteps());
          else percpu.runBalanceWork();
          checkInvariants(percpu);
        }
        expect(percpu.mutexHeld).toBe(false);
        return log.join('\n') + JSON.stringify(percpu.stats);
      };
      const atOnce = run(false);
      for (const line of atOnce.split('\n')) seen.add(line.split(' ')[0]!);
      expect(run(true)).toBe(atOnce);
    },
  );
});
