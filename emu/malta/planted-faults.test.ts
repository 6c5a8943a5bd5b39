// The test kernel's planted faults are real: with one, the access it speaks of goes through the stale entry, whatever the TLB;
// without, it never does.
import fs from 'node:fs';
import { expect, it } from 'vitest';
import { parseKernel } from '../elf/kernel-image.js';
import type { TlbMode } from '../mips/cpu.js';
import { loadEngine } from '../unicorn/choose.js';
import { KernelMachine } from './kernel-machine.js';

const engine = await loadEngine('native');

function run(order: 'be' | 'le', tlb: TlbMode, commandLine: string): string[] {
  const file = `fixtures/testkernel/testkernel-${order}.elf`;
  let console = '';
  const machine = new KernelMachine({
    engine,
    kernel: parseKernel(fs.readFileSync(file), file),
    commandLine,
    tlb,
    onSerial: (port, byte) => {
      if (port === 0) console += String.fromCharCode(byte);
    },
  });
  try {
    machine.cpu.instructionBudget = 200e6;
    expect(machine.run()).toBe('power off');
    return console.split(/\r?\n/);
  } finally {
    machine.close();
  }
}

it.each([
  ['noflush', 'remap', /^# planted: load of d800[0-3]000 gave 0000aaa[a-d]$/, 4],
  ['crowded', 'remap_crowded', /^# planted: load of d8\w{3}000 gave 0000bbb[b-e]$/, 4],
  ['nofree', 'unmap', /^# planted: store to a page that is gone; the new owner's d800\w000 gave 0000aaaa$/, 1],
  ['partial', 'unmap_range', /^# planted: load of unmapped d800\w000 gave 0000aaa[ef]$/, 2],
  ['protect', 'protect', /^# planted: store to read-only d800\w000 gave 0000aaaa$/, 1],
  ['exec', 'remap_code', /^# planted: code at d80\w\w000 gave 00000001$/, 1],
  ['asid', 'asid_reuse', /^# planted: load of 10000000 gave 0000aaaa$/, 1],
  ['dup', 'second_entry', /^# planted: with two entries load of d80\w\w000 gave 0000aaaa$/, 1],
  ['fork', 'user_fork', /^# a process ended at line: /, 1],
  ['munmap', 'user_unmap', /^# a process ended at line: /, 1],
])('plant=%s breaks %s', (plant, test, effect, times) => {
  for (const [order, tlb] of [
    ['be', 'qemu'],
    ['le', 'hardware'],
  ] as const) {
    const lines = run(order, tlb, `tests=stale,${test} plant=${plant}`);
    expect(lines.filter((line) => effect.test(line))).toHaveLength(times);
    expect(lines.filter((line) => / # with a planted fault$/.test(line))).toHaveLength(1);
    const right = run(order, tlb, `tests=stale,${test}`);
    expect(right.filter((line) => /^#|^not ok|planted fault/.test(line))).toEqual([]);
  }
});
