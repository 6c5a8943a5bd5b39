// Memory that is not what it should be because of a stale store, and who reads it: how a crash is tied to the store behind it.
// A stale store does harm twice: it changes the frame it goes to, and it is missing in the frame it should have gone to. A stale
// load does harm where it finds something else than stale stores have left.
import type { StaleAccess } from './stale-access.js';
import type { Victim } from './victim.js';

/** What is needed of the guest and its log. */
export interface WatchedGuest {
  /** Bytes. */
  readonly pageSize: number;
  readonly littleEndian: boolean;
  /** The word at a physical address. */
  read32(physical: number): number;
  /** As MipsCpu.observeUnmapped. */
  observeUnmapped(start: number, end: number, observer: (access: SoundAccess) => void): () => void;
  /** The log's last event, microseconds, and who runs. */
  moment(): { after: number; t: number; pid: number };
}

/**
 * `changed`: what a stale store has left there. `missing`: what a stale store should have changed and has not. `foreign`: what another
 * owner has there, by a load that is itself stale.
 */
export type Harm = 'changed' | 'missing' | 'foreign';

/** A load that did not find what it should. */
export interface CorruptedRead {
  /** The log's last event before it. */
  after: number;
  t: number;
  pid: number;
  /** Address of the load. */
  pc: number;
  /** Physical address, bytes, and what it read, unsigned. */
  physical: number;
  size: number;
  value: number;
  /** Whose memory it is, at the time of the read. */
  victim: Victim;
  harm: Harm;
  /** The stale store behind it; the load itself where that is the stale access. */
  stale: StaleAccess;
}

/** A load or store of the guest that reached the memory it was meant for. */
export interface SoundAccess {
  write: boolean;
  physical: number;
  /** Bytes. */
  size: number;
  pc: number;
}

interface Word {
  store: StaleAccess;
  missing: boolean;
  /** What the store left there or, where it is missing, what it should have left. */
  value: number;
}

const WORD = 4;

export class CorruptedWords {
  readonly #guest: WatchedGuest;
  readonly #victims: { at(physical: number): Victim };
  /** By physical address. */
  readonly #words = new Map<number, Word>();
  /** Frames that are watched through kseg0: how many of their words are kept, and what ends it. */
  readonly #watched = new Map<number, { words: number; end: () => void }>();
  /** The last read of each place by each instruction, oldest first. */
  readonly #reads = new Map<string, CorruptedRead>();

  constructor(guest: WatchedGuest, victims: { at(physical: number): Victim }) {
    this.#guest = guest;
    this.#victims = victims;
  }

  /**
   * A stale store of `size` bytes (1, 2 or 4) writes `value` to a physical address now.
   * @param meant physical address it should go to; -1 when the page table has none
   */
  stored(store: StaleAccess, physical: number, meant: number, size: number, value: number): void {
    this.#watch(this.#frameOf(physical));
    this.#keep(store, physical, size, value, false);
    if (meant >= 0) this.#keep(store, meant, size, value, true);
  }

  #keep(store: StaleAccess, physical: number, size: number, value: number, missing: boolean): void {
    const at = physical - (physical % WORD);
    const shift = this.#shift(physical, size);
    const mask = (size === WORD ? 0xffff_ffff : ((1 << (8 * size)) - 1) << shift) >>> 0;
    const before = this.#guest.read32(at);
    const watched = this.#watched.get(this.#frameOf(at));
    if (watched && !this.#words.has(at)) watched.words++;
    this.#words.set(at, { store, missing, value: ((before & ~mask) | ((value << shift) & mask)) >>> 0 });
  }

  /** Bits by which a value of `size` bytes at a physical address is shifted in its word. */
  #shift(physical: number, size: number): number {
    const at = physical % WORD;
    return 8 * (this.#guest.littleEndian ? at : WORD - size - at);
  }

  /** Pages of per-CPU chunks are reached through the TLB, and reported by the checker; all others through kseg0. */
  #watch(frame: number): void {
    if (this.#watched.has(frame)) return;
    const { pageSize } = this.#guest;
    const start = frame * pageSize;
    const accessed = (access: SoundAccess): void => this.accessed(access);
    const end = this.#guest.observeUnmapped(start, start + pageSize - 1, accessed);
    let words = 0;
    for (let at = start; at < start + pageSize; at += WORD) if (this.#words.has(at)) words++;
    this.#watched.set(frame, { words, end });
  }

  /** A word is as it should be again. */
  #mended(at: number): void {
    this.#words.delete(at);
    const frame = this.#frameOf(at);
    const watched = this.#watched.get(frame);
    if (watched === undefined || --watched.words > 0) return;
    watched.end();
    this.#watched.delete(frame);
  }

  #frameOf(physical: number): number {
    return Math.floor(physical / this.#guest.pageSize);
  }

  /** A sound access happens now: a store mends what it writes, a load sees what is there. */
  accessed({ write, physical, size, pc }: SoundAccess): void {
    const first = physical - (physical % WORD);
    for (let at = first; at < physical + size; at += WORD) {
      const word = this.#words.get(at);
      if (word === undefined) continue;
      if (write) this.#mended(at);
      else this.#read(word, at, physical, size, pc);
    }
  }

  /** A stale load happens now. */
  loaded(stale: StaleAccess, { physical, size, pc }: SoundAccess): void {
    const at = physical - (physical % WORD);
    const word = this.#words.get(at);
    // what stale stores wrote, stale loads find again
    if (word?.missing === false && this.#guest.read32(at) === word.value) return;
    this.#note('foreign', stale, at, physical, size, pc);
  }

  #read({ store, missing, value }: Word, at: number, physical: number, size: number, pc: number): void {
    if ((this.#guest.read32(at) === value) === missing) {
      // as it should be: written in a way that is not watched (by a device), or the missing store makes no difference
      this.#mended(at);
      return;
    }
    this.#note(missing ? 'missing' : 'changed', store, at, physical, size, pc);
  }

  #note(harm: Harm, stale: StaleAccess, at: number, physical: number, size: number, pc: number): void {
    const word = this.#guest.read32(at);
    const shift = this.#shift(physical, size);
    const key = `${pc} ${physical}`;
    this.#reads.delete(key); // the last one is to stand last
    this.#reads.set(key, {
      ...this.#guest.moment(),
      pc,
      physical,
      size,
      value: size >= WORD ? word : (word >>> shift) & ((1 << (8 * size)) - 1),
      victim: this.#victims.at(physical),
      harm,
      stale,
    });
  }

  /** Reads so far, of each place by each instruction the last one, in order of time. */
  get reads(): CorruptedRead[] {
    return [...this.#reads.values()];
  }
}
