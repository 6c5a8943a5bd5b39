import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../elf/kernel-image.js';
import type { ExecutionPath } from '../mips/cpu.js';
import { loadEngine } from '../unicorn/choose.js';
import type { EngineLibrary } from '../unicorn/engine.js';
import { OverlayMedium, blankBlocks } from './disk/medium.js';
import { KernelMachine, type KernelMachineOptions } from './kernel-machine.js';

// What counts is the fast path of libunicorn 2.0.x; others are compared with it: UNICORN_LIB, when it names one, and a unicorn.js.
const { UNICORN_LIB, PERCPU_MALTA_UNICORN_JS } = process.env;
delete process.env.UNICORN_LIB;
const engine = await loadEngine('native');
const others: [string, EngineLibrary][] = [];
if (UNICORN_LIB !== undefined) {
  process.env.UNICORN_LIB = UNICORN_LIB;
  others.push([UNICORN_LIB, await loadEngine('native')]);
}
if (PERCPU_MALTA_UNICORN_JS !== undefined)
  others.push(['unicorn.js', await loadEngine(`unicorn.js:${PERCPU_MALTA_UNICORN_JS}`)]);

const kernels = ['be', 'le'].map((order) => {
  const file = `fixtures/testkernel/testkernel-${order}.elf`;
  return parseKernel(fs.readFileSync(file), file);
});

function run(kernel: (typeof kernels)[number], options: Partial<KernelMachineOptions> = {}) {
  let console = '';
  const machine = new KernelMachine({
    engine,
    kernel,
    controllers: 1,
    drives: [{ controller: 0, medium: new OverlayMedium(blankBlocks(16384)) }],
    onSerial: (port, byte) => {
      if (port === 0) console += String.fromCharCode(byte);
    },
    ...options,
  });
  try {
    machine.cpu.instructionBudget = 500e6;
    const end = machine.run();
    return { end, console, instructions: machine.cpu.instructions, now: machine.cpu.now, path: machine.cpu.path };
  } finally {
    machine.close();
  }
}

describe.each([
  ['big endian', kernels[0]!],
  ['little endian', kernels[1]!],
])('the test kernel, %s', (_order, kernel) => {
  it.each<[string, Partial<KernelMachineOptions>]>([
    ['24Kf', {}],
    ['34Kf, no shadow entries', { cpu: '34Kf', tlb: 'hardware' }],
    ['74Kf, 16 KB pages, refill in C', { cpu: '74Kf', commandLine: 'page=16k walk=c' }],
    ['P5600, few ASIDs, indices of its own', { cpu: 'P5600', commandLine: 'asids=3 replace=indexed' }],
  ])(
    'finds nothing wrong with the machine: %s',
    (_name, options) => {
      const { end, console, path } = run(kernel, options);
      expect(path).toBe('fast');
      expect(console.split(/\r?\n/).filter((line) => line.startsWith('not ok'))).toEqual([]);
      expect(console).toMatch(/testkernel: \d\d passed, 0 failed/);
      expect(end).toBe('power off');
    },
    120_000,
  );

  it.each<[string, Partial<KernelMachineOptions>, ExecutionPath]>([
    ['instruction by instruction', { precise: true }, 'precise'],
    ['on the portable path', { portable: true }, 'portable'],
    ...others.map(
      ([name, other]) =>
        [`on the portable path of ${name}`, { engine: other }, 'portable'] as [
          string,
          Partial<KernelMachineOptions>,
          ExecutionPath,
        ],
    ),
  ])(
    'runs the same, to the instruction and the byte, as block by block: %s',
    (_name, options, path) => {
      for (const more of [
        { seed: 7 },
        { seed: 8, tlb: 'hardware', commandLine: 'asids=3 walk=linear' },
        { seed: 9, cpu: 'P5600', tlb: 'hardware', commandLine: 'page=16k tests=user,stale,faults,code,loops' },
      ] satisfies Partial<KernelMachineOptions>[])
        expect(run(kernel, { ...more, ...options })).toEqual({ ...run(kernel, more), path });
    },
    600_000,
  );

  it('runs the same with hooks in TypeScript, for systems without a C compiler', () => {
    for (const more of [
      { commandLine: 'tests=wait,faults,code,disk' },
      { tlb: 'hardware', commandLine: 'tests=user_fork,remap_code asids=3' },
    ] satisfies Partial<KernelMachineOptions>[])
      expect(run(kernel, { ...more, shim: false })).toEqual({ ...run(kernel, more), path: 'portable' });
  }, 600_000);

  it.each<Partial<KernelMachineOptions>>([{}, { tlb: 'hardware', commandLine: 'page=16k walk=c' }])(
    'is at the same place with the same registers, TLB and RAM, instruction by instruction from the start or from shortly before (%o)',
    (options) => {
      /** The guest before instruction `position`; `from`: the first that could be waited for. */
      const at = (position: number, from: number): unknown => {
        const machine = new KernelMachine({ engine, kernel, seed: 7, debug: true, ...options });
        const { cpu } = machine;
        let seen: unknown;
        let exactAt = Infinity;
        cpu.stops.from = from;
        cpu.stops.number = position;
        cpu.stops.onExact = () => (exactAt = cpu.instructions);
        cpu.stops.onStop = (pc) => {
          const ram = createHash('sha1').update(cpu.ram).digest('hex');
          seen = [
            cpu.instructions,
            pc,
            cpu.pc,
            cpu.now,
            cpu.interrupts,
            cpu.registers.all(cpu.registers.save()),
            cpu.saveTlb(),
            ram,
          ];
          machine.stop();
          cpu.stops.onStop = () => {};
        };
        try {
          machine.run();
        } finally {
          machine.close();
        }
        expect(exactAt).toBeLessThan(Math.max(from, 1));
        return seen;
      };
      const { instructions } = run(kernel, { seed: 7, controllers: 0, drives: [], ...options });
      for (const part of [0.01, 0.6]) {
        const position = Math.floor(part * instructions);
        const exact = at(position, 0);
        for (const before of [0, 1, 100_000])
          expect(at(position, Math.max(position - before, 1)), `from ${before} before ${position}`).toEqual(exact);
      }
    },
    120_000,
  );

  it('is another run with another seed, and the same with the same', () => {
    const [a, b, c] = [run(kernel, { seed: 1 }), run(kernel, { seed: 1 }), run(kernel, { seed: 2 })];
    expect(b).toEqual(a);
    expect(c.instructions).not.toBe(a.instructions);
  }, 120_000);
});

describe('the translation checker, which knows no kernel', () => {
  const check = (order: number, words: string, options: Partial<KernelMachineOptions> = {}) => {
    const machine = new KernelMachine({
      engine,
      kernel: kernels[order]!,
      commandLine: `console=ttyS0 ${words}`,
      check: true,
      ...options,
    });
    try {
      machine.cpu.instructionBudget = 500e6;
      const end = machine.run();
      const { counts, places } = machine.cpu.translations!;
      return {
        end,
        counts,
        kinds: [...places.values()].map(({ kind }) => kind),
        findings: [...places.values()].map(({ count, first: { source, ...first } }) => ({ count, ...first, source })),
        instructions: machine.cpu.instructions,
      };
    } finally {
      machine.close();
    }
  };

  it.each<[string, string, number]>([
    ['4 KB pages, refill in assembly', '', 0],
    ['16 KB pages, refill in C', 'page=16k walk=c', 1],
    ['few ASIDs, indices of its own', 'asids=3 replace=indexed', 0],
    ['a linear table, whose misses nest', 'walk=linear', 1],
  ])(
    'reports nothing without a planted fault: %s',
    (_name, words, order) => {
      const { end, counts, kinds } = check(order, words);
      expect(end).toBe('power off');
      expect(kinds).toEqual([]);
      expect(counts.accesses).toBeGreaterThan(100_000);
      expect(counts.failedRefills).toBe(0);
    },
    120_000,
  );

  it.each([
    ['noflush', 'remap', 'stale'],
    ['nofree', 'unmap', 'stale'],
    ['partial', 'unmap_range', 'stale'],
    ['protect', 'protect', 'permission'],
    ['exec', 'remap_code', 'stale-code'],
    ['asid', 'asid_reuse', 'asid-reuse'],
    ['dup', 'second_entry', 'duplicate'],
    ['fork', 'user_fork', 'permission'],
    ['munmap', 'user_unmap', 'stale'],
    ['table', 'user_workers walk=linear', 'stale'],
    ['crowded', 'remap_crowded', 'unflushed'],
  ])(
    'names plant=%s, in the test that it breaks and nowhere else',
    (plant, test, kind) => {
      const { kinds } = check(plant.length % 2, `tests=${test} plant=${plant}`);
      // The same fault is seen as `unflushed`, too, where replacement has thrown the entry out.
      expect(new Set(kinds.filter((seen) => seen === kind || seen !== 'unflushed'))).toEqual(new Set([kind]));
      expect(check(plant.length % 2, `tests=${test}`).kinds).toEqual([]);
    },
    120_000,
  );

  it('names a missing flush where random replacement has thrown the stale entry out, whatever the TLB', () => {
    for (const tlb of ['qemu', 'hardware'] as const) {
      const { kinds, counts } = check(0, 'tests=remap_crowded plant=crowded', { tlb });
      expect(kinds).toEqual(['unflushed']);
      // one for each pair of pages: an access mends the pair
      expect(counts.findings.unflushed).toBe(2);
    }
  }, 120_000);

  it.each([
    ['wired', 'wired'],
    ['moved', 'moved_table'],
  ])(
    'does not report plant=%s, which looks like a fault and is none',
    (plant, test) => {
      expect(check(0, `tests=${test} plant=${plant}`).kinds).toEqual([]);
    },
    120_000,
  );

  it('changes nothing of the run', () => {
    const words = 'tests=unmap,remap_code plant=nofree';
    const machine = new KernelMachine({ engine, kernel: kernels[0]!, commandLine: `console=ttyS0 ${words}` });
    machine.run();
    expect(check(0, words).instructions).toBe(machine.cpu.instructions);
    machine.close();
  }, 120_000);

  it.each<[string, Partial<KernelMachineOptions>]>([
    ['instruction by instruction', { precise: true }],
    ['on the portable path', { portable: true }],
    ...others.map(
      ([name, other]) => [`with ${name}`, { engine: other }] satisfies [string, Partial<KernelMachineOptions>],
    ),
  ])(
    'finds the same %s',
    (_name, options) => {
      for (const [order, words, tlb] of [
        [0, 'tests=unmap,remap_code plant=nofree', 'qemu'],
        [1, 'tests=remap,protect,second_entry plant=dup page=16k walk=c', 'hardware'],
        [0, 'tests=remap_code plant=exec', 'qemu'],
        [1, 'tests=asid_reuse,user_fork plant=asid asids=3', 'qemu'],
        [0, 'tests=protect,user_fork plant=fork', 'hardware'],
      ] as const) {
        const { counts, ...rest } = check(order, words, { tlb, ...options });
        const { counts: fastCounts, ...fast } = check(order, words, { tlb });
        expect(rest).toEqual(fast);
        // code is looked at where the program counter jumps: a block that goes on over a page or is translated again is no jump
        expect({ ...counts, codeBlocks: 0 }).toEqual({ ...fastCounts, codeBlocks: 0 });
        expect(fast.kinds.length).toBeGreaterThan(0);
      }
    },
    600_000,
  );
});
