// The machines whose per-CPU memory is modelled: numbers only. A layout of one's own is one more entry of LAYOUTS, and everything knows it:
// options, compare, replay, pages. Measured on Linux 6.1.192 built for big-endian Malta and booted in
// QEMU 7.2 (first chunk line, event logs); x86-like as Debian's 6.1 on x86-64.
import { addressFrom, dynamicReserve, embedFirstChunk } from '../percpu/index.js';
import type { EmbeddedFirstChunk, LongBits, Machine } from '../percpu/index.js';

/** One machine. Sizes in bytes, addresses unsigned. */
export interface Layout {
  readonly name: string;
  readonly bits: LongBits;
  readonly pageShift: number;
  /** Possible CPUs unless the user says otherwise. */
  readonly cpus: number;
  /** __per_cpu_start and the size of the static per-CPU area. */
  readonly staticStart: bigint;
  readonly staticSize: number;
  /** Area reserved for modules in the first chunk; the Malta kernels have no modules. */
  readonly reservedSize: number;
  readonly dynSize: number;
  /** Allocation atom: chunks are multiples of it and aligned to it. */
  readonly atomSize: number;
  readonly vmallocStart: bigint;
  readonly vmallocEnd: bigint;
  /** Where boot memory puts the first chunk. */
  readonly bootBase: bigint;
}

export const LAYOUTS = {
  /** malta_defconfig's 16 KB pages: "Embedded 7 pages/cpu s80672 r0 d34016 u114688". */
  malta: {
    name: 'malta',
    bits: 32,
    pageShift: 14,
    cpus: 1,
    staticStart: 0x809e4000n,
    staticSize: 80672,
    reservedSize: 0,
    dynSize: dynamicReserve(32),
    atomSize: 16384,
    vmallocStart: 0xc0000000n,
    vmallocEnd: 0xfff94000n,
    bootBase: 0x81000000n,
  },
  /** The same kernel with 4 KB pages: "Embedded 13 pages/cpu s31520 r0 d21728 u53248". */
  'malta-4k': {
    name: 'malta-4k',
    bits: 32,
    pageShift: 12,
    cpus: 1,
    staticStart: 0x809d8000n,
    staticSize: 31520,
    reservedSize: 0,
    dynSize: dynamicReserve(32),
    atomSize: 4096,
    vmallocStart: 0xc0000000n,
    vmallocEnd: 0xfffcd000n,
    bootBase: 0x81000000n,
  },
  /** x86-64: units of at least 256 KB out of 2 MB atoms, so that chunks have many pages and reclaim finds little. */
  'x86-like': {
    name: 'x86-like',
    bits: 64,
    pageShift: 12,
    cpus: 8,
    staticStart: 0n,
    staticSize: 0x32a38,
    reservedSize: 8192,
    dynSize: dynamicReserve(64),
    atomSize: 2 << 20,
    vmallocStart: 0xffffc90000000000n,
    vmallocEnd: 0xffffe8ffffffffffn,
    bootBase: 0xffff888237c00000n,
  },
} as const satisfies Record<string, Layout>;

export type LayoutName = keyof typeof LAYOUTS;

/** The layout as the allocator wants it. @param cpus possible CPUs, all on one node */
export function machineOf(layout: Layout, cpus = layout.cpus): Machine {
  const { bits, pageShift, staticStart, vmallocStart, vmallocEnd } = layout;
  return { bits, pageShift, cpus, nodes: [], staticStart, vmallocStart, vmallocEnd, thisCpu: 0 };
}

/** setup_per_cpu_areas() of the layout: shape and address of the first chunk. */
export function firstChunkOf(layout: Layout, cpus = layout.cpus): EmbeddedFirstChunk {
  const { staticSize, reservedSize, dynSize, atomSize, bits, bootBase } = layout;
  return embedFirstChunk(machineOf(layout, cpus), staticSize, reservedSize, dynSize, atomSize, (_size, align) =>
    addressFrom(((bootBase + BigInt(align) - 1n) / BigInt(align)) * BigInt(align), bits),
  );
}
