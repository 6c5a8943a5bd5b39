import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../elf/kernel-image.js';
import { loadEngine } from '../unicorn/choose.js';
import { OverlayMedium, blankBlocks } from './disk/medium.js';
import { KernelMachine, type KernelMachineOptions } from './kernel-machine.js';

const engine = await loadEngine('native');
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

  it('runs the same, to the instruction, block by block and instruction by instruction', () => {
    const fast = run(kernel, { seed: 7 });
    const precise = run(kernel, { seed: 7, precise: true });
    expect(precise).toEqual({ ...fast, path: 'precise' });
  }, 120_000);

  it('is another run with another seed, and the same with the same', () => {
    const [a, b, c] = [run(kernel, { seed: 1 }), run(kernel, { seed: 1 }), run(kernel, { seed: 2 })];
    expect(b).toEqual(a);
    expect(c.instructions).not.toBe(a.instructions);
  }, 120_000);
});
