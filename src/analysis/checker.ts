// Finds the accesses of a boot of our own guest through stale TLB entries, what becomes of what they wrote, and what came of it. What is stale the
// translation checker decides; here is what only our guest knows: whose memory each byte is, down to the field.
import type { ExceptionRecord } from '../../emu/mips/cpu.js';
import type { BootParts } from '../kernel/boot.js';
import { THREAD_SIZE, unwind } from '../kernel/unwind.js';
import type { CorruptedRead } from './corrupted-words.js';
import { PageTableJudge } from './page-table-judge.js';
import { SlabObjects } from './slab-objects.js';
import type { StaleAccess } from './stale-access.js';
import { StaleAccesses } from './stale-accesses.js';
import { type Symptom, Symptoms } from './symptoms.js';
import { CheckerJudge, type JudgeListener, readyToObserve, type TranslationJudge } from './translation-judge.js';
import { VictimFinder } from './victim.js';

const [SP, RA] = [29, 31];

export interface CheckerOptions {
  /** Called before the access has its effect: with the first stale one, and the first that hits another owner's memory. */
  report?: (access: StaleAccess) => void;
  /** Called with each record that is made, before its first access has its effect. */
  onAccess?: (access: StaleAccess) => void;
  /** In the place of the translation checker, and of the page table where there is none. */
  judge?: (parts: BootParts, listener: JudgeListener) => TranslationJudge;
}

/** What the chain of causes is made from. */
export interface StaleEvidence {
  /** In order of time. */
  readonly accesses: readonly StaleAccess[];
  /** What was read of what stale stores left, in order of time. */
  readonly reads: readonly CorruptedRead[];
  readonly symptoms: readonly Symptom[];
}

/** @throws Error for a boot that was made without BootOptions.check though its engine has the translation checker */
function judgeOf({ machine, ...parts }: BootParts, listener: JudgeListener): TranslationJudge {
  const { cpu } = machine.board;
  if (cpu.translations) return new CheckerJudge(cpu, machine.pageSize, listener);
  if (cpu.path !== 'portable') throw new Error('the boot was made without the option check');
  return new PageTableJudge({ machine, ...parts }, listener);
}

export class StaleChecker implements StaleEvidence {
  readonly #parts: BootParts;
  readonly #options: CheckerOptions;
  readonly #accesses: StaleAccesses;
  readonly #symptoms: Symptoms;
  /** Where each frame of a per-CPU chunk was mapped last. */
  readonly #addresses = new Map<number, number>();
  #foreignReported = false;

  /** Attaches to a boot that has not started (BootOptions.attach) and that was made with BootOptions.check. */
  constructor(parts: BootParts, options: CheckerOptions = {}) {
    this.#parts = parts;
    this.#options = options;
    const { machine, clock, log, scheduler } = parts;
    const { cpu } = machine.board;
    const victims = new VictimFinder(parts, new SlabObjects(parts));
    readyToObserve(cpu);
    this.#accesses = new StaleAccesses(
      cpu,
      machine.pageSize,
      {
        moment: () => ({ after: log.events.length - 1, t: clock.now, pid: scheduler.current.pid }),
        victimAt: (physical) => victims.at(physical),
        mappedAt: (frame) => this.#addresses.get(frame),
        functionAt: (pc) => machine.symbols.lookup(pc)?.start,
        traceAt: (pc) => unwind(machine, pc, cpu.reg(SP), cpu.reg(RA), scheduler.current.stack + THREAD_SIZE),
        areaAt: (virtual) => this.#areaAt(virtual),
      },
      (listener) => (options.judge ?? judgeOf)(parts, listener),
    );
    this.#accesses.onRecord = (access) => this.#recorded(access);
    this.#symptoms = new Symptoms(
      cpu,
      () => this.reads,
      () => this.#perCpuOffsets(),
    );
    parts.onException((exception) => this.#exception(exception));
    const next = log.onEvent;
    log.onEvent = (event) => {
      next?.(event);
      if (event.type === 'map') this.#addresses.set(event.frame, event.va);
      else if (event.type === 'tlb_refill') this.#accesses.refilled(event.va, event.seq);
      else if (event.type === 'oops' || event.type === 'bug') this.#symptoms.saw(event);
    };
  }

  get accesses(): readonly StaleAccess[] {
    return this.#accesses.list;
  }

  get reads(): readonly CorruptedRead[] {
    return this.#accesses.corrupted.reads;
  }

  get symptoms(): readonly Symptom[] {
    return this.#symptoms.list;
  }

  #exception(exception: ExceptionRecord): void {
    const { badVAddr, name } = exception;
    if ((name === 'TLBS' || name === 'TLBL') && this.#parts.pages.table.frameOf(badVAddr) >= 0) return; // its handler serves it
    this.#symptoms.faulted(exception);
  }

  #perCpuOffsets(): number[] {
    const { machine, allocator } = this.#parts;
    const offsets = machine.symbols.address('__per_cpu_offset');
    return allocator.units.offsets.map((_, cpu) => machine.read32(offsets + 4 * cpu));
  }

  #recorded(access: StaleAccess): void {
    const foreign = access.victims[0]!.kind !== 'free';
    if (this.accesses.length === 1 || (foreign && !this.#foreignReported)) this.#options.report?.(access);
    this.#foreignReported ||= foreign;
    this.#options.onAccess?.(access);
  }

  /** Units lie a fixed distance apart: an area's copies have its offset in each. */
  #areaAt(va: number): number {
    const { events } = this.#parts.log;
    const { offsets } = this.#parts.allocator.units;
    for (let i = events.length - 1; i >= 0; i--) {
      const event = events[i]!;
      if (event.type !== 'percpu_alloc') continue;
      for (const offset of offsets) {
        const start = event.va + offset;
        if (start <= va && va < start + event.size) return event.seq;
      }
    }
    return -1;
  }
}
