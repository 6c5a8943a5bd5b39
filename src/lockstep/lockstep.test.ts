import { describe, expect, it } from 'vitest';
import { Random } from '../../emu/random.js';
import { GFP_ATOMIC, GFP_KERNEL, VARIANTS, type Variant } from '../percpu/index.js';
import { Lockstep } from './lockstep.js';
import { base, info, MACHINE, PlayedKernel } from './played-kernel.js';

/** A workload that makes chunks, empties them, and lets atomic requests and frees come in between. */
function drive(kernel: PlayedKernel, lockstep: Lockstep, seed: number, operations = 3000): void {
  const random = new Random(seed);
  const SIZES = [4, 16, 40, 64, 288, 1024, 4096, 12_000];
  const { areas } = kernel;
  const freeOne = (): void => void (areas.length > 0 && kernel.free(random.below(areas.length)));
  kernel.meanwhile = () => {
    if (random.below(3) === 0) freeOne();
    if (random.below(4) === 0) kernel.alloc(64, 8, GFP_ATOMIC);
  };
  for (let i = 0; i < operations && !lockstep.difference; i++) {
    const growing = i % 600 < 350;
    if (random.below(10) < (growing ? 7 : 3))
      kernel.alloc(SIZES[random.below(SIZES.length)]!, 8, random.below(5) === 0 ? GFP_ATOMIC : GFP_KERNEL);
    else freeOne();
    if (kernel.percpu.balancePending && random.below(3) === 0) kernel.balance();
  }
}

const pair = (kernelVariant: Variant, variant = kernelVariant): { kernel: PlayedKernel; lockstep: Lockstep } => {
  const lockstep = new Lockstep(MACHINE, info, variant, base);
  return { lockstep, kernel: new PlayedKernel(lockstep, kernelVariant) };
};

describe('the allocator beside a kernel', () => {
  it.each(['fixed', 'buggy', 'f183', 'before', 'first-fix'] as const)(
    'predicts every area and every page of a kernel with the rules %s, whatever comes in between',
    (name) => {
      const { kernel, lockstep } = pair(VARIANTS[name]);
      drive(kernel, lockstep, 7);
      expect(lockstep.difference).toBeUndefined();
      const { counts } = lockstep;
      expect(counts.predicted).toBe(counts.placements);
      expect(counts.placements).toBeGreaterThan(500);
      expect(counts.created).toBeGreaterThan(1);
      expect(counts.populations).toBeGreaterThan(10);
      if (VARIANTS[name].reclaim) expect(counts.depopulations).toBeGreaterThan(1);
      expect(counts.flushes > 0).toBe(VARIANTS[name].flush !== 'never');
    },
  );

  it.each([
    ['isolates chunks later', { ...VARIANTS.fixed, reclaimAt: [1, 2] as const }],
    ['does not flush', VARIANTS.buggy],
    ['takes no pages away', VARIANTS.before],
    ['puts chunks at the other end of the sidelined slot', { ...VARIANTS.fixed, sidelineToHead: true }],
  ])('says where a kernel that %s does otherwise', (_what, variant) => {
    const { kernel, lockstep } = pair(variant, VARIANTS.fixed);
    drive(kernel, lockstep, 7, 30_000);
    expect(lockstep.difference).toBeDefined();
    expect(lockstep.difference!.kernelState.length).toBeGreaterThan(1);
    expect(lockstep.counts.predicted).toBeLessThanOrEqual(lockstep.counts.placements);
  });

  it('takes from the kernel that it had no memory, and predicts what it does then', () => {
    const { kernel, lockstep } = pair(VARIANTS.fixed);
    for (let i = 0; i < 4; i++) kernel.alloc(4096, 8, GFP_KERNEL);
    kernel.memory.failPage = 0;
    for (let i = 0; i < 8; i++) kernel.alloc(12_000, 8, GFP_KERNEL);
    kernel.memory.failPage = -1;
    kernel.memory.failArea = 0;
    for (let i = 0; i < 8; i++) kernel.alloc(12_000, 8, GFP_KERNEL);
    kernel.memory.failArea = -1;
    drive(kernel, lockstep, 3, 500);
    expect(lockstep.difference).toBeUndefined();
    expect(lockstep.counts.failures).toBeGreaterThan(2);
  });

  it('tells a wrong area from the right one, with both sides', () => {
    const { kernel, lockstep } = pair(VARIANTS.fixed);
    kernel.alloc(64, 8, GFP_KERNEL);
    const request = { size: 64, align: 8, reserved: false, gfp: GFP_KERNEL };
    const path = lockstep.requested(request);
    lockstep.searches(path, false);
    const { chunk, offset } = kernel.areas[0]!;
    lockstep.allocated(path, request, chunk.base + offset + 128);
    expect(lockstep.difference).toMatchObject({
      kernel: `gives 64 bytes aligned to 8 chunk ${chunk.base.toString(16)} offset ${offset + 128}`,
      predicted: `gives it chunk ${chunk.base.toString(16)} offset ${offset + 64}`,
    });
    expect(lockstep.counts).toMatchObject({ placements: 2, predicted: 1 });
  });

  it('does not miss areas that are freed twice or were never there', () => {
    const { kernel, lockstep } = pair(VARIANTS.fixed);
    kernel.alloc(64, 8, GFP_KERNEL);
    const { chunk, offset } = kernel.areas[0]!;
    kernel.free(0);
    lockstep.freed(chunk.base + offset);
    expect(lockstep.difference?.predicted).toBe('no area begins there');
  });

  it('counts what the kernel refused before it searched as refused', () => {
    const { lockstep } = pair(VARIANTS.fixed);
    const request = { size: 64, align: 8, reserved: false, gfp: GFP_KERNEL };
    lockstep.allocated(lockstep.requested(request), request, undefined);
    const illegal = { ...request, size: 1 << 20 };
    lockstep.allocated(lockstep.requested(illegal), illegal, undefined);
    expect(lockstep.difference).toBeUndefined();
    expect(lockstep.counts.failures).toBe(2);
  });
});
