// The TLB as the guest sees it, read from the engine's memory. The guest's own way to read it (tlbr) drops QEMU's shadow entries
// and would disturb the very state that is looked at. The place and the layout (r4k_tlb_t in QEMU's target/mips/internal.h) are
// checked by planting entries in a scratch guest.
import { CPU_MODEL, type Engine, type EngineLibrary, type HostMemory, PROT_ALL, REG } from '../unicorn/engine.js';
import { STATUS_START } from './cp0.js';

/** One half of a TLB entry: EntryLo. */
export interface TlbPage {
  /** Physical address of the page, in bytes. */
  physical: number;
  /** Cache attribute. */
  c: number;
  /** Dirty: stores allowed. */
  d: boolean;
  /** Valid. */
  v: boolean;
}

export interface TlbEntry {
  /** Index as in the Index register; shadows have indices from the number of entries on. */
  index: number;
  /** Thrown out by tlbwr but still translating (QEMU); the guest cannot see it with tlbr. */
  shadow: boolean;
  /** First virtual address of the pair. */
  virtual: number;
  /** Bytes of each of the two pages, from PageMask. */
  pageSize: number;
  asid: number;
  global: boolean;
  /** EHINV: the entry matches nothing. */
  invalid: boolean;
  even: TlbPage;
  odd: TlbPage;
}

/** How to get from a uc_engine to its TLB. */
export interface TlbPath {
  /** Offset in uc_engine of the pointer to the CPU, in it of the pointer to its registers, in them of the pointer to the TLB. */
  readonly cpu: number;
  readonly registers: number;
  readonly tlb: number;
  /** Offset in the TLB of entry 0. */
  readonly entries: number;
}

/** r4k_tlb_t, in 32-bit words: VPN 0, PageMask 1, ASID 2 (16 bits), MMID 3, flags 4, PFN of both pages 6 and 8. */
const ENTRY_WORDS = 10;
/** QEMU's MIPS_TLB_MAX: entries and shadows together. */
const TLB_MAX = 128;
/** The TLB starts with the number of entries and how many are in use, shadows included. */
const HEADER_WORDS = 2;

/** The way to the TLBs of an engine's guests, looked for once per process; undefined when it cannot be told. */
export function tlbPath(library: EngineLibrary): TlbPath | undefined {
  let entry = paths.get(library);
  if (!entry) {
    entry = { path: explore(library) };
    paths.set(library, entry);
  }
  return entry.path;
}

const paths = new WeakMap<EngineLibrary, { path: TlbPath | undefined }>();

/** The TLB as it was. */
export interface SavedTlb {
  /** Entries in use, in the engine's layout. */
  readonly words: Uint32Array;
  /** EntryHi's. */
  readonly asid: number;
}

/** Finds the TLBs of an engine's guests. */
export class TlbView {
  readonly #host: HostMemory;
  readonly #header: number;
  readonly #entries: number;
  readonly #visible: number;
  readonly #entryHi: number;
  /** Host address of general register 0. */
  readonly registers: number;

  /**
   * @param visible number of entries of the CPU model
   * @param entryHi offset in bytes of CP0 EntryHi from general register 0
   * @throws Error when this engine's TLB cannot be read
   */
  constructor(library: EngineLibrary, engine: Engine, visible: number, entryHi: number) {
    const path = tlbPath(library);
    const host = engine.host;
    const cpu = path && pointer(host, host.engineAddress + path.cpu);
    const registers = cpu && pointer(host, cpu + path.registers);
    const tlb = registers && pointer(host, registers + path.tlb);
    if (!tlb || !registers || wordsAt(host, tlb, 1)[0] !== visible)
      throw new Error(`the TLB of ${library.description} cannot be read from outside`);
    this.#host = host;
    this.#header = tlb;
    this.#entries = tlb + path.entries;
    this.#visible = visible;
    this.#entryHi = registers + entryHi;
    this.registers = registers;
  }

  /** The live word `offset` bytes from general register 0. */
  register(offset: number): Uint32Array {
    return this.#host.words(this.registers + offset, 1);
  }

  /** Host address of the word that says how many entries are in use, shadows included. */
  get inUse(): number {
    return this.#header + 4;
  }

  /** Words of the entries in use. */
  #inUse(): number {
    return Math.min(this.#host.words(this.#header, HEADER_WORDS)[1], TLB_MAX) * ENTRY_WORDS;
  }

  #words(): Uint32Array {
    return this.#host.words(this.#entries, TLB_MAX * ENTRY_WORDS);
  }

  /** All entries in order of index, shadows last. */
  read(): TlbEntry[] {
    const words = this.#words();
    return Array.from({ length: this.#inUse() / ENTRY_WORDS }, (_, i) => decode(words, i, i >= this.#visible));
  }

  /** The entry at an index, one in use. */
  entry(index: number): TlbEntry {
    return decode(this.#words(), index, index >= this.#visible);
  }

  /** A copy of it, for `match` later. */
  save(): SavedTlb {
    return { words: this.#words().slice(0, this.#inUse()), asid: this.#asid() };
  }

  #asid(): number {
    return this.#host.words(this.#entryHi, 1)[0] & 0xff;
  }

  /** The entry that matches a virtual address, valid or not: the first one, as in the engine. @param saved look there instead */
  match(virtual: number, saved?: SavedTlb): TlbEntry | undefined {
    const words = saved?.words ?? this.#words();
    const end = saved?.words.length ?? this.#inUse();
    const asid = saved?.asid ?? this.#asid();
    for (let at = 0; at < end; at += ENTRY_WORDS) {
      const mask = words[at + 1] | PAIR_MASK;
      if (((words[at] ^ virtual) & ~mask) !== 0 || (words[at + 4] & FLAG_EHINV) !== 0) continue;
      if ((words[at + 4] & FLAG_G) === 0 && (words[at + 2] & 0xff) !== asid) continue;
      return decode(words, at / ENTRY_WORDS, at / ENTRY_WORDS >= this.#visible);
    }
    return undefined;
  }
}

/** Address bits inside a pair of the smallest pages, 4 KB. */
const PAIR_MASK = 0x1fff;
const FLAG_G = 1;
const FLAG_EHINV = 1 << 15;

/** @param words the entry, in the engine's layout */
export function decodeEntry(words: Uint32Array, index: number): TlbEntry {
  return { ...decode(words, 0, false), index };
}

function decode(words: Uint32Array, index: number, shadow: boolean): TlbEntry {
  const at = index * ENTRY_WORDS;
  const flags = words[at + 4];
  const bit = (n: number): boolean => ((flags >>> n) & 1) === 1;
  const pageSize = ((words[at + 1] | PAIR_MASK) + 1) >>> 1;
  const page = (n: 0 | 1): TlbPage => ({
    physical: words[at + 6 + 2 * n],
    c: (flags >>> (1 + 3 * n)) & 7,
    d: bit(9 + n),
    v: bit(7 + n),
  });
  return {
    index,
    shadow,
    virtual: (words[at] & ~(2 * pageSize - 1)) >>> 0,
    pageSize,
    asid: words[at + 2] & 0xffff,
    global: bit(0),
    invalid: bit(15),
    even: page(0),
    odd: page(1),
  };
}

/** Bytes searched for pointers in uc_engine, in the CPU object and behind the registers. */
const SEARCH = { engine: 0x1000, cpu: 0x800, registers: 0x8000, tlb: 0x100 };

/** More bytes than the CPU object has: behind its start come QEMU's jump cache and then the registers. */
const CPU_OBJECT = 0x4_0000;

export function wordsAt(host: HostMemory, address: number, count: number): Uint32Array {
  const bytes = host.read(address, count * 4);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

/** The pointer stored at `address`; 0 when it is no plausible one. */
export function pointer(host: HostMemory, address: number): number {
  const words = wordsAt(host, address, host.pointerBytes / 4);
  if (words.length === 0) return 0;
  const value = words[0] + (words.length > 1 ? words[1] * 0x1_0000_0000 : 0);
  return value % 4 === 0 && value < 2 ** 47 ? value : 0;
}

/** Offsets and values of all plausible pointers in a stretch of memory. */
function* pointersIn(host: HostMemory, address: number, bytes: number): Generator<[offset: number, target: number]> {
  const words = wordsAt(host, address, bytes / 4);
  const step = host.pointerBytes / 4;
  for (let k = 0; k + step <= words.length; k += step) {
    const target = words[k] + (step === 2 ? words[k + 1] * 0x1_0000_0000 : 0);
    if (target >= 0x1000 && target % 4 === 0 && target < 2 ** 47) yield [4 * k, target];
  }
}

const CODE = 0x8000_1000;
const WRITE_ENTRY = [
  0x40880000, // mtc0 $8, Index
  0x40895000, // mtc0 $9, EntryHi
  0x408a1000, // mtc0 $10, EntryLo0
  0x408b1800, // mtc0 $11, EntryLo1
  0x408c2800, // mtc0 $12, PageMask
  0x000000c0, // ehb
  0x42000002, // tlbwi
  0x00000000, // nop
];
const PAGE_MASK_16K = 0x6000;

/** What entry `index` of the scratch guest is given: 16 KB pages, everything different in every entry. */
function planted(index: number): TlbEntry {
  return {
    index,
    shadow: false,
    virtual: 0xc0a0_0000 + index * 0x8000,
    pageSize: 0x4000,
    asid: 0x40 + index,
    global: false,
    invalid: false,
    even: { physical: 0x0123_4000 + index * 0x4000, c: 3, d: true, v: true },
    odd: { physical: 0x0432_0000 + index * 0x4000, c: 2, d: false, v: index % 2 === 0 },
  };
}

const entryLo = ({ physical, c, d, v }: TlbPage): number =>
  ((physical >>> 12) << 6) | (c << 3) | (d ? 4 : 0) | (v ? 2 : 0);

/**
 * Plants entries in scratch guests and follows pointers until they turn up. Two guests at once: the engine's own memory is full of what
 * the heap held before, and a way that leads through that in one guest leads elsewhere in the next. The registers are a part of the CPU
 * object, at the same distance from its start in both.
 */
function explore(library: EngineLibrary): TlbPath | undefined {
  const first = library.open();
  try {
    plant(first);
    const second = library.open();
    try {
      plant(second);
      for (const { path, distance } of ways(first.host)) if (leadsToTlb(second.host, path, distance)) return path;
      return undefined;
    } finally {
      second.close();
    }
  } finally {
    first.close();
  }
}

function plant(engine: Engine): void {
  engine.ctl_set_cpu_model(CPU_MODEL['24Kf']);
  engine.mem_map(0, 0x1_0000, PROT_ALL);
  const code = new DataView(new ArrayBuffer(4 * WRITE_ENTRY.length));
  WRITE_ENTRY.forEach((word, i) => code.setUint32(4 * i, word));
  engine.mem_write(CODE & 0x1fff_ffff, new Uint8Array(code.buffer));
  engine.reg_write_i32(REG.CP0_STATUS, STATUS_START);
  for (let index = 0; index < 16; index++) {
    const entry = planted(index);
    const values = [index, entry.virtual | entry.asid, entryLo(entry.even), entryLo(entry.odd), PAGE_MASK_16K];
    values.forEach((value, k) => engine.reg_write_i32(REG.GPR0 + 8 + k, value));
    engine.emu_start(CODE, CODE + 4 * (WRITE_ENTRY.length - 1), 0, 0);
  }
  for (let n = 8; n < 16; n++) engine.reg_write_i32(REG.GPR0 + n, 0xabcd_0000 + n);
}

/** All ways to the planted TLB, and how far the registers are from the CPU object in each. */
function* ways(host: HostMemory): Generator<{ path: TlbPath; distance: number }> {
  const tlbs = new Map<number, Pick<TlbPath, 'tlb' | 'entries'>[]>();
  for (const [cpu, cpuAt] of pointersIn(host, host.engineAddress, SEARCH.engine))
    for (const [registers, registersAt] of pointersIn(host, cpuAt, SEARCH.cpu)) {
      const distance = registersAt - cpuAt;
      if (distance < 0 || distance > CPU_OBJECT) continue;
      let found = tlbs.get(registersAt);
      if (!found) tlbs.set(registersAt, (found = tlbsBehind(host, registersAt)));
      for (const tlb of found) yield { path: { cpu, registers, ...tlb }, distance };
    }
}

function tlbsBehind(host: HostMemory, registers: number): Pick<TlbPath, 'tlb' | 'entries'>[] {
  if (!holdsRegisters(host, registers)) return [];
  return [...pointersIn(host, registers, SEARCH.registers)].flatMap(([tlb, tlbAt]) => {
    const entries = entriesOffset(host, tlbAt);
    return entries === undefined ? [] : [{ tlb, entries }];
  });
}

function holdsRegisters(host: HostMemory, address: number): boolean {
  const general = wordsAt(host, address, 16);
  return general.length === 16 && general.subarray(8).every((value, i) => value === 0xabcd_0008 + i);
}

function leadsToTlb(host: HostMemory, path: TlbPath, distance: number): boolean {
  const cpu = pointer(host, host.engineAddress + path.cpu);
  const registers = cpu && pointer(host, cpu + path.registers);
  const tlb =
    registers && registers - cpu === distance && holdsRegisters(host, registers) && pointer(host, registers + path.tlb);
  return !!tlb && entriesOffset(host, tlb) === path.entries;
}

/** Offset of entry 0 when a TLB with the planted entries lies at `address`. */
function entriesOffset(host: HostMemory, address: number): number | undefined {
  const words = wordsAt(host, address, SEARCH.tlb / 4 + 16 * ENTRY_WORDS);
  if (words[0] !== 16 || words[1] !== 16) return undefined;
  for (let k = HEADER_WORDS; k < SEARCH.tlb / 4; k++) {
    const tlb = words.subarray(k, k + 16 * ENTRY_WORDS);
    const matches = (_: unknown, index: number): boolean =>
      JSON.stringify(decode(tlb, index, false)) === JSON.stringify(planted(index));
    if (tlb.length === 16 * ENTRY_WORDS && Array.from({ length: 16 }).every(matches)) return 4 * k;
  }
  return undefined;
}
