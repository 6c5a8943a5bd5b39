import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { GuestNames } from '../linux/guest-names.js';
import { KernelRun, type KernelRunOptions, runOutcome } from './kernel-run.js';
import { TranslationCheck } from './translation-check.js';

const engine = await loadEngine('native');
const file = 'fixtures/testkernel/testkernel-be.elf';
const kernel = parseKernel(fs.readFileSync(file), file);
const options = (words: string): KernelRunOptions => ({
  engine,
  kernel,
  commandLine: `console=ttyS0 ${words}`,
  check: true,
  maxInstructions: 300e6,
});

describe('a run with the checker', () => {
  it('reports who made the access, by which entry, and in a second run who changed the page table', () => {
    const wanted = options('tests=unmap plant=nofree');
    const run = new KernelRun(wanted);
    try {
      const said: string[][] = [];
      const check = new TranslationCheck(run, wanted, (lines) => said.push(lines));
      expect(run.run()).toBe('power off');
      const text = said.flat().join('\n');
      expect(text).toMatch(/BUG: access through a stale translation in store_word\+0x/);
      expect(text).toMatch(/Write of size 4 at addr d8[0-9a-f]{6} \(value [0-9a-f]{8}\)/);
      expect(text).toContain('test_unmap+0x');
      expect(text).toContain("the kernel's refill handler would write now: not valid");
      expect(text).toMatch(/\(page table entry\)/);
      expect(check.places).toMatchObject([{ kind: 'stale', place: 'store_word', count: 1 }]);
      const history = check.history().join('\n');
      expect(history).toMatch(/The page table entry was changed at instruction \d+/);
      expect(history).toContain('test_unmap+0x');
    } finally {
      run.close();
    }
  }, 60_000);

  it.each([
    ['an entry that the kernel goes back to without mending it', [{ caller: 'page_fault', callee: 'tlb_update' }], 1],
    ['nothing where each is mended', [], 0],
  ])(
    'names accesses that a stale entry refuses: %s',
    (_, skipCalls, places) => {
      const wanted = { ...options('tests=user_workers'), skipCalls, maxInstructions: 30e6 };
      const run = new KernelRun(wanted);
      try {
        const said: string[][] = [];
        const check = new TranslationCheck(run, wanted, (lines) => said.push(lines));
        run.run();
        check.finish();
        expect(run.machine.cpu.exceptions.tlbInvalidLoad + run.machine.cpu.exceptions.tlbInvalidStore).toBeGreaterThan(
          10,
        );
        expect(check.places.map(({ kind }) => kind)).toEqual(Array(places).fill('refused'));
        if (places > 0)
          expect(said.flat().join('\n')).toMatch(
            /BUG: access refused by a stale translation, which the kernel did not mend/,
          );
      } finally {
        run.close();
      }
    },
    60_000,
  );

  it('refuses to step over a call of functions that the kernel does not have', () => {
    const skipCalls = [{ caller: 'nobody', callee: 'nothing' }];
    expect(() => new KernelRun({ ...options('tests=timer'), skipCalls })).toThrow(
      /^--skip-call nobody:nothing: the kernel has no function nobody/,
    );
  });

  it('steps over a call by symbol, and says how often', () => {
    const call = { caller: 'test_unmap', callee: 'tlb_flush_page' };
    const run = new KernelRun({ ...options('tests=unmap'), skipCalls: [call] });
    try {
      run.run();
      expect(run.skipped).toMatchObject([{ call, count: 2 }]);
    } finally {
      run.close();
    }
  }, 60_000);
});

describe('how a run ended', () => {
  it.each([
    ['power off', [], 'clean'],
    ['until', ['login:'], 'clean'],
    ['stall', ['[    1.0] some line'], 'stall'],
    ['waits for ever', [], 'stall'],
    ['seconds', [], 'limit'],
    ['instructions', [], 'limit'],
    ['interrupted', [], 'interrupted'],
    [
      'panic',
      ['[    1.0] Kernel panic - not syncing: no init', '[    1.0] ---[ end Kernel panic - not syncing: no init ]---'],
      'panic',
    ],
  ] as const)('%s', (end, lines, outcome) => {
    expect(runOutcome(end, lines).outcome).toBe(outcome);
  });
});

describe('names', () => {
  const names = GuestNames.fromSystemMap(
    '80100000 T start\n80100040 t helper\n80200000 D data\n80100100 T end\n',
    'map',
  );

  it('come from a System.map, functions by their bounds', () => {
    expect(names.symbolize(0x8010_0044)).toBe('helper+0x4/0xc0');
    expect(names.symbolize(0x800f_0000)).toBe('0x800f0000');
    expect(names.address('data')).toBe(0x8020_0000);
  });

  it('are refused in one line that names file and line', () => {
    expect(() => GuestNames.fromSystemMap('80100000 T start\nnonsense\n', 'map')).toThrow(/^map:2: not a line/);
  });
});
