// What the translation checker finds in a run of somebody's kernel, as the chain of causes (src/analysis/cause.ts) wants it: stale accesses with
// whose memory they hit, what is read of what they left, and the oopses.
import type { Finding } from '../../emu/mips/translation-checker.js';
import type { ExceptionRecord, MemoryAccess } from '../../emu/mips/cpu.js';
import type { StaleChecker, Symptom } from '../analysis/checker.js';
import { CorruptedWords } from '../analysis/corrupted-words.js';
import type { StaleAccess } from '../analysis/stale-access.js';
import type { Victim } from '../analysis/victim.js';
import type { KernelEvent } from '../kernel/events.js';
import { guestTrace } from '../run/guest-trace.js';
import type { KernelRun } from '../run/kernel-run.js';
import type { KernelLog } from './kernel-log.js';
import type { PercpuWatch } from './percpu-watch.js';
import { KernelSlabObjects } from './slab-objects.js';

/** What follows the first few is their consequence. */
const MAX_SYMPTOMS = 16;
const [SP, RA] = [29, 31];
const LONGEST_NAME = 64;

export class KernelChecker implements Pick<StaleChecker, 'accesses' | 'symptoms' | 'corrupted'> {
  readonly accesses: StaleAccess[] = [];
  readonly symptoms: Symptom[] = [];
  corrupted!: CorruptedWords;
  readonly #run: KernelRun;
  readonly #log: KernelLog;
  readonly #watch: PercpuWatch;
  #objects: KernelSlabObjects | undefined;
  /** Pages that stale accesses went to, observed for the sound ones. */
  readonly #observed = new Set<number>();
  /** Fills of each pair of pages: event, and instructions then. */
  readonly #refills = new Map<number, { seq: number; instructions: number }[]>();
  /** Events there were behind the last record. */
  #logged = -1;
  #lastFault: { exception: ExceptionRecord; registers: number[]; reads: Symptom['reads'] } | undefined;

  /** Attaches to a run that has not started and checks translations. */
  constructor(run: KernelRun, log: KernelLog, watch: PercpuWatch) {
    this.#run = run;
    this.#log = log;
    this.#watch = watch;
    const { cpu } = run.machine;
    // Code that was translated without any memory hook never calls one: there has to be one from the start, where nobody goes.
    cpu.observeMemory(0xbfff_f000, 0xbfff_f003, () => {});
    cpu.translations!.onAccess = (finding) => this.#found(finding);
    watch.onBegin = (calls, names) => {
      this.corrupted = new CorruptedWords(
        {
          pageSize: watch.lockstep!.percpu.pageSize,
          littleEndian: cpu.littleEndian,
          read32: (physical) => cpu.view.getUint32(physical, cpu.littleEndian),
          observeUnmapped: (start, end, observer) => cpu.observeUnmapped(start, end, observer),
          moment: () => this.#moment(),
        },
        { at: (physical) => this.#victimAt(physical) },
      );
      this.#objects = new KernelSlabObjects(
        calls,
        names,
        (address) => this.#text(address),
        () => this.#moment(),
      );
    };
    log.onEvent = (event) => {
      if (event.type === 'tlb_refill') this.#refilled(event);
      else if (event.type === 'oops' || event.type === 'bug') this.#sawSymptom(event);
    };
    log.onFault = (exception) => this.#fault(exception);
  }

  get #pageSize(): number {
    return this.#watch.lockstep!.percpu.pageSize;
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

  #victimAt(physical: number): Victim {
    const object = this.#objects?.at(physical);
    if (object?.kind === 'slab' && !object.freed) return object;
    const frame = Math.floor(physical / this.#pageSize);
    return this.#log.areaAt(frame, physical) ?? object ?? { kind: 'unknown', start: physical, end: physical + 1 };
  }

  #refilled({ va, seq }: KernelEvent & { type: 'tlb_refill' }): void {
    const pair = Math.floor(va / (2 * this.#pageSize));
    const fill = { seq, instructions: this.#run.machine.cpu.instructions };
    const fills = this.#refills.get(pair);
    if (fills) fills.push(fill);
    else this.#refills.set(pair, [fill]);
  }

  // ---- stale accesses -------------------------------------------------------------------------------------------------

  #found(finding: Finding): void {
    if (finding.kind !== 'stale' || !this.corrupted) return;
    const { virtual, physical, size, value, write, present } = finding;
    const offset = virtual % this.#pageSize;
    const frame = Math.floor(physical / this.#pageSize);
    const mapped = present?.valid ? Math.floor(present.physical / this.#pageSize) : -1;
    const record = this.#continued(finding, frame) ?? this.#record(finding, frame, mapped);
    this.#hits(record, physical, size);
    this.#observe(virtual - offset);
    const sound = { write, physical, size, pc: finding.pc };
    if (!write) this.corrupted.loaded(record, sound);
    else this.corrupted.stored(record, physical, mapped < 0 ? -1 : mapped * this.#pageSize + offset, size, value);
  }

  /** Whose memory the access goes to, where that is somebody else than before. */
  #hits({ victims }: StaleAccess, physical: number, size: number): void {
    const last = victims.at(-1)!;
    if (physical < last.end) return;
    const victim = this.#victimAt(physical);
    if (last.kind === 'unknown' && victim.kind === 'unknown') last.end = physical + size;
    else victims.push(victim);
  }

  /** The record that this access carries on, if one does. */
  #continued({ write, virtual, size, value, pc }: Finding, frame: number): StaleAccess | undefined {
    const last = this.accesses.at(-1);
    const names = this.#run.names.current;
    if (
      last?.write !== write ||
      last.va + last.bytes !== virtual ||
      last.frame !== frame ||
      this.#logged !== this.#log.log.events.length ||
      names.lookup(last.pc)?.start !== names.lookup(pc)?.start
    )
      return undefined;
    last.bytes += size;
    const logged = this.#log.log.events.at(-1);
    if (logged?.type === 'stale_access') logged.size = last.bytes;
    last.zeros &&= value === 0;
    return last;
  }

  #record(finding: Finding, frame: number, mapped: number): StaleAccess {
    const { virtual, physical, size, value, write, pc, entry, registers, source } = finding;
    const { cpu } = this.#run.machine;
    const trace = guestTrace(cpu, this.#run.names.current, pc, registers[SP]!, registers[RA]!);
    const victims = [this.#victimAt(physical)];
    const by = this.#run.names.current.lookup(pc)?.name ?? '';
    this.#log.append({
      type: 'stale_access',
      va: virtual,
      size,
      write,
      frame,
      mapped,
      owner: ownerName(victims[0]!),
      entry: entry.index,
      shadow: entry.shadow,
      pc,
      by,
    });
    const fills = this.#refills.get(Math.floor(virtual / (2 * this.#pageSize))) ?? [];
    const record: StaleAccess = {
      ...this.#moment(),
      write,
      va: virtual,
      bytes: size,
      size,
      physical,
      zeros: write && value === 0,
      frame,
      mapped,
      victims,
      pc,
      trace,
      entry: entry.index,
      shadow: entry.shadow,
      filled: fills.findLast(({ instructions }) => instructions <= (source?.filledAt ?? 0))?.seq ?? -1,
      area: this.#log.areaOf(virtual),
    };
    this.accesses.push(record);
    this.#logged = this.#log.log.events.length;
    return record;
  }

  /** Sound accesses to a page that was once stale mend or see what is missing there. */
  #observe(page: number): void {
    if (this.#observed.has(page)) return;
    this.#observed.add(page);
    const { cpu } = this.#run.machine;
    const sound = (access: MemoryAccess): void => {
      if (this.#log.frameOf(access.virtual) === Math.floor(access.physical / this.#pageSize))
        this.corrupted.accessed(access);
    };
    cpu.observeMemory(page, page + this.#pageSize - 1, sound);
  }

  // ---- symptoms -------------------------------------------------------------------------------------------------------

  /** Registers and reads of an exception, in case that it is the one that an oops tells of. */
  #fault(exception: ExceptionRecord): void {
    if (this.accesses.length === 0) return;
    const { cpu } = this.#run.machine;
    if (exception.nested) return;
    this.#lastFault = {
      exception,
      registers: Array.from({ length: 32 }, (_, n) => (n === 0 ? 0 : cpu.reg(n))),
      reads: this.corrupted.reads,
    };
  }

  #sawSymptom(event: KernelEvent & { type: 'oops' | 'bug' }): void {
    if (!this.corrupted || this.symptoms.length === MAX_SYMPTOMS) return;
    const fault = event.type === 'oops' && this.#lastFault?.exception.epc === event.epc ? this.#lastFault : undefined;
    this.symptoms.push({
      event,
      registers: fault?.registers,
      reads: fault?.reads ?? this.corrupted.reads,
      perCpuOffsets: [this.#watch.pointerOffset ?? 0],
    });
  }
}

/** For the log. */
function ownerName(victim: Victim): string {
  if (victim.kind === 'slab') return victim.freed ? `freed ${victim.cache}` : victim.cache;
  return victim.kind === 'per-CPU' ? `per-CPU chunk ${victim.chunk} page ${victim.page}` : 'unknown';
}
