// Sees the loads and stores that the guest makes through its TLB, and which entry each one uses: what the search for stale
// translations is made of. Nothing is installed, and nothing costs, until somebody asks.
import { type Engine, type EngineLibrary, HOOK, MEM, REG } from '../unicorn/engine.js';
import type { MemoryHooks } from './memory-hooks.js';
import type { TlbEntry, TlbPage, TlbView } from './tlb-view.js';

/** A load or store that its TLB entry allows. */
export interface MemoryAccess {
  write: boolean;
  virtual: number;
  physical: number;
  /** Bytes: 1, 2, 4 or 8. */
  size: number;
  /** What a store writes; 0 for a load. */
  value: number;
  /** Address of the instruction. */
  pc: number;
  /** The translation used, perhaps a shadow. */
  entry: TlbEntry;
}

export interface ObservedCpu {
  readonly engine: Engine;
  readonly hooks: MemoryHooks;
  readonly library: EngineLibrary;
  readonly tlb: TlbView;
  readonly pc: () => number;
  /** Where memory hooks get physical addresses: to be called in each, before the access. */
  readonly forgetDelaySlot: () => void;
  /** The word at a kseg0 or kseg1 address in RAM. */
  readonly instructionAt: (address: number) => number | undefined;
}

/**
 * Calls `observer` before each load and store to a TLB-mapped virtual address from `start` to `end` (inclusive) that will
 * succeed; one that faults is reported when it is tried again. Costs a call into JavaScript per access: on 2.0.x in the
 * range, on 2.1.x and unicorn.js per access anywhere, because these match physical addresses.
 * @returns ends the observation
 */
export function observeMemory(
  cpu: ObservedCpu,
  start: number,
  end: number,
  observer: (access: MemoryAccess) => void,
): () => void {
  const report = (type: number, virtual: number, size: number, value: number): void => {
    const entry = cpu.tlb.match(virtual);
    const page = entry && pageOf(entry, virtual);
    const write = type === MEM.WRITE;
    if (!entry || !page?.v || (write && !page.d)) return;
    const physical = page.physical + (virtual & (entry.pageSize - 1));
    observer({ write, virtual, physical, size, value: write ? value : 0, pc: cpu.pc(), entry });
  };
  if (reportsVirtual(cpu)) return cpu.hooks.add(start, end, report);
  const hook = cpu.engine.hook_add(HOOK.MEM_READ | HOOK.MEM_WRITE, (type, physical, size, value) => {
    cpu.forgetDelaySlot();
    const virtual = virtualAddress(cpu, physical);
    if (virtual !== undefined && virtual >= start && virtual <= end) report(type, virtual, size, value);
  });
  return () => cpu.engine.hook_del(hook);
}

/** A load or store as it is about to happen: it may yet fault. */
export interface AnyAccess {
  write: boolean;
  virtual: number;
  /** Bytes: 1, 2, 4 or 8. */
  size: number;
  /** What a store writes, its low 32 bits; 0 for a load. */
  value: number;
}

/**
 * Calls `observer` before each load and store from `start` to `end` (inclusive), whatever segment that is.
 * @returns ends the observation; undefined for engines that do not report virtual addresses
 */
export function observeAccesses(
  cpu: ObservedCpu,
  start: number,
  end: number,
  observer: (access: AnyAccess) => void,
): (() => void) | undefined {
  if (!reportsVirtual(cpu)) return undefined;
  return cpu.hooks.add(start, end, (type, virtual, size, value) => {
    const write = type === MEM.WRITE;
    observer({ write, virtual, size, value: write ? value : 0 });
  });
}

/** A load or store through kseg0: without the TLB. */
export interface UnmappedAccess {
  write: boolean;
  physical: number;
  /** Bytes: 1, 2, 4 or 8. */
  size: number;
  /** What a store writes; 0 for a load. */
  value: number;
  /** Address of the instruction. */
  pc: number;
}

const KSEG0 = 0x8000_0000;

/**
 * Calls `observer` before each load and store through kseg0 to a physical address from `start` to `end` (inclusive). Costs as for
 * `observeMemory`. @returns ends the observation
 */
export function observeUnmapped(
  cpu: ObservedCpu,
  start: number,
  end: number,
  observer: (access: UnmappedAccess) => void,
): () => void {
  const report = (type: number, physical: number, size: number, value: number): void => {
    const write = type === MEM.WRITE;
    observer({ write, physical, size, value: write ? value : 0, pc: cpu.pc() });
  };
  if (reportsVirtual(cpu))
    return cpu.hooks.add(KSEG0 + start, KSEG0 + end, (type, virtual, size, value) =>
      report(type, virtual - KSEG0, size, value),
    );
  const hook = cpu.engine.hook_add(HOOK.MEM_READ | HOOK.MEM_WRITE, (type, physical, size, value) => {
    cpu.forgetDelaySlot();
    if (physical < start || physical > end) return;
    const virtual = virtualAddress(cpu, physical);
    if (virtual !== undefined && virtual >>> 29 === KSEG0 >>> 29) report(type, physical, size, value);
  });
  return () => cpu.engine.hook_del(hook);
}

/** Whether memory hooks get virtual addresses: from libunicorn 2.0.x, or from the compiled hooks, which work them out. */
function reportsVirtual({ hooks, library: { kind, version } }: ObservedCpu): boolean {
  if (hooks.compiled) return true;
  return kind === 'native' && version[0] === 2 && version[1] === 0;
}

/** The half of a pair that an address selects. */
function pageOf(entry: TlbEntry, virtual: number): TlbPage {
  return (virtual & entry.pageSize) === 0 ? entry.even : entry.odd;
}

const OPCODE_PREF = 0x33;
const OPCODE_COP1X = 0x13;

/** The address that a load or store computes, from its word and the registers; undefined for other instructions. */
export function effectiveAddress(word: number, register: (n: number) => number): number | undefined {
  const opcode = word >>> 26;
  const base = register((word >>> 21) & 31);
  if (opcode === OPCODE_COP1X) return (base + register((word >>> 16) & 31)) >>> 0;
  if (opcode >= 0x20 && opcode !== OPCODE_PREF) return (base + ((word << 16) >> 16)) >>> 0;
  return undefined;
}

/**
 * What the instruction being executed computes as its address, for engines that report only the physical one. The offset in
 * the page is the physical one's: lwl, swl and their kin touch other bytes than they name.
 */
function virtualAddress(cpu: ObservedCpu, physical: number): number | undefined {
  const word = cpu.instructionAt(cpu.pc());
  const address = word === undefined ? undefined : effectiveAddress(word, (n) => cpu.engine.reg_read_i32(REG.GPR0 + n));
  return address === undefined ? undefined : ((address & ~0xfff) | (physical & 0xfff)) >>> 0;
}
