import fs from 'node:fs';
import { expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { GuestNames } from '../linux/guest-names.js';
import { flushCallers, surveyFlushes, withoutFlush } from './flush-survey.js';

const engine = await loadEngine('native');
const file = 'fixtures/testkernel/testkernel-le.elf';
const kernel = parseKernel(fs.readFileSync(file), file);

it('leaves out the flushes that a run reaches, and says which of them it needs', () => {
  const options = { engine, kernel, commandLine: 'console=ttyS0 tests=unmap,wired', maxInstructions: 100e6 };
  const { calls, end, instructions } = surveyFlushes(options);
  expect(end).toBe('power off');
  const verdicts = calls.map((call) => withoutFlush(options, call, instructions));
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
