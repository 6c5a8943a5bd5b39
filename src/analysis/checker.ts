// Finds accesses through stale TLB entries while the guest runs, and what becomes of what they wrote.
//
// A translation can only become stale where a PTE changes while the TLB holds an entry made from it. So nothing is watched until
// that happens; then every access to that page is compared with the page table until one goes through a translation that
// agrees again. That sees all stale accesses (checker.test.ts compares with watching everything) and costs little.
import type { ExceptionRecord, MemoryAccess } from '../../emu/mips/cpu.js';
import type { BootParts } from '../kernel/boot.js';
import type { KernelEvent } from '../kernel/events.js';
import { THREAD_SIZE } from '../kernel/oops.js';
import { unwind } from '../kernel/unwind.js';
import { KSEG2 } from './addresses.js';
import { type CorruptedRead, CorruptedWords, type WatchedGuest } from './corrupted-words.js';
import { SlabObjects } from './slab-objects.js';
import type { StaleAccess } from './stale-access.js';
import { type Victim, VictimFinder } from './victim.js';

const [SP, RA] = [29, 31];
/** What follows the first few is their consequence. */
const MAX_SYMPTOMS = 16;

export interface CheckerOptions {
  /** Called before the access has its effect: with the first stale one, and the first that hits another owner's memory. */
  report?: (access: StaleAccess) => void;
  /** Called with each record that is made, before its first access has its effect. */
  onAccess?: (access: StaleAccess) => void;
  /** Watch all of kseg2 from the start: slow, for comparison. */
  everything?: boolean;
}

/** Something that went wrong for everybody to see: an oops or a BUG. */
export interface Symptom {
  event: KernelEvent & { type: 'oops' | 'bug' };
  /** General registers at the fault; undefined for a BUG. */
  registers: readonly number[] | undefined;
  /** What had been read of what stale stores left, before it. */
  reads: readonly CorruptedRead[];
  /** What a per-CPU pointer is off from the address of each CPU's copy. */
  perCpuOffsets: readonly number[];
}

/** A boot's guest, for those who watch its memory. */
function watchedGuest({ machine, clock, log, scheduler }: BootParts): WatchedGuest {
  return {
    pageSize: machine.pageSize,
    littleEndian: false,
    read32: (physical) => machine.read32(physical),
    observeUnmapped: (start, end, observer) => machine.board.cpu.observeUnmapped(start, end, observer),
    moment: () => ({ after: log.events.length - 1, t: clock.now, pid: scheduler.current.pid }),
  };
}

export class StaleChecker {
  /** In order of time. */
  readonly accesses: StaleAccess[] = [];
  /** In order of time, MAX_SYMPTOMS at most. */
  readonly symptoms: Symptom[] = [];
  readonly corrupted: CorruptedWords;
  readonly #parts: BootParts;
  readonly #options: CheckerOptions;
  readonly #pageSize: number;
  readonly #victims: VictimFinder;
  /** Pages that a stale entry may translate, by their first address. */
  readonly #suspects = new Set<number>();
  /** Pages with an observer. */
  readonly #observed = new Set<number>();
  /** The last tlb_refill event of each pair of pages. */
  readonly #refills = new Map<number, number>();
  /** Where each frame of a per-CPU chunk was mapped last. */
  readonly #addresses = new Map<number, number>();
  #foreignReported = false;
  #lastFault: { exception: ExceptionRecord; registers: number[] } | undefined;

  /** Attaches to a boot that has not started (BootOptions.attach). */
  constructor(parts: BootParts, options: CheckerOptions = {}) {
    this.#parts = parts;
    this.#options = options;
    this.#pageSize = parts.machine.pageSize;
    this.#victims = new VictimFinder(parts, new SlabObjects(parts));
    this.corrupted = new CorruptedWords(watchedGuest(parts), this.#victims);
    const { cpu } = parts.machine.board;
    if (options.everything) {
      cpu.observeMemory(KSEG2, 0xffff_ffff, (access) => this.#access(access));
    } else {
      // Code that was translated without any memory hook never calls one: there has to be one from the start, where nobody goes.
      cpu.observeMemory(0xbfff_f000, 0xbfff_f003, () => {});
    }
    parts.onException((exception) => this.#exception(exception));
    parts.pages.table.onUnmap = (va) => this.#unmapped(va);
    const next = parts.log.onEvent;
    parts.log.onEvent = (event) => {
      next?.(event);
      if (event.type === 'map') this.#addresses.set(event.frame, event.va);
      else if (event.type === 'tlb_refill') this.#refills.set(this.#pairOf(event.va), event.seq);
      else if (event.type === 'oops' || event.type === 'bug') this.#sawSymptom(event);
    };
  }

  /** Two pages share a TLB entry. */
  #pairOf(va: number): number {
    return Math.floor(va / (2 * this.#pageSize));
  }

  #exception(exception: ExceptionRecord): void {
    const { pages, machine } = this.#parts;
    const { badVAddr, name } = exception;
    if ((name === 'TLBS' || name === 'TLBL') && pages.table.frameOf(badVAddr) >= 0) return; // its handler serves it
    const { cpu } = machine.board;
    this.#lastFault = { exception, registers: Array.from({ length: 32 }, (_, n) => cpu.reg(n)) };
  }

  #sawSymptom(event: KernelEvent & { type: 'oops' | 'bug' }): void {
    if (this.symptoms.length === MAX_SYMPTOMS) return;
    const fault = event.type === 'oops' && this.#lastFault?.exception.epc === event.epc ? this.#lastFault : undefined;
    const { machine, allocator } = this.#parts;
    const offsets = machine.symbols.address('__per_cpu_offset');
    this.symptoms.push({
      event,
      registers: fault?.registers,
      reads: this.corrupted.reads,
      perCpuOffsets: allocator.units.offsets.map((_, cpu) => machine.read32(offsets + 4 * cpu)),
    });
  }

  #unmapped(va: number): void {
    const page = va - (va % this.#pageSize);
    if (this.#parts.pages.translation(page) === undefined) return; // the next access asks the page table
    this.#suspects.add(page);
    this.#observe(page);
  }

  #observe(page: number): void {
    if (this.#options.everything || this.#observed.has(page)) return;
    this.#observed.add(page);
    this.#parts.machine.board.cpu.observeMemory(page, page + this.#pageSize - 1, (access) => this.#access(access));
  }

  #access(access: MemoryAccess): void {
    const { virtual, write, physical, size } = access;
    const page = virtual - (virtual % this.#pageSize);
    const frame = Math.floor(physical / this.#pageSize);
    const suspect = this.#options.everything || this.#suspects.has(page);
    const mapped = suspect ? this.#parts.pages.table.frameOf(page) : frame;
    if (frame === mapped) {
      this.#suspects.delete(page); // the entry is a new one
      this.corrupted.accessed(access);
      return;
    }
    const record = this.#continued(access, frame) ?? this.#record(access, frame, mapped);
    if (physical >= record.victims.at(-1)!.end) record.victims.push(this.#victimAt(physical));
    if (!write) return this.corrupted.loaded(record, access);
    const meant = mapped < 0 ? -1 : mapped * this.#pageSize + (virtual - page);
    this.corrupted.stored(record, physical, meant, size, access.value);
  }

  /** Whose memory is hit. Pages of per-CPU chunks are read where they are mapped: that is watched from now on. */
  #victimAt(physical: number): Victim {
    const victim = this.#victims.at(physical);
    if (victim.kind === 'per-CPU') {
      const va = this.#addresses.get(Math.floor(physical / this.#pageSize));
      if (va !== undefined) this.#observe(va);
    }
    return victim;
  }

  /** The record that this access carries on, if one does. */
  #continued({ write, virtual, size, value, pc }: MemoryAccess, frame: number): StaleAccess | undefined {
    const last = this.accesses.at(-1);
    if (
      last === undefined ||
      last.write !== write ||
      last.va + last.bytes !== virtual ||
      last.frame !== frame ||
      last.after !== this.#parts.log.events.length - 1 ||
      this.#functionAt(last.pc) !== this.#functionAt(pc)
    )
      return undefined;
    last.bytes += size;
    last.zeros &&= value === 0;
    return last;
  }

  #record(access: MemoryAccess, frame: number, mapped: number): StaleAccess {
    const { log, clock, scheduler, machine } = this.#parts;
    const { cpu } = machine.board;
    const { virtual, write, physical, size, value, pc, entry } = access;
    const task = scheduler.current;
    const record: StaleAccess = {
      after: log.events.length - 1,
      t: clock.now,
      pid: task.pid,
      write,
      va: virtual,
      bytes: size,
      size,
      physical,
      zeros: write && value === 0,
      frame,
      mapped,
      victims: [this.#victimAt(physical)],
      pc,
      trace: unwind(machine, pc, cpu.reg(SP), cpu.reg(RA), task.stack + THREAD_SIZE),
      entry: entry.index,
      shadow: entry.shadow,
      filled: this.#refills.get(this.#pairOf(virtual)) ?? -1,
      area: this.#areaAt(virtual),
    };
    this.accesses.push(record);
    const foreign = record.victims[0]!.kind !== 'free';
    if (this.accesses.length === 1 || (foreign && !this.#foreignReported)) this.#options.report?.(record);
    this.#foreignReported ||= foreign;
    this.#options.onAccess?.(record);
    return record;
  }

  #functionAt(pc: number): number | undefined {
    return this.#parts.machine.symbols.lookup(pc)?.start;
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
