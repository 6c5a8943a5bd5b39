// The checker on whole boots of the committed guest: what it reports has to be in the log, and nothing it does may change the boot.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { DEFAULT_SETUP, setupBootOptions } from '../experiments/setup.js';
import { SEED } from '../experiments/test-seeds.js';
import { bootOnce, type BootParts, type BootResult } from '../kernel/boot.js';
import type { KernelName } from '../kernel/kernels.js';
import { causeOf } from './cause.js';
import { type CheckerOptions, StaleChecker } from './checker.js';
import { PageTableJudge } from './page-table-judge.js';
import { pageHistory } from './page-history.js';
import { Phrases } from './phrases.js';
import { staleKind } from './stale-access.js';

let engine: EngineLibrary;
beforeAll(async () => {
  engine = await loadEngine();
});

interface Checked {
  result: BootResult;
  checker: StaleChecker;
  phrases: Phrases;
}

function boot(
  kernel: KernelName,
  seed: number,
  attach: (parts: BootParts) => void = () => {},
  check = true,
): BootResult {
  return bootOnce({ ...setupBootOptions({ ...DEFAULT_SETUP, kernel }, seed, engine, true), check, attach });
}

function checked(kernel: KernelName, seed: number, options: CheckerOptions = {}): Checked {
  let checker!: StaleChecker;
  let phrases!: Phrases;
  const result = boot(
    kernel,
    seed,
    (parts) => {
      checker = new StaleChecker(parts, options);
      phrases = new Phrases(parts.machine.image, parts.log.events);
    },
    options.judge === undefined,
  );
  return { result, checker, phrases };
}

const CRASH = ['oops', 'bug', 'panic', 'stall'];
const PAGE = 4096;
const SEEDS = [...Object.values(SEED), 3, 4, 5];

describe('on the first bad kernel', () => {
  let boots: Checked[];
  beforeAll(() => {
    boots = SEEDS.map((seed) => checked('f183324133ea', seed));
  });

  test('most seeds crash, in more than one way', () => {
    const crashed = boots.filter(({ result }) => result.outcome !== 'clean');
    expect(crashed.length).toBeGreaterThan(SEEDS.length / 2);
    const places = crashed.map(({ checker }) => {
      const event = checker.symptoms.find(({ event: { type } }) => type === 'oops')?.event;
      return event?.type === 'oops' ? event.epcSym : '';
    });
    expect(new Set(places).size).toBeGreaterThan(1);
  });

  test('every crash comes after a stale store into memory of another owner', () => {
    for (const { result, checker } of boots) {
      const crash = result.log.events.findIndex(({ type }) => CRASH.includes(type));
      if (crash < 0) continue;
      const first = checker.accesses.find((access) => staleKind(access) === "stale write to another owner's page");
      expect(first).toBeDefined();
      expect(first!.after).toBeLessThan(crash);
    }
  });

  test('each access is behind a depopulation without a flush that the log has, in the right order', () => {
    for (const { result, checker } of boots) {
      for (const access of checker.accesses) {
        const history = pageHistory(result.log.events, access, PAGE);
        const { mapped, filled, unmapped, depopulated, repopulated } = history;
        const seqs = [mapped, filled, unmapped, depopulated, repopulated].map((event) => event?.seq);
        expect(seqs).not.toContain(undefined);
        expect(seqs).toEqual([...seqs].sort((a, b) => a! - b!));
        expect(depopulated!.flushed).toBe(false);
        expect(repopulated!.frame).toBe(access.mapped);
        expect(access.frame).not.toBe(access.mapped);
      }
    }
  });

  test('sees every area that the boot itself finds about to be zeroed through a stale translation', () => {
    for (const { result, checker } of boots) {
      const stores = checker.accesses.filter(({ write }) => write);
      for (const event of result.log.events) {
        if (event.type !== 'stale_access') continue;
        const hit = stores.find(
          ({ va, bytes, frame, after }) =>
            after >= event.seq &&
            after <= event.seq + 4 &&
            va <= event.va &&
            event.va < va + bytes &&
            frame === event.frame,
        );
        expect(hit, `event ${event.seq}`).toBeDefined();
      }
    }
  });

  test('the cause of each crash ends in the word that the faulting instruction used', () => {
    for (const { result, checker, phrases } of boots) {
      if (result.outcome === 'clean') continue;
      const { steps, verdict, shown } = causeOf(checker, result.log.events, phrases, PAGE);
      expect(shown).toBe(true);
      expect(steps.map(({ seq }) => seq)).toEqual([...steps.map(({ seq }) => seq)].sort((a, b) => a - b));
      const story = steps.map(({ text }) => text).join('\n');
      for (const part of ['is populated', 'into the TLB', 'isolated', 'The TLB is not flushed', 'populated again'])
        expect(story).toContain(part);
      expect(story).toMatch(/reads .* what the stale store left|gets .*|the store that should be there went to/);
      expect(verdict!.text).toContain(`The cause is event ${verdict!.seq}`);
      expect(result.log.events[verdict!.seq]!.type).toBe('depopulate');
    }
  });

  test('reports the first stale access before it has its effect, and the first that hits somebody', () => {
    const reported: string[] = [];
    const { checker } = checked('f183324133ea', SEED.crash, { report: (access) => reported.push(staleKind(access)) });
    expect(reported[0]).toBe(staleKind(checker.accesses[0]!));
    expect(reported.at(-1)).toContain("another owner's page");
    expect(reported.length).toBeLessThanOrEqual(2);
  });

  test.each([
    ['all of its pages', true],
    ['pages whose translation may be stale', false],
  ])('finds what the page table says of %s', (_, everything) => {
    const { checker } = boots[1]!;
    const judge: CheckerOptions['judge'] = (parts, listener) => new PageTableJudge(parts, listener, everything);
    const { checker: byPageTable } = checked('f183324133ea', SEEDS[1]!, { judge });
    expect(checker.accesses.length).toBeGreaterThan(0);
    expect(byPageTable.accesses).toEqual(checker.accesses);
    expect(byPageTable.reads).toEqual(checker.reads);
  });

  test('changes nothing about the boot', () => {
    const plain = boot('f183324133ea', SEEDS[2]!, undefined, false);
    const { result } = boots[2]!;
    expect(result.console).toEqual(plain.console);
    expect(result.log.events).toEqual(plain.log.events);
    expect(result.counters).toEqual(plain.counters);
  });
});

test.each(['93274f1dd6b0', 'first-fix', 'flush-all', 'lazy-flush', 'v5.13'] as const)(
  'reports nothing on %s',
  (kernel) => {
    const { checker, result } = checked(kernel, 1);
    expect(checker.accesses).toEqual([]);
    expect(checker.reads).toEqual([]);
    expect(result.outcome).toBe('clean');
  },
);
