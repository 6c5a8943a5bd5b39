// Stale accesses as records: who made them, through which entry, into whose memory, and what is read of what they left. Of any kernel: what has to be
// known of it comes from its scene.
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { CorruptedWords } from './corrupted-words.js';
import type { StaleAccess } from './stale-access.js';
import type { JudgeListener, StaleTranslation, TranslationJudge } from './translation-judge.js';
import type { Victim } from './victim.js';

/** What is known of the kernel that runs, at the moment. */
export interface AccessScene {
  /** The log's last event, microseconds, and who runs. */
  moment(): { after: number; t: number; pid: number };
  /** Whose memory a physical address is. */
  victimAt(physical: number): Victim;
  /** Where a frame of a per-CPU chunk is mapped; undefined for others. */
  mappedAt(frame: number): number | undefined;
  /** Start of the function that holds an address. */
  functionAt(pc: number): number | undefined;
  /** `pc` and return addresses from there outwards. */
  traceAt(pc: number): number[];
  /** The event of the per-CPU area that a virtual address lies in; -1 for none. */
  areaAt(virtual: number): number;
  /** Called with a record that is made, before its place in the log is taken, and with one that an access carries on. */
  recording?(access: Omit<StaleAccess, 'after' | 't' | 'pid'>): void;
  carriedOn?(access: StaleAccess): void;
}

export class StaleAccesses {
  /** In order of time. */
  readonly list: StaleAccess[] = [];
  readonly corrupted: CorruptedWords;
  /** Called with each record that is made, before its first access has its effect. */
  onRecord: ((access: StaleAccess) => void) | undefined;
  readonly #cpu: MipsCpu;
  readonly #pageSize: number;
  readonly #scene: AccessScene;
  readonly #judge: TranslationJudge;
  /** Of the last record's first access. */
  #function: number | undefined;
  /** Fills of each pair of pages: event, and instructions then. */
  readonly #refills = new Map<number, { seq: number; instructions: number }[]>();

  /** @param pageSize bytes @param judge makes the one that reports to the listener */
  constructor(
    cpu: MipsCpu,
    pageSize: number,
    scene: AccessScene,
    judge: (listener: JudgeListener) => TranslationJudge,
  ) {
    this.#cpu = cpu;
    this.#pageSize = pageSize;
    this.#scene = scene;
    const guest = {
      pageSize,
      littleEndian: cpu.littleEndian,
      read32: (physical: number): number => cpu.view.getUint32(physical, cpu.littleEndian),
      observeUnmapped: (...range: Parameters<MipsCpu['observeUnmapped']>) => cpu.observeUnmapped(...range),
      moment: () => scene.moment(),
    };
    this.corrupted = new CorruptedWords(guest, { at: (physical) => scene.victimAt(physical) });
    this.#judge = judge({
      stale: (access) => this.#stale(access),
      sound: (access) => this.corrupted.accessed(access),
    });
  }

  /** The log's event `seq` says that an exception at `virtual` is about to load a translation. */
  refilled(virtual: number, seq: number): void {
    const pair = this.#pairOf(virtual);
    const fill = { seq, instructions: this.#cpu.instructions };
    const fills = this.#refills.get(pair);
    if (fills) fills.push(fill);
    else this.#refills.set(pair, [fill]);
  }

  /** Two pages share a TLB entry. */
  #pairOf(virtual: number): number {
    return Math.floor(virtual / (2 * this.#pageSize));
  }

  #stale(access: StaleTranslation): void {
    const { write, virtual, physical, present, size, value, pc } = access;
    const frame = Math.floor(physical / this.#pageSize);
    const record = this.#continued(access, frame) ?? this.#record(access, frame);
    this.#hits(record.victims, physical, size);
    // sound accesses to the page see what is missing there, or mend it
    this.#judge.observe(virtual);
    if (!write) return this.corrupted.loaded(record, { write, physical, size, pc });
    const meant = present === undefined ? -1 : present + (virtual % this.#pageSize);
    this.corrupted.stored(record, physical, meant, size, value);
  }

  /** Whose memory the access goes to, where that is somebody else than before. */
  #hits(victims: Victim[], physical: number, size: number): void {
    const last = victims.at(-1)!;
    if (physical < last.end) return;
    const victim = this.#victimAt(physical);
    if (last.kind === 'unknown' && victim.kind === 'unknown') last.end = physical + size;
    else victims.push(victim);
  }

  /** Whose memory is hit. Pages of per-CPU chunks are read where they are mapped: that is watched from now on. */
  #victimAt(physical: number): Victim {
    const victim = this.#scene.victimAt(physical);
    const mapped = victim.kind === 'per-CPU' ? this.#scene.mappedAt(Math.floor(physical / this.#pageSize)) : undefined;
    if (mapped !== undefined) this.#judge.observe(mapped);
    return victim;
  }

  /** The record that this access carries on, if one does. */
  #continued({ write, virtual, size, value, pc }: StaleTranslation, frame: number): StaleAccess | undefined {
    const last = this.list.at(-1);
    const scene = this.#scene;
    if (
      last?.write !== write ||
      last.va + last.bytes !== virtual ||
      last.frame !== frame ||
      last.after !== scene.moment().after ||
      scene.functionAt(pc) !== this.#function
    )
      return undefined;
    last.bytes += size;
    last.zeros &&= value === 0;
    scene.carriedOn?.(last);
    return last;
  }

  #record({ write, virtual, physical, present, size, value, pc, entry }: StaleTranslation, frame: number) {
    const scene = this.#scene;
    const fills = this.#refills.get(this.#pairOf(virtual)) ?? [];
    const filledAt = this.#judge.filledAt(entry) ?? Infinity;
    const found = {
      write,
      va: virtual,
      bytes: size,
      size,
      physical,
      zeros: write && value === 0,
      frame,
      mapped: present === undefined ? -1 : Math.floor(present / this.#pageSize),
      victims: [this.#victimAt(physical)],
      pc,
      trace: scene.traceAt(pc),
      entry: entry.index,
      shadow: entry.shadow,
      filled: fills.findLast(({ instructions }) => instructions <= filledAt)?.seq ?? -1,
      area: scene.areaAt(virtual),
    };
    scene.recording?.(found);
    const record: StaleAccess = { ...scene.moment(), ...found };
    this.list.push(record);
    this.#function = scene.functionAt(pc);
    this.onRecord?.(record);
    return record;
  }
}
