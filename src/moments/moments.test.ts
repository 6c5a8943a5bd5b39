import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { StaleChecker } from '../analysis/checker.js';
import { Phrases } from '../analysis/phrases.js';
import { DEFAULT_SETUP, setupBootOptions } from '../experiments/setup.js';
import { SEED } from '../experiments/test-seeds.js';
import { bootOnce, type BootResult } from '../kernel/boot.js';
import { Disassembler } from '../inspect/disassembly.js';
import { Evidence } from '../inspect/evidence.js';
import { readMemory } from '../inspect/memory.js';
import { addressReport, tlbHalves } from '../inspect/translations.js';
import { where } from '../inspect/where.js';
import { locate } from './locate.js';
import { parseMoment } from './moment.js';
import { bootRerun } from './own-guest.js';
import type { Subject } from './subject.js';
import { visit } from './visit.js';

const engine = await loadEngine('native');
const disassembler = await Disassembler.load();
const options = setupBootOptions(DEFAULT_SETUP, SEED.crash, engine, true);
const rerun = bootRerun(options);
const at = (moment: string): number => locate(rerun, parseMoment(moment));
const look = <T>(position: number, what: (subject: Subject, pc: number) => T): T => visit(rerun, position, what);

/** The same boot by itself, with the checker. */
let boot: BootResult;
let checker: StaleChecker;
let phrases: Phrases;
beforeAll(() => {
  boot = bootOnce({
    ...options,
    check: true,
    attach: (parts) => {
      checker = new StaleChecker(parts);
      phrases = new Phrases(parts.machine.image, parts.log.events);
    },
  });
});

describe('a boot that can be stopped', () => {
  test('is the same boot: console, log and instructions', () => {
    let stops = 0;
    const result = rerun.run(({ cpu }) => {
      cpu.stops.number = 1_000_000;
      cpu.stops.onStop = () => {
        stops++;
        cpu.stops.number += 1_000_000;
      };
    });
    expect(stops).toBeGreaterThanOrEqual(4);
    expect(result.console).toEqual(boot.console);
    expect(result.log.events).toEqual(boot.log.events);
    expect(result.counters).toEqual(boot.counters);
  });
});

describe('the moment', () => {
  test('stale is the access that the checker reports first, before it has its effect', () => {
    const first = checker.accesses[0]!;
    const position = at('stale');
    let evidence: Evidence | undefined;
    visit(
      rerun,
      position,
      (subject, pc) => {
        const place = where(subject, pc, subject.cpu.pc, disassembler);
        expect(place).toMatchObject({
          insn: position,
          event: first.after,
          task: { pid: first.pid },
          pc: { address: first.pc },
          access: { address: first.va, write: first.write },
          delaySlot: false,
        });
        expect(place.trace.map(({ address }) => address)).toEqual(first.trace);
        expect(place.code.find(({ address }) => address === pc)!.text).toMatch(/^sw /);
        const report = addressReport(subject, first.va, evidence);
        expect(report).toMatchObject({
          physical: first.physical,
          by: 'tlb',
          stale: true,
          tlb: { index: first.entry, shadow: first.shadow, frame: first.frame, pageTableFrame: first.mapped },
        });
        expect(report.owners[0]!.owner.split(', ')[0]).toBe(phrases.victim(first.victims[0]!, first.physical, 4096));
        expect(report.history.at(-1)!.text).toMatch(/mapped to pfn/);
        expect(tlbHalves(subject).filter(({ stale }) => stale).length).toBeGreaterThan(0);
        // a load through the stale entry gives the bytes of the old frame
        const through = readMemory(subject, first.va, 64);
        expect(through).toEqual(subject.cpu.ram.slice(first.physical, first.physical + 64));
      },
      (subject) => {
        evidence = new Evidence(subject.boot!, true);
      },
    );
  });

  test('foreign is the first that hits memory of another owner', () => {
    const index = checker.accesses.findIndex(({ victims }) => victims[0]!.kind !== 'free');
    expect(at('foreign')).toBe(at(`stale:${index + 1}`));
  });

  test('oops is before the instruction at fault, a jump to nowhere before the jump', () => {
    const oops = boot.log.events.find((event) => event.type === 'oops')!;
    if (oops.type !== 'oops') throw new Error('no oops');
    expect(oops.epc).toBe(0);
    const position = at('oops');
    look(position, (subject, pc) => {
      const { text } = where(subject, pc, subject.cpu.pc, disassembler).code.find(({ address }) => address === pc)!;
      const [, register] = /^jalr \$(\w+)$/.exec(text)!;
      expect(where(subject, pc, subject.cpu.pc, disassembler).registers[register!]).toBe(0);
      expect(pc + 8).toBe(oops.ra);
    });
  });

  test('event N is behind the instruction in which it happened, time S behind the first that takes the clock there', () => {
    const event = boot.log.events.find(({ type }) => type === 'depopulate')!;
    look(at(`event ${event.seq}`), (subject) => {
      expect(subject.boot!.log.events.length).toBeGreaterThan(event.seq);
      expect(subject.now()).toBeGreaterThanOrEqual(event.t);
    });
    look(at(`event ${event.seq}`) - 1, (subject) =>
      expect(subject.boot!.log.events.length).toBeLessThanOrEqual(event.seq),
    );
    const position = at('time 0.5');
    look(position, (subject) => expect(subject.now()).toBeGreaterThanOrEqual(0.5e6));
    look(position - 1, (subject) => expect(subject.now()).toBeLessThan(0.5e6));
  });

  test('pc SYMBOL:N is before the N-th execution', () => {
    const [first, second] = [at('pc scsi_alloc_sdev'), at('pc scsi_alloc_sdev:2')];
    expect(second).toBeGreaterThan(first);
    look(second, (subject, pc) =>
      expect(subject.names.lookup(pc)).toMatchObject({ name: 'scsi_alloc_sdev', start: pc }),
    );
  });

  test.each([
    ['pc nonsense', /no symbol 'nonsense'/],
    ['pc memset+1', /multiples of 4/],
    ['event 10000000', /the last event is \d+/],
    ['oops:7', /the run has \d oops/],
  ])('%s that never comes is told in one line', (moment, message) => {
    expect(() => at(moment)).toThrow(message);
  });

  test('a stale access that never comes is told with their number', () => {
    expect(() => at('stale:100000')).toThrow(`${checker.accesses.length} accesses go through stale translations`);
  });

  test('a time behind the end is told with the end', () => {
    expect(() => at('time 1000')).toThrow(`the run ends at ${boot.counters.simulatedSeconds.toFixed(6)} s`);
  });

  test('insn N behind the end is told when it is visited', () => {
    expect(() => look(1e9, () => 0)).toThrow(/no instruction 1000000000: the run ends after \d+/);
  });
});
