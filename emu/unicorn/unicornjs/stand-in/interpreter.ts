// For tests only: a MIPS32 interpreter for what the guest image and the tests of emu/ contain, that behaves towards its hooks as
// unicorn.js does: exceptions are told and not entered, PC is lost by then, helpers forget the branch, long blocks kill it.
import type { StandInHeap } from './heap.js';
import { type EntryRegisters, StandInTlb, TLB_BYTES } from './tlb.js';

/** Bytes from general register 0, as in every build of Unicorn 2.x; the rest of CP0 lies where nobody looks. */
const AT = {
  pc: 0x80,
  hi: 0x84,
  lo: 0x94,
  context: 0x4a4,
  badVAddr: 0x504,
  entryHi: 0x530,
  compare: 0x538,
  status: 0x53c,
  intCtl: 0x540,
  cause: 0x54c,
  epc: 0x550,
  ebase: 0x55c,
};
const AT_ERROR_CODE = 0x2b90;
const AT_HFLAGS = 0x2b94;
/** What of the CPU object comes before the registers. */
const OBJECT_BYTES = 0x800;
/** Where the pointer to the TLB is, behind what a context holds. */
const AT_TLB = 0x3000;
const CP0_TABLE = 0xa0;
const FPU = 0x1800;
export const CONTEXT_BYTES = 0x2ba0;
export const REGISTERS_BYTES = 0x3100;

const EXCEPTION = { AdEL: 12, AdES: 13, Sys: 17, CpU: 19, Ov: 21, Tr: 22, Mod: 25, TLBL: 26, TLBS: 27 } as const;
/** unicorn.js tells break as a system call and a reserved instruction as an unusable coprocessor. */
const BREAK = EXCEPTION.Sys;
const RESERVED = EXCEPTION.CpU;

const HFLAG_BRANCH = 0x800;
const HFLAG_BRANCH_ALL = 0x87_f800;
const HFLAG_MIPS16 = 0x400;
const STATUS_CU1 = 1 << 29;
const STATUS_EXL = 2;
const STATUS_ERL = 4;
const ERR_OK = 0;
const ERR_READ_UNMAPPED = 6;
const ERR_WRITE_UNMAPPED = 7;
const ERR_FETCH_UNMAPPED = 8;
const ERR_READ_UNALIGNED = 16;
const ERR_WRITE_UNALIGNED = 17;
const ERR_EXCEPTION = 21;
const MEM = { READ: 16, WRITE: 17, READ_UNMAPPED: 19, WRITE_UNMAPPED: 20, FETCH_UNMAPPED: 21 };
const HOOK = {
  INTR: 1,
  CODE: 4,
  BLOCK: 8,
  READ_UNMAPPED: 1 << 4,
  WRITE_UNMAPPED: 1 << 5,
  FETCH_UNMAPPED: 1 << 6,
  READ: 1 << 10,
  WRITE: 1 << 11,
};

/** Of rdhwr: Count. */
const HARDWARE_REGISTER_CC = 2;

/** Slots of the code generator's table that an instruction takes with a code hook, and how many there are (docs/unicornjs.md). */
const MAX_WEIGHT = 830;

/** Blocks that its translated code has room for: when that is full, all of it is thrown away. */
const CODE_BLOCKS = 1000;

/** Blocks after which the heap grows, in the middle of a run. */
const GROW_EVERY = 50_000;

/** The code of real engines works in WebAssembly, which traps. */
const trap = (why: string): never => {
  throw new (
    globalThis as unknown as { WebAssembly: { RuntimeError: new (message: string) => Error } }
  ).WebAssembly.RuntimeError(why);
};

export interface Hook {
  type: number;
  call: (...args: unknown[]) => unknown;
  user: number;
  begin: number;
  end: number;
  deleted: boolean;
}

export interface Region {
  start: number;
  size: number;
  /** In the heap. */
  pointer: number;
}

class GuestException extends Error {
  constructor(
    readonly intno: number,
    readonly errorCode = 0,
  ) {
    super();
  }
}
class Unmapped extends Error {
  constructor(readonly code: number) {
    super();
  }
}

/** The generator behind tlbwr and Random: two static words of the engine, and what it leaves on the stack. */
export interface RandomWords {
  state: number;
  previous: number;
  decoy: number;
}

export const MODELS: Readonly<
  Record<number, { prid: number; entries: number; fir: number; config: readonly number[] }>
> = {
  8: { prid: 0x0001_9300, entries: 16, fir: 0x0073_9300, config: [0x8003_0483, 0x8000_0001, 0x8000_0000, 0x24] },
  9: { prid: 0x0001_9500, entries: 16, fir: 0x0073_9500, config: [0x8003_0483, 0x8000_0001, 0x8000_0000, 0x24] },
  10: { prid: 0x0001_9700, entries: 16, fir: 0x0073_9700, config: [0x8003_0483, 0x8000_0001, 0x8000_0000, 0x24] },
  13: {
    prid: 0x0001_a800,
    entries: 64,
    fir: 0x03f3_0320,
    config: [0x8003_0483, 0x8000_0001, 0x8000_0000, 0x8000_0000, 0xe000_0000],
  },
};

export class Interpreter {
  readonly #heap: StandInHeap;
  readonly #uc: number;
  readonly #random: RandomWords;
  readonly #bigEndian: boolean;
  /** Heap address of general register 0. */
  readonly registers: number;
  /** The CPU object that the registers are a part of. */
  readonly object: number;
  readonly hooks: Hook[] = [];
  readonly regions: Region[] = [];
  readonly #model: { prid: number; entries: number; fir: number; config: readonly number[] };
  readonly #tlb: StandInTlb;
  #stopped = false;
  /** Heap address of the word whose low bits say how many instructions the next block may have; all ones for any. */
  flags = 0;
  /** Blocks, as `address/instructions at most`. */
  #weighed = new Set<string>();
  /** Instructions that the block being run may still have. */
  #room = Infinity;
  /** What an exception has left behind, though it was handled: it comes out of the run, and keeps hooks from being asked for memory. */
  #leftover = ERR_OK;
  #linked = false;
  /** The instruction being executed. */
  #pc = 0;
  /** Where the branch before it goes, when it is in a delay slot; where the branch that it is goes. */
  #slot: number | undefined;
  #target: number | undefined;
  /** Where the last branch goes (env->btarget). */
  #branchTarget = 0;
  #newBlock = true;
  /** Where a hook has sent the guest. */
  #moved: number | undefined;
  #blocks = 0;
  #left = Infinity;

  constructor(heap: StandInHeap, uc: number, random: RandomWords, model: number, bigEndian: boolean) {
    this.#heap = heap;
    this.#uc = uc;
    this.#random = random;
    this.#bigEndian = bigEndian;
    this.#model = MODELS[model] ?? MODELS[8];
    this.object = heap.malloc(OBJECT_BYTES + REGISTERS_BYTES);
    heap.words.fill(0, this.object >>> 2, (this.object + OBJECT_BYTES + REGISTERS_BYTES) >>> 2);
    this.registers = this.object + OBJECT_BYTES;
    const tlb = heap.malloc(TLB_BYTES);
    this.#tlb = new StandInTlb(heap, tlb, this.#model.entries);
    this.#set(AT_TLB, tlb);
    this.status = 0x2040_0004;
  }

  free(): void {
    this.#heap.free(this.#get(AT_TLB));
    this.#heap.free(this.object);
  }

  #get(offset: number): number {
    return this.#heap.words[(this.registers + offset) >>> 2];
  }

  #set(offset: number, value: number): void {
    this.#heap.words[(this.registers + offset) >>> 2] = value;
  }

  get pc(): number {
    return this.#get(AT.pc);
  }

  set pc(value: number) {
    this.#set(AT.pc, value);
  }

  /** Sends the guest elsewhere, also out of the block that it is in. */
  jump(pc: number): void {
    this.pc = pc;
    this.#moved = pc;
  }

  get status(): number {
    return this.#get(AT.status);
  }

  /** Also works out the mode, which a restored context does not. */
  set status(value: number) {
    this.#set(AT.status, value);
    const mode = (value & (STATUS_EXL | STATUS_ERL)) === 0 ? (value >>> 3) & 3 : 0;
    this.#set(AT_HFLAGS, (this.#get(AT_HFLAGS) & ~3) | mode);
  }

  stop(): void {
    this.#stopped = true;
  }

  forgetCode(): void {
    this.#weighed.clear();
  }

  // ---- memory

  /** Heap address of a physical one, or 0. */
  #at(physical: number): number {
    for (const { start, size, pointer } of this.regions)
      if (physical >= start && physical < start + size) return pointer + (physical - start);
    return 0;
  }

  #translate(virtual: number, write: boolean, fetch: boolean): number {
    if (virtual >>> 30 === 2) return virtual & 0x1fff_ffff;
    const index = this.#tlb.find(virtual, this.#get(AT.entryHi) & 0xff);
    const page = index < 0 ? undefined : this.#tlb.page(index, virtual);
    if (page?.valid && (!write || page.dirty)) return page.address + (virtual & 0xfff);
    this.#set(AT.badVAddr, virtual);
    this.#set(AT.context, (this.#get(AT.context) & 0xff80_0000) | ((virtual >>> 9) & 0x7f_fff0));
    this.#set(AT.entryHi, (virtual & ~0x1fff) | (this.#get(AT.entryHi) & 0xff));
    if (!page?.valid) this.#leftover = write ? ERR_WRITE_UNMAPPED : ERR_READ_UNMAPPED;
    if (page?.valid) throw new GuestException(EXCEPTION.Mod);
    throw new GuestException(write ? EXCEPTION.TLBS : EXCEPTION.TLBL, (page ? 0 : 1) | (fetch ? 2 : 0));
  }

  #misaligned(virtual: number, write: boolean): never {
    this.#set(AT.badVAddr, virtual);
    this.#leftover = write ? ERR_WRITE_UNALIGNED : ERR_READ_UNALIGNED;
    throw new GuestException(write ? EXCEPTION.AdES : EXCEPTION.AdEL);
  }

  #memoryHooks(type: number, kind: number, physical: number, size: number, value: number): void {
    if (this.#slot !== undefined && this.hooks.some((hook) => !hook.deleted && (hook.type & type) !== 0)) {
      // for the hooks, and never taken back
      this.#set(AT_HFLAGS, this.#get(AT_HFLAGS) | HFLAG_BRANCH);
      this.#branchTarget = this.#slot;
    }
    for (const hook of this.hooks)
      if (
        !hook.deleted &&
        (hook.type & type) !== 0 &&
        (hook.begin > hook.end || (physical >= hook.begin && physical <= hook.end))
      )
        hook.call(this.#uc, kind, BigInt(physical), size, BigInt(value), hook.user);
  }

  /** @param whole the address that alignment and translation are about, when it is not the one accessed */
  #load(virtual: number, size: number, whole = size): number {
    if (virtual % whole !== 0) this.#misaligned(virtual, false);
    const physical = this.#translate(virtual, false, false);
    this.#memoryHooks(HOOK.READ, MEM.READ, physical, size, 0);
    const pointer = this.#mapped(physical, HOOK.READ_UNMAPPED, MEM.READ_UNMAPPED, size);
    if (pointer === 0) throw new Unmapped(ERR_READ_UNMAPPED);
    const view = this.#heap.view;
    if (size === 1) return view.getUint8(pointer);
    return size === 2 ? view.getUint16(pointer, !this.#bigEndian) : view.getUint32(pointer, !this.#bigEndian);
  }

  #store(virtual: number, size: number, value: number, whole = size): void {
    if (virtual % whole !== 0) this.#misaligned(virtual, true);
    const physical = this.#translate(virtual, true, false);
    const kept = size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
    this.#memoryHooks(HOOK.WRITE, MEM.WRITE, physical, size, kept);
    const pointer = this.#mapped(physical, HOOK.WRITE_UNMAPPED, MEM.WRITE_UNMAPPED, size);
    if (pointer === 0) throw new Unmapped(ERR_WRITE_UNMAPPED);
    const view = this.#heap.view;
    if (size === 1) view.setUint8(pointer, kept);
    else if (size === 2) view.setUint16(pointer, kept, !this.#bigEndian);
    else view.setUint32(pointer, kept, !this.#bigEndian);
  }

  /** Heap address of a physical one, after asking the hooks to map something there; 0 when none does. */
  #mapped(physical: number, type: number, kind: number, size: number): number {
    const pointer = this.#at(physical);
    if (pointer !== 0) return pointer;
    if (this.#leftover !== ERR_OK) throw new Unmapped(this.#leftover);
    for (const hook of this.hooks) {
      const asked =
        (hook.type & type) !== 0 &&
        !hook.deleted &&
        (hook.begin > hook.end || (physical >= hook.begin && physical <= hook.end));
      if (asked && hook.call(this.#uc, kind, BigInt(physical), size, 0n, hook.user) !== 0) return this.#at(physical);
    }
    return 0;
  }

  /** Heap address of the code at `pc`. */
  #fetch(pc: number): number {
    const physical = this.#translate(pc, false, true);
    const pointer = this.#mapped(physical, HOOK.FETCH_UNMAPPED, MEM.FETCH_UNMAPPED, 4);
    if (pointer === 0) throw new Unmapped(ERR_FETCH_UNMAPPED);
    return pointer;
  }

  // ---- running

  /** Runs as uc_emu_start does. @returns uc_err */
  run(begin: number, until: number, count: number): number {
    this.#stopped = false;
    this.#leftover = ERR_OK;
    this.#set(AT.pc, begin);
    this.#target = undefined;
    this.#moved = undefined;
    this.#newBlock = true;
    this.#left = count > 0 ? count : Infinity;
    let error = ERR_OK;
    let pc = begin;
    while (!this.#stopped) {
      try {
        pc = this.#runUntilException(pc, until);
        break;
      } catch (reason) {
        pc = this.#pc;
        if (reason instanceof Unmapped) {
          error = reason.code;
          break;
        }
        if (!(reason instanceof GuestException)) throw reason;
        const hooks = this.hooks.filter(({ type, deleted }) => type === HOOK.INTR && !deleted);
        if (hooks.length === 0) return ERR_EXCEPTION;
        // Helpers do not know where in the block they were called, and PC is lost.
        const saved = reason.intno !== EXCEPTION.Ov && reason.intno !== EXCEPTION.Tr;
        if (this.#slot !== undefined && saved) this.#set(AT_HFLAGS, this.#get(AT_HFLAGS) | HFLAG_BRANCH);
        this.#set(AT_ERROR_CODE, reason.errorCode);
        this.#set(AT.pc, (pc + 8) >>> 0);
        for (const hook of hooks) hook.call(this.#uc, reason.intno, hook.user);
        pc = this.pc;
        this.#moved = undefined;
        this.#target = undefined;
        this.#newBlock = true;
      }
    }
    this.#set(AT.pc, pc);
    return error === ERR_OK ? this.#leftover : error;
  }

  /** @returns the address to go on from @throws GuestException and Unmapped at the instruction `#pc` */
  #runUntilException(from: number, until: number): number {
    let pc = from;
    const heap = this.#heap;
    for (;;) {
      this.#pc = pc;
      if (this.#newBlock && this.#target === undefined && (this.#get(AT_HFLAGS) & HFLAG_BRANCH_ALL) !== 0) {
        this.#target = this.#branchTarget;
        this.#set(AT_HFLAGS, this.#get(AT_HFLAGS) & ~HFLAG_BRANCH_ALL);
      }
      this.#slot = this.#target;
      if ((this.#slot === undefined && pc === until) || this.#left-- <= 0) return pc;
      const mips16 = (this.#get(AT_HFLAGS) & HFLAG_MIPS16) !== 0;
      if (this.#newBlock) this.#room = this.#mostInstructions();
      if (this.#newBlock && !mips16) this.#weigh(pc, until, this.#room);
      if (!mips16 && pc % 4 !== 0) trap('memory access out of bounds'); // fetching in the middle of a translation
      this.#fetch(pc);
      if (this.#newBlock && ++this.#blocks % GROW_EVERY === 0) heap.grow();
      if (this.#newBlock && this.#slot === undefined && this.#weighed.size > CODE_BLOCKS) {
        this.#weighed.clear();
        if (this.#leftover !== ERR_OK) return pc;
      }
      const first = this.#newBlock;
      this.#newBlock = false;
      if (first)
        for (const hook of this.hooks)
          if (hook.type === HOOK.BLOCK && !hook.deleted) hook.call(this.#uc, BigInt(pc), 4, hook.user);
      for (const hook of this.hooks)
        if (hook.type === HOOK.CODE && !hook.deleted && (hook.begin > hook.end || (pc >= hook.begin && pc <= hook.end)))
          hook.call(this.#uc, BigInt(pc), mips16 ? 2 : 4, hook.user);
      if (this.#moved !== undefined) {
        pc = this.#moved;
        this.#moved = undefined;
        this.#target = undefined;
        this.#newBlock = true;
        continue;
      }
      if (this.#stopped) {
        if (this.#slot !== undefined) {
          this.#set(AT_HFLAGS, this.#get(AT_HFLAGS) | HFLAG_BRANCH);
          this.#branchTarget = this.#slot;
        }
        return pc;
      }
      if (mips16) throw new GuestException(BREAK); // the tests have no other MIPS16 instruction
      this.#target = undefined;
      const next = this.#execute(heap.view.getUint32(this.#fetch(pc), !this.#bigEndian), pc);
      if (next === 'wait') return (pc + 4) >>> 0;
      if (next === 'eret' || next === 'likely') {
        pc = next === 'eret' ? this.pc : (pc + 8) >>> 0;
        this.#newBlock = true;
      } else if (this.#slot !== undefined) {
        pc = this.#slot;
        this.#newBlock = true;
        if ((pc & 1) !== 0) {
          this.#set(AT_HFLAGS, this.#get(AT_HFLAGS) | HFLAG_MIPS16);
          pc -= 1;
        }
      } else {
        this.#target = next;
        pc = (pc + 4) >>> 0;
        if (pc % 0x1000 === 0 || (--this.#room <= 0 && next === undefined)) this.#newBlock = true;
      }
      if (this.#stopped) return pc;
    }
  }

  #mostInstructions(): number {
    const { words } = this.#heap;
    const flags = words[this.flags >>> 2];
    words[this.flags >>> 2] = 0xffff_ffff;
    return flags === 0xffff_ffff ? Infinity : flags & 0x7fff;
  }

  /** The table of the code generator has no bounds check: a block that overruns it is the end. */
  #weigh(pc: number, until: number, most: number): void {
    if (this.#weighed.has(`${pc}/${most}`) || !this.hooks.some(({ type, deleted }) => type === HOOK.CODE && !deleted))
      return;
    let weight = 0;
    for (let at = pc, last = false; at !== until; at += 4) {
      if (at >= pc + 4 * most && !last) break;
      const pointer = this.#at(this.#translate(at, false, true));
      if (pointer === 0) break;
      const word = this.#heap.view.getUint32(pointer, !this.#bigEndian);
      weight += weightOf(word);
      if (weight > MAX_WEIGHT) trap('memory access out of bounds');
      if (last || (at + 4) % 0x1000 === 0) break;
      last = isBranch(word) && !isNever(word);
      if (word === 0x4200_0018 || word === 0x4200_0020) break;
    }
    this.#weighed.add(`${pc}/${most}`);
  }

  /** @returns where a branch goes (behind its slot when it is not taken), undefined without one */
  #execute(word: number, pc: number): number | undefined | 'wait' | 'eret' | 'likely' {
    const { words } = this.#heap;
    const r = this.registers >>> 2;
    const op = word >>> 26;
    const rs = (word >>> 21) & 31;
    const rt = (word >>> 16) & 31;
    const rd = (word >>> 11) & 31;
    const a = words[r + rs];
    const b = words[r + rt];
    const imm = (word << 16) >> 16;
    const set = (n: number, value: number): undefined => {
      if (n !== 0) this.#heap.words[r + n] = value;
    };
    const branch = (taken: boolean, likely = false): number | undefined | 'likely' =>
      taken ? (pc + 4 + 4 * imm) >>> 0 : likely ? 'likely' : (pc + 8) >>> 0;
    const address = (a + imm) >>> 0;
    switch (op) {
      case 0:
        return this.#special(word, pc, a, b);
      case 1: {
        if ((rt & 0x0c) !== 0) {
          if (rt === 0x1f) return undefined; // synci
          throw new GuestException(RESERVED);
        }
        if ((rt & 0x10) !== 0) set(31, pc + 8);
        return branch((rt & 1) === 0 ? (a | 0) < 0 : (a | 0) >= 0, (rt & 2) !== 0);
      }
      case 2:
      case 3:
        if (op === 3) set(31, pc + 8);
        return (((pc + 4) & 0xf000_0000) | ((word & 0x3ff_ffff) << 2)) >>> 0;
      case 4:
      case 0x14:
        return branch(a === b, op === 0x14);
      case 5:
      case 0x15:
        return branch(a !== b, op === 0x15);
      case 6:
      case 0x16:
        return branch((a | 0) <= 0, op === 0x16);
      case 7:
      case 0x17:
        return branch((a | 0) > 0, op === 0x17);
      case 8: {
        const sum = (a | 0) + imm;
        if (sum !== (sum | 0)) throw new GuestException(EXCEPTION.Ov);
        return set(rt, sum);
      }
      case 9:
        return set(rt, a + imm);
      case 0x0a:
        return set(rt, (a | 0) < imm ? 1 : 0);
      case 0x0b:
        return set(rt, a < imm >>> 0 ? 1 : 0);
      case 0x0c:
        return set(rt, a & word & 0xffff);
      case 0x0d:
        return set(rt, a | (word & 0xffff));
      case 0x0e:
        return set(rt, a ^ (word & 0xffff));
      case 0x0f:
        return set(rt, word << 16);
      case 0x10:
        return this.#coprocessor0(word, rs, rt, rd, set);
      case 0x1c:
        return this.#special2(word, rd, a, b, set);
      case 0x1f:
        return this.#special3(word, rt, rd, a, b, set);
      case 0x20:
        return set(rt, (this.#load(address, 1) << 24) >> 24);
      case 0x21:
        return set(rt, (this.#load(address, 2) << 16) >> 16);
      case 0x30:
        this.#linked = true;
        return set(rt, this.#load(address, 4));
      case 0x23:
        return set(rt, this.#load(address, 4));
      case 0x24:
        return set(rt, this.#load(address, 1));
      case 0x25:
        return set(rt, this.#load(address, 2));
      case 0x22:
      case 0x26:
        return set(rt, this.#loadPart(address, b, op === 0x22));
      case 0x28:
        this.#store(address, 1, b);
        return undefined;
      case 0x29:
        this.#store(address, 2, b);
        return undefined;
      case 0x2b:
        this.#store(address, 4, b);
        return undefined;
      case 0x38:
        if (this.#linked) this.#store(address, 4, b);
        return set(rt, this.#linked ? 1 : 0);
      case 0x2a:
      case 0x2e:
        this.#storePart(address, b, op === 0x2a);
        return undefined;
      case 0x2f: // cache
      case 0x33: // pref
        return undefined;
      case 0x11:
        return this.#coprocessor1(rs, rt, rd, b, set);
      case 0x31:
      case 0x35:
      case 0x39:
      case 0x3d:
        throw new GuestException(EXCEPTION.CpU, 1);
      case 0x12:
      case 0x32:
      case 0x36:
      case 0x3a:
      case 0x3e:
        throw new GuestException(EXCEPTION.CpU, 2);
      default:
        throw new GuestException(RESERVED);
    }
  }

  /** lwl and lwr: the bytes from `address` to the end of its word, or from the word's begin to it (big endian; mirrored otherwise). */
  #loadPart(address: number, old: number, left: boolean): number {
    const at = this.#bigEndian ? address & 3 : 3 - (address & 3);
    const word = this.#load((address & ~3) >>> 0, 4);
    if (left) return at === 0 ? word : (word << (8 * at)) | (old & ((1 << (8 * at)) - 1));
    const shift = 8 * (3 - at);
    return shift === 0 ? word : (word >>> shift) | (old & (-1 << (32 - shift)));
  }

  #storePart(address: number, value: number, left: boolean): void {
    const at = this.#bigEndian ? address & 3 : 3 - (address & 3);
    const word = (address & ~3) >>> 0;
    const from = left ? at : 0;
    const to = left ? 3 : at;
    for (let k = from; k <= to; k++) {
      const byte = value >>> (left ? 24 - 8 * (k - at) : 8 * (at - k));
      this.#store(word + (this.#bigEndian ? k : 3 - k), 1, byte & 0xff);
    }
  }

  #special(word: number, pc: number, a: number, b: number): number | undefined {
    const { words } = this.#heap;
    const r = this.registers >>> 2;
    const rd = (word >>> 11) & 31;
    const sa = (word >>> 6) & 31;
    const set = (value: number): undefined => {
      if (rd !== 0) words[r + rd] = value;
    };
    const rotate = (by: number): number => (by === 0 ? b : (b >>> by) | (b << (32 - by)));
    const trapIf = (condition: boolean): undefined => {
      if (condition) throw new GuestException(EXCEPTION.Tr);
    };
    switch (word & 63) {
      case 0x00:
        return set(b << sa);
      case 0x02:
        return set((word >>> 21) & 1 ? rotate(sa) : b >>> sa);
      case 0x03:
        return set((b | 0) >> sa);
      case 0x04:
        return set(b << (a & 31));
      case 0x06:
        return set(sa & 1 ? rotate(a & 31) : b >>> (a & 31));
      case 0x07:
        return set((b | 0) >> (a & 31));
      case 0x08:
        return a;
      case 0x09:
        set(pc + 8);
        return a;
      case 0x0a:
        return b === 0 ? set(a) : undefined;
      case 0x0b:
        return b !== 0 ? set(a) : undefined;
      case 0x0c:
        throw new GuestException(EXCEPTION.Sys);
      case 0x0d:
        throw new GuestException(BREAK);
      case 0x0f:
        return undefined;
      case 0x10:
        return set(this.#get(AT.hi));
      case 0x11:
        this.#set(AT.hi, a);
        return undefined;
      case 0x12:
        return set(this.#get(AT.lo));
      case 0x13:
        this.#set(AT.lo, a);
        return undefined;
      case 0x18:
        return this.#product(BigInt(a | 0) * BigInt(b | 0));
      case 0x19:
        return this.#product(BigInt(a) * BigInt(b));
      case 0x1a:
        if (b !== 0) this.#quotient(Math.trunc((a | 0) / (b | 0)), (a | 0) % (b | 0));
        return undefined;
      case 0x1b:
        if (b !== 0) this.#quotient(Math.floor(a / b), a % b);
        return undefined;
      case 0x20:
      case 0x22: {
        const sum = (a | 0) + (word & 2 ? -(b | 0) : b | 0);
        if (sum !== (sum | 0)) throw new GuestException(EXCEPTION.Ov);
        return set(sum);
      }
      case 0x21:
        return set(a + b);
      case 0x23:
        return set(a - b);
      case 0x24:
        return set(a & b);
      case 0x25:
        return set(a | b);
      case 0x26:
        return set(a ^ b);
      case 0x27:
        return set(~(a | b));
      case 0x2a:
        return set((a | 0) < (b | 0) ? 1 : 0);
      case 0x2b:
        return set(a < b ? 1 : 0);
      case 0x30:
        return trapIf((a | 0) >= (b | 0));
      case 0x31:
        return trapIf(a >= b);
      case 0x32:
        return trapIf((a | 0) < (b | 0));
      case 0x33:
        return trapIf(a < b);
      case 0x34:
        return trapIf(a === b);
      case 0x36:
        return trapIf(a !== b);
      default:
        throw new GuestException(RESERVED);
    }
  }

  #product(value: bigint): undefined {
    this.#set(AT.lo, Number(BigInt.asUintN(32, value)));
    this.#set(AT.hi, Number(BigInt.asUintN(32, value >> 32n)));
  }

  #quotient(quotient: number, rest: number): void {
    this.#set(AT.lo, quotient);
    this.#set(AT.hi, rest);
  }

  #special2(word: number, rd: number, a: number, b: number, set: (n: number, value: number) => undefined): undefined {
    switch (word & 63) {
      case 0x02:
        return set(rd, Math.imul(a, b));
      case 0x20:
        return set(rd, Math.clz32(a));
      case 0x21:
        return set(rd, Math.clz32(~a));
      default:
        throw new GuestException(RESERVED);
    }
  }

  #special3(
    word: number,
    rt: number,
    rd: number,
    a: number,
    b: number,
    set: (n: number, value: number) => undefined,
  ): undefined {
    const lsb = (word >>> 6) & 31;
    const mask = (bits: number): number => (bits >= 32 ? 0xffff_ffff : (1 << bits) - 1);
    switch (word & 63) {
      case 0x00:
        return set(rt, (a >>> lsb) & mask(rd + 1));
      case 0x04: {
        const kept = mask(rd - lsb + 1) << lsb;
        return set(rt, (b & ~kept) | ((a << lsb) & kept));
      }
      case 0x20:
        if (lsb === 0x02) return set(rd, ((b & 0x00ff_00ff) << 8) | ((b >>> 8) & 0x00ff_00ff));
        if (lsb === 0x10) return set(rd, (b << 24) >> 24);
        if (lsb === 0x18) return set(rd, (b << 16) >> 16);
        throw new GuestException(RESERVED);
      case 0x3b: // rdhwr: the hooks put Count in its place
        return rd === HARDWARE_REGISTER_CC ? set(rt, 0) : undefined;
      default:
        throw new GuestException(RESERVED);
    }
  }

  #coprocessor0(
    word: number,
    rs: number,
    rt: number,
    rd: number,
    set: (n: number, value: number) => undefined,
  ): undefined | 'wait' | 'eret' {
    if (rs === 0) return set(rt, this.#readCp0(rd, word & 7));
    if (rs === 4) {
      this.#writeCp0(rd, word & 7, this.#heap.words[(this.registers >>> 2) + rt]);
      return undefined;
    }
    switch (word & 63) {
      case 0x01: {
        const { hi, mask, lo0, lo1 } = this.#tlb.read(this.#readCp0(0, 0) % this.#tlb.size);
        this.#set(AT.entryHi, hi);
        this.#set(CP0_TABLE + 5 * 32, mask);
        this.#set(CP0_TABLE + 2 * 32, lo0);
        this.#set(CP0_TABLE + 3 * 32, lo1);
        return undefined;
      }
      case 0x02:
        this.#tlb.writeIndexed((this.#readCp0(0, 0) & 0x7fff_ffff) % this.#tlb.size, this.#entry());
        return undefined;
      case 0x04:
        this.#tlb.invalidateAll();
        return undefined;
      case 0x06:
        this.#tlb.writeRandom(this.#draw(), this.#entry());
        return undefined;
      case 0x08: {
        const index = this.#tlb.probe(this.#get(AT.entryHi));
        this.#set(CP0_TABLE, index < 0 ? this.#get(CP0_TABLE) | 0x8000_0000 : index);
        return undefined;
      }
      case 0x18: {
        const epc = this.#get(AT.epc);
        this.status = this.status & ~STATUS_EXL;
        this.#linked = false;
        this.#set(
          AT_HFLAGS,
          (this.#get(AT_HFLAGS) & ~(HFLAG_MIPS16 | HFLAG_BRANCH_ALL)) | ((epc & 1) !== 0 ? HFLAG_MIPS16 : 0),
        );
        this.pc = (epc & ~1) >>> 0;
        return 'eret';
      }
      case 0x20:
        return 'wait';
      default:
        throw new GuestException(RESERVED);
    }
  }

  /** Moves only: nobody computes. */
  #coprocessor1(
    rs: number,
    rt: number,
    rd: number,
    b: number,
    set: (n: number, value: number) => undefined,
  ): undefined {
    if ((this.status & STATUS_CU1) === 0) throw new GuestException(EXCEPTION.CpU, 1);
    if (rs === 0) return set(rt, this.#get(FPU + 4 * rd));
    if (rs === 2) return set(rt, rd === 0 ? this.#model.fir : this.#get(FPU + 4 * 32));
    if (rs === 4) this.#set(FPU + 4 * rd, b);
    else if (rs === 6) this.#set(FPU + 4 * 32, b);
    else throw new GuestException(RESERVED);
    return undefined;
  }

  #entry(): EntryRegisters {
    const of = (rd: number): number => this.#get(CP0_TABLE + rd * 32);
    return { hi: this.#get(AT.entryHi), mask: of(5), lo0: of(2), lo1: of(3) };
  }

  #draw(): number {
    const { words } = this.#heap;
    const { state, previous, decoy } = this.#random;
    const wired = this.#get(CP0_TABLE + 6 * 32);
    let index: number;
    do {
      words[state >>> 2] = Math.imul(1103515245, words[state >>> 2]) + 12345;
      index = ((words[state >>> 2] >>> 16) % (this.#tlb.size - wired)) + wired;
    } while (index === words[previous >>> 2]);
    words[previous >>> 2] = index;
    words[decoy >>> 2] = index;
    return index;
  }

  #readCp0(rd: number, select: number): number {
    if (rd === 1) return this.#draw();
    if (rd === 15 && select === 0) return this.#model.prid;
    if (rd === 16) return this.#configuration(select);
    return this.#get(PLACE[8 * rd + select] ?? CP0_TABLE + rd * 32 + select * 4);
  }

  #configuration(select: number): number {
    const config = this.#model.config[select] ?? 0;
    return select === 1 ? ((config & ~(63 << 25)) | ((this.#tlb.size - 1) << 25)) >>> 0 : config;
  }

  #writeCp0(rd: number, select: number, value: number): void {
    const hasEhinv = this.#model.entries === 64;
    if (rd === 12 && select === 0) this.status = value;
    else if (rd === 13) this.#set(AT.cause, (this.#get(AT.cause) & ~0x00c0_0300) | (value & 0x00c0_0300));
    else if (rd === 10) this.#set(AT.entryHi, value & (hasEhinv ? 0xffff_e4ff : 0xffff_e0ff));
    else if (rd === 4) this.#set(AT.context, (this.#get(AT.context) & 0x7f_ffff) | (value & 0xff80_0000));
    else if (rd === 14) this.#set(AT.epc, value);
    else if (rd === 2 || rd === 3) this.#set(CP0_TABLE + rd * 32, value & 0x03ff_ffff);
    else if (rd === 5) this.#set(CP0_TABLE + rd * 32, value & 0x1fff_e000);
    else if (rd === 6) this.#set(CP0_TABLE + rd * 32, value % this.#tlb.size);
    else if (rd === 11) this.#set(AT.compare, value);
    else if (rd === 12 && select === 1) this.#set(AT.intCtl, value & 0x3e0);
    else if (rd === 15 && select === 1) this.#set(AT.ebase, 0x8000_0000 | (value & 0x3fff_f000));
    else if (rd !== 16 && rd !== 15 && rd !== 8) this.#set(CP0_TABLE + rd * 32 + select * 4, value);
  }
}

/** Eight times the number of a register of CP0, and its selection. */
const PLACE: Readonly<Record<number, number>> = {
  [8 * 4]: AT.context,
  [8 * 8]: AT.badVAddr,
  [8 * 10]: AT.entryHi,
  [8 * 11]: AT.compare,
  [8 * 12]: AT.status,
  [8 * 12 + 1]: AT.intCtl,
  [8 * 13]: AT.cause,
  [8 * 14]: AT.epc,
  [8 * 15 + 1]: AT.ebase,
};

/** Branches whose condition cannot hold are translated as nops. */
function isNever(word: number): boolean {
  const [op, rs, rt] = [word >>> 26, (word >>> 21) & 31, (word >>> 16) & 31];
  return op === 5 || op === 0x15
    ? rs === rt
    : rs === 0 && (op === 7 || op === 0x17 || (op === 1 && (rt === 0 || rt === 2)));
}

function isBranch(word: number): boolean {
  const op = word >>> 26;
  if (op === 0) return (word & 0x3e) === 0x08;
  if (op === 1) return ((word >>> 16) & 0x0c) === 0;
  return (op >= 2 && op <= 7) || (op >= 0x14 && op <= 0x17);
}

function weightOf(word: number): number {
  const op = word >>> 26;
  if (op === 0x22 || op === 0x26 || op === 0x2a || op === 0x2e) return 20;
  if (op === 0x30) return 18;
  if (op >= 0x20 || op === 8 || (op === 0 && (word & 63) === 0x20)) return 16;
  if (op === 0x10 && (word >>> 25) % 2 === 1) return 14;
  return 12;
}
