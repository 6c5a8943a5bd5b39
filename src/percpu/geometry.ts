// How a kernel lays out its per-CPU memory: numbers that mm/percpu.c takes from the architecture, the linker and boot memory.
import type { LongBits } from './address.js';

/** Empty populated pages that the kernel wants at least, and fills up to. */
export const PCPU_EMPTY_POP_PAGES_LOW = 2;
export const PCPU_EMPTY_POP_PAGES_HIGH = 4;

/** What the architecture fixes before the allocator exists. Sizes in bytes. */
export interface Machine {
  readonly bits: LongBits;
  /** PAGE_SHIFT; a metadata block covers one page. */
  readonly pageShift: number;
  /** Possible CPUs, numbered from 0. */
  readonly cpus: number;
  /** NUMA node of each CPU; unlisted CPUs are on node 0. */
  readonly nodes: readonly number[];
  /** __per_cpu_start, page aligned, as an unsigned value. */
  readonly staticStart: bigint;
  /** VMALLOC_START and VMALLOC_END, unsigned values. */
  readonly vmallocStart: bigint;
  readonly vmallocEnd: bigint;
  /** raw_smp_processor_id() of whoever frees. */
  readonly thisCpu: number;
}

/** struct pcpu_group_info: units that lie in one vm area. */
export interface UnitGroup {
  /** Distance of the group's first unit from the lowest one, bytes. */
  baseOffset: number;
  /** CPU of each unit; -1 = unused unit. */
  cpuMap: number[];
}

/** struct pcpu_alloc_info. Sizes in bytes. */
export interface AllocInfo {
  staticSize: number;
  reservedSize: number;
  dynSize: number;
  unitSize: number;
  atomSize: number;
  allocSize: number;
  groups: UnitGroup[];
}

/** PERCPU_DYNAMIC_EARLY_SIZE. */
export const PERCPU_DYNAMIC_EARLY_SIZE = 12 << 10;
/** PERCPU_MODULE_RESERVE of a kernel with modules. */
export const PERCPU_MODULE_RESERVE = 8 << 10;

/** PERCPU_DYNAMIC_RESERVE: bytes for dynamic areas in the first chunk. */
export function dynamicReserve(bits: LongBits): number {
  return bits === 32 ? 20 << 10 : 28 << 10;
}

/** PCPU_MIN_UNIT_SIZE: smallest unit and largest allocation, bytes. */
export function minUnitSize(pageSize: number): number {
  return alignUp(32 << 10, pageSize);
}

/** PFN_ALIGN(), ALIGN() for any positive `to`. */
export function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
