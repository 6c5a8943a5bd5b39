// On the test kernel (emu/testkernel), whose faults are planted. It has no per-CPU allocator: when that one would begin is said here.
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { VARIANTS } from '../percpu/index.js';
import { KernelRun } from '../run/kernel-run.js';
import { CallWatch } from './call-watch.js';
import { KernelChecker } from './kernel-checker.js';
import { KernelLog } from './kernel-log.js';
import { Lockstep } from './lockstep.js';
import type { PercpuWatch } from './percpu-watch.js';
import { base, info, MACHINE } from './played-kernel.js';

const engine = await loadEngine('native');
const file = 'fixtures/testkernel/testkernel-be.elf';
const kernel = parseKernel(fs.readFileSync(file), file);

function check(words: string, begin = true) {
  const run = new KernelRun({
    engine,
    kernel,
    commandLine: `console=ttyS0 ${words}`,
    check: true,
    maxInstructions: 300e6,
  });
  const log = new KernelLog(run);
  const lockstep = new Lockstep(MACHINE, info, VARIANTS.buggy, base, log);
  const watch: Pick<PercpuWatch, 'lockstep' | 'pointerOffset' | 'onBegin'> = {
    lockstep,
    pointerOffset: 0,
    onBegin: undefined,
  };
  const checker = new KernelChecker(run, log, watch as PercpuWatch);
  try {
    if (begin) {
      log.begun(lockstep);
      watch.onBegin!(new CallWatch(run.machine.cpu), run.names.current);
    }
    expect(run.run()).toBe('power off');
    return { checker, log, names: run.names.current };
  } finally {
    run.close();
  }
}

describe('stale accesses of a running kernel', () => {
  it('are told with who made them, through which entry, and what filled it', () => {
    const { checker, log, names } = check('tests=unmap plant=nofree');
    const [access] = checker.accesses;
    const { events } = log.log;
    expect(access).toMatchObject({ write: true, bytes: 4, mapped: -1, zeros: false, area: -1 });
    expect(access!.trace.map((pc) => names.lookup(pc)?.name)).toEqual(
      expect.arrayContaining(['store_word', 'test_unmap']),
    );
    expect(access!.victims).toMatchObject([{ kind: 'unknown', start: access!.physical }]);
    const refill = events[access!.filled];
    expect(refill).toMatchObject({ type: 'tlb_refill', miss: true });
    const logged = events.find((event) => event.type === 'stale_access');
    expect(logged).toMatchObject({
      va: access!.va,
      size: 4,
      write: true,
      frame: access!.frame,
      mapped: -1,
      owner: 'unknown',
      by: 'store_word',
    });
    expect(refill!.seq).toBeLessThan(logged!.seq);
  }, 60_000);

  it('of what they overwrote are followed to who reads it', () => {
    const { checker, names } = check('tests=unmap plant=nofree');
    const [access] = checker.accesses;
    const [read] = checker.reads;
    expect(checker.reads).toHaveLength(1);
    // by its kseg0 address, to say what became of it
    expect(read).toMatchObject({ physical: access!.physical, size: 4, harm: 'changed', stale: access });
    expect(names.lookup(read!.pc)?.name).toBe('test_unmap');
  }, 60_000);

  it.each([
    ['a kernel that flushes', 'tests=unmap', true],
    ['what comes before the allocator', 'tests=unmap plant=nofree', false],
  ])(
    'are none of %s',
    (_, words, begin) => {
      const { checker, log } = check(words, begin);
      expect(checker.accesses).toEqual([]);
      expect(checker.reads).toEqual([]);
      expect(log.log.events.filter(({ type }) => type === 'stale_access')).toEqual([]);
    },
    60_000,
  );
});
