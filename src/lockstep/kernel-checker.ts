// What the translation checker finds in a run of somebody's kernel, as the chain of causes (src/analysis/cause.ts) wants it: stale accesses with
// whose memory they hit, what is read of what they left, and the oopses.
import type { StaleEvidence } from '../analysis/checker.js';
import type { CorruptedRead } from '../analysis/corrupted-words.js';
import type { StaleAccess } from '../analysis/stale-access.js';
import { type AccessScene, StaleAccesses } from '../analysis/stale-accesses.js';
import { type Symptom, Symptoms } from '../analysis/symptoms.js';
import { CheckerJudge, readyToObserve } from '../analysis/translation-judge.js';
import type { Victim } from '../analysis/victim.js';
import type { GuestNames } from '../linux/guest-names.js';
import { guestTrace } from '../run/guest-trace.js';
import type { KernelRun } from '../run/kernel-run.js';
import type { CallWatch } from './call-watch.js';
import type { KernelLog } from './kernel-log.js';
import type { PercpuWatch } from './percpu-watch.js';
import { KernelSlabObjects } from './slab-objects.js';

const [SP, RA] = [29, 31];
const LONGEST_NAME = 64;

export class KernelChecker implements StaleEvidence {
  readonly #run: KernelRun;
  readonly #log: KernelLog;
  readonly #symptoms: Symptoms;
  #objects: KernelSlabObjects | undefined;
  /** From the allocator's first chunk on: what is stale before it is not told. */
  #accesses: StaleAccesses | undefined;

  /** Attaches to a run that has not started and checks translations. */
  constructor(run: KernelRun, log: KernelLog, watch: PercpuWatch) {
    this.#run = run;
    this.#log = log;
    const { cpu } = run.machine;
    readyToObserve(cpu);
    this.#symptoms = new Symptoms(
      cpu,
      () => this.reads,
      () => [watch.pointerOffset ?? 0],
    );
    watch.onBegin = (calls, names) => this.#begin(calls, names, watch.lockstep!.percpu.pageSize);
    log.onEvent = (event) => {
      if (event.type === 'tlb_refill') this.#accesses?.refilled(event.va, event.seq);
      else if (event.type === 'oops' || event.type === 'bug') this.#symptoms.saw(event);
    };
    log.onFault = (exception) => {
      if (this.accesses.length > 0) this.#symptoms.faulted(exception);
    };
  }

  get accesses(): readonly StaleAccess[] {
    return this.#accesses?.list ?? [];
  }

  get reads(): readonly CorruptedRead[] {
    return this.#accesses?.corrupted.reads ?? [];
  }

  get symptoms(): readonly Symptom[] {
    return this.#symptoms.list;
  }

  #begin(calls: CallWatch, names: GuestNames, pageSize: number): void {
    const log = this.#log;
    const { cpu } = this.#run.machine;
    const name = (pc: number) => this.#run.names.current.lookup(pc);
    this.#objects = new KernelSlabObjects(
      calls,
      names,
      (address) => this.#text(address),
      () => this.#moment(),
    );
    const scene: AccessScene = {
      moment: () => this.#moment(),
      victimAt: (physical) => this.#victimAt(physical, pageSize),
      mappedAt: (frame) => log.mappedAt(frame),
      functionAt: (pc) => name(pc)?.start,
      traceAt: (pc) => guestTrace(cpu, this.#run.names.current, pc, cpu.reg(SP), cpu.reg(RA)),
      areaAt: (virtual) => log.areaOf(virtual),
      recording: ({ va, size, write, frame, mapped, victims, entry, shadow, pc }) => {
        const owner = ownerName(victims[0]!);
        const by = name(pc)?.name ?? '';
        log.append({ type: 'stale_access', va, size, write, frame, mapped, owner, entry, shadow, pc, by });
      },
      carriedOn: ({ bytes }) => {
        const logged = log.log.events.at(-1);
        if (logged?.type === 'stale_access') logged.size = bytes;
      },
    };
    this.#accesses = new StaleAccesses(cpu, pageSize, scene, (listener) => new CheckerJudge(cpu, pageSize, listener));
  }

  #moment(): { after: number; t: number; pid: number } {
    const { log, now } = this.#log;
    return { after: log.events.length - 1, ...now };
  }

  #text(address: number): string {
    const { cpu } = this.#run.machine;
    const start = cpu.physicalAddress(address) ?? cpu.ramBytes;
    const bytes = cpu.ram.subarray(start, start + LONGEST_NAME);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...bytes.subarray(0, end < 0 ? LONGEST_NAME : end)).replace(/[^\x20-\x7e]/g, '?');
  }

  #victimAt(physical: number, pageSize: number): Victim {
    const object = this.#objects?.at(physical);
    if (object?.kind === 'slab' && !object.freed) return object;
    const frame = Math.floor(physical / pageSize);
    return this.#log.areaAt(frame, physical) ?? object ?? { kind: 'unknown', start: physical, end: physical + 1 };
  }
}

/** For the log. */
function ownerName(victim: Victim): string {
  if (victim.kind === 'slab') return victim.freed ? `freed ${victim.cache}` : victim.cache;
  return victim.kind === 'per-CPU' ? `per-CPU chunk ${victim.chunk} page ${victim.page}` : 'unknown';
}
