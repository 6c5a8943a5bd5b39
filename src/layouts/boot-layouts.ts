// The layouts a boot of the guest can have. The guest is a 32-bit MIPS: x86-like takes x86-64's per-CPU geometry to it.
import { buildAllocInfo, embedFirstChunk } from '../percpu/index.js';
import type { AllocInfo, Machine } from '../percpu/index.js';
import { type Layout, LAYOUTS, type LayoutName } from './layouts.js';

/** What distinguishes one layout from another. Sizes in bytes, addresses as the guest sees them. */
export interface BootLayout {
  readonly name: string;
  /** Of page tables, TLB entries and the page allocator. */
  readonly pageSize: 4096 | 16384;
  /** PERCPU_DYNAMIC_RESERVE: room for dynamic areas in the first chunk. */
  readonly dynReserve: number;
  /** Static per-CPU data of the kernel image, and __per_cpu_start. */
  readonly staticSize: number;
  readonly staticStart: number;
  /** Allocation atom: units are cut from multiples of it. */
  readonly atomSize: number;
  /** VMALLOC_END: chunks after the first lie below it, top down. */
  readonly vmallocEnd: number;
  /** The first chunk allocator. Default embed. */
  readonly percpuAlloc?: PercpuAlloc;
}

/**
 * The kernel parameter percpu_alloc=: `embed` cuts units from atoms of boot memory (pcpu_embed_first_chunk); `page` makes units as
 * small as they can be, whole pages (pcpu_page_first_chunk, for which x86 has the parameter and MIPS has not).
 */
export type PercpuAlloc = 'embed' | 'page';

/** pcpu_base_addr of the recorded boots. */
export const FIRST_CHUNK = 0x8100_0000;
/** VMALLOC_START of 32-bit MIPS. */
const VMALLOC_START = 0xc000_0000n;

/**
 * The layout as this guest has it. A 64-bit machine's is its per-CPU geometry (atom and reserve) on a guest that is malta-4k otherwise.
 */
function onGuest(layout: Layout): BootLayout {
  const { name, pageShift, dynSize, staticSize, staticStart, atomSize, vmallocEnd, bits } = layout;
  if (bits === 64) return { ...onGuest(LAYOUTS['malta-4k']), name, dynReserve: dynSize, atomSize };
  return {
    name,
    pageSize: pageShift === 14 ? 16384 : 4096,
    dynReserve: dynSize,
    staticSize,
    staticStart: Number(staticStart),
    atomSize,
    vmallocEnd: Number(vmallocEnd),
  };
}

export const BOOT_LAYOUTS = Object.fromEntries(
  Object.entries(LAYOUTS).map(([name, layout]) => [name, onGuest(layout)]),
) as Readonly<Record<LayoutName, BootLayout>>;

/** The allocator's view of a boot with `cpus` possible CPUs. */
export function percpuMachine(layout: BootLayout, cpus: number): Machine {
  return {
    bits: 32,
    pageShift: Math.log2(layout.pageSize),
    cpus,
    nodes: [],
    staticStart: BigInt(layout.staticStart),
    vmallocStart: VMALLOC_START,
    vmallocEnd: BigInt(layout.vmallocEnd),
    thisCpu: 0,
  };
}

/** The layout with another first chunk allocator. */
export function withPercpuAlloc(layout: BootLayout, percpuAlloc: PercpuAlloc): BootLayout {
  return { ...layout, percpuAlloc };
}

/**
 * Shape of the per-CPU areas: what pcpu_embed_first_chunk() makes of it, or pcpu_page_first_chunk(), which asks for the least
 * dynamic room and for atoms of a page. The guest's first chunk stays in kseg0 either way; a real one of pages is mapped.
 */
export function percpuAllocInfo(layout: BootLayout, machine: Machine): AllocInfo {
  if (layout.percpuAlloc === 'page') return buildAllocInfo(machine, layout.staticSize, 0, 0, layout.pageSize);
  return embedFirstChunk(machine, layout.staticSize, 0, layout.dynReserve, layout.atomSize, () => FIRST_CHUNK).info;
}
