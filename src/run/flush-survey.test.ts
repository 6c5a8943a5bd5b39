import { expect, it } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { LocalFiles, localTask, type KernelJob } from '../experiments/job.js';
import { type KernelRecord, type KernelSetup, kernelSetup, runKernelJob } from '../experiments/kernel-job.js';
import { GuestNames } from '../linux/guest-names.js';
import { flushCallers, flushVerdict } from './flush-survey.js';
import type { RunFlags } from './open-run.js';

const engine = await loadEngine('native');
const files = new LocalFiles();
const run = (setup: KernelSetup): KernelRecord => {
  const job: KernelJob = { run: true, setup, seed: 1 };
  return runKernelJob('0', job, localTask(job, files).paths, true, engine);
};

it('leaves out the flushes that a run reaches, and says which of them it needs', () => {
  const flags: RunFlags = {
    append: 'console=ttyS0 tests=unmap,wired',
    drive: [],
    memory: 128,
    cpu: '24Kf',
    tlb: 'qemu',
    seed: 1,
    commandLatency: 40,
    maxSeconds: 300,
    maxInstructions: 100e6,
    stallInstructions: 1e9,
    skipCall: [],
    shim: true,
  };
  const plain = kernelSetup('fixtures/testkernel/testkernel-le.elf', flags, false, files);
  const { end, flushCalls: calls = [] } = run({ ...plain, countFlushes: true });
  expect(end).toBe('power off');
  const verdicts = calls.map((call) =>
    flushVerdict(call, run({ ...plain, skipCalls: [call], check: true, stopAtFinding: true })),
  );
  const of = (caller: string) => verdicts.find((verdict) => verdict.caller === caller);
  expect(of('test_unmap')).toMatchObject({
    callee: 'tlb_flush_page',
    count: 2,
    finding: { kind: 'stale', place: 'store_word' },
  });
  expect(of('test_wired')).toMatchObject({ finding: undefined, outcome: 'clean' });
  expect(calls.map(({ count }) => count)).toEqual(calls.map(({ count }) => count).sort((a, b) => b - a));
}, 120_000);

it('finds the callers of a flush in the text, and the callers of what ends in one', () => {
  const names = GuestNames.fromSystemMap(
    [
      '80100000 T balance',
      '80100020 t post_unmap_flush',
      '80100040 T other',
      '80100060 T flush_tlb_all',
      '80100080 T end',
    ].join('\n'),
    'map',
  );
  const jump = (opcode: number, target: number): number => ((opcode << 26) | ((target & 0x0fff_ffff) >>> 2)) >>> 0;
  const text = new Map([
    [0x8010_0004, jump(3, 0x8010_0020)],
    [0x8010_0028, jump(2, 0x8010_0060)],
    [0x8010_0044, jump(3, 0x8010_0060)],
  ]);
  const [flush] = names.functions(/^flush_tlb_all$/);
  expect(flushCallers(names, [flush!], (address) => text.get(address) ?? 0)).toEqual([
    { caller: 'balance', callee: 'flush_tlb_all' },
    { caller: 'other', callee: 'flush_tlb_all' },
  ]);
});
