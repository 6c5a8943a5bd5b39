import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { KernelRun, type KernelRunOptions, runOutcome } from './kernel-run.js';

const engine = await loadEngine('native');
const kernels = ['be', 'le'].map((order) => {
  const file = `fixtures/testkernel/testkernel-${order}.elf`;
  return parseKernel(fs.readFileSync(file), file);
});

/** How a run ended, and everything that the guest left. */
function ended(options: Omit<KernelRunOptions, 'engine' | 'kernel'>, kernel = kernels[0]!) {
  let console = '';
  const run = new KernelRun({
    engine,
    kernel,
    memoryMB: 32,
    maxInstructions: 60e6,
    ...options,
    onByte: (byte) => (console += String.fromCharCode(byte)),
  });
  try {
    const end = run.run();
    const { cpu } = run.machine;
    const registers = Array.from({ length: 32 }, (_, n) => cpu.reg(n));
    const ram = createHash('sha1').update(cpu.ram).digest('hex');
    return { end, console, counters: run.counters, registers, ram, path: cpu.path };
  } finally {
    run.close();
  }
}

describe('a run ends at the same instruction, with the same bytes, on every path', () => {
  const words = 'tests=timer,faults';
  it.each<[string, Omit<KernelRunOptions, 'engine' | 'kernel'>, string]>([
    ['a text, in the middle of a line', { until: 'ok 3 - ' }, 'until'],
    ['a number of instructions', { maxInstructions: 1_234_567 }, 'instructions'],
    ['the next one', { maxInstructions: 1_234_568 }, 'instructions'],
    [
      'a number of instructions in an idle loop',
      { commandLine: 'tests=loops', maxInstructions: 700_001 },
      'instructions',
    ],
    ['virtual time', { maxSeconds: 0.004_321 }, 'seconds'],
    ['a hang', { stallInstructions: 100_000, commandLine: 'tests=timer' }, 'stall'],
  ])('%s', (_name, options, end) => {
    for (const kernel of kernels) {
      const wanted = { seed: 3, commandLine: words, ...options };
      const fast = ended(wanted, kernel);
      expect(fast).toMatchObject({ end, path: 'fast' });
      expect(ended({ ...wanted, precise: true }, kernel)).toEqual({ ...fast, path: 'precise' });
      expect(ended({ ...wanted, portable: true }, kernel)).toEqual({ ...fast, path: 'portable' });
    }
  });
});

it('a CPU that cannot fetch at its exception vector ends the run', () => {
  const { source, bigEndian, segments } = kernels[0]!;
  const inFlash = { source, bigEndian, segments, entry: 0xbfc0_0000, symbols: undefined, lines: undefined };
  for (const path of [{}, { precise: true }, { portable: true }, { shim: false }])
    expect(ended(path, inFlash)).toMatchObject({ end: 'locked up', counters: { instructions: 0 } });
  expect(runOutcome('locked up', [])).toEqual({ outcome: 'stall', signature: '' });
});

it('a hang without a crash on the console has no signature', () => {
  expect(runOutcome('stall', ['Linux version 6.1'])).toEqual({ outcome: 'stall', signature: '' });
  expect(runOutcome('power off', ['Linux version 6.1'])).toEqual({ outcome: 'clean', signature: '' });
});
