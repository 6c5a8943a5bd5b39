// The functions of a kernel's per-CPU allocator, by symbol: mm/percpu.c, mm/percpu-vm.c, mm/vmalloc.c of Linux 5.10 to 6.12.
import type { GuestNames } from '../linux/guest-names.js';

/** Without these nothing can be compared. */
const NEEDED = {
  setup: ['pcpu_setup_first_chunk'],
  /** (size, align, reserved, gfp) */
  alloc: ['pcpu_alloc', 'pcpu_alloc_noprof'], // the latter from 6.10 on
  /** (pointer) */
  free: ['free_percpu'],
  /** (work) */
  balance: ['pcpu_balance_workfn'],
  /** (gfp), or (type, gfp) before 5.14 */
  create: ['pcpu_create_chunk'],
  /** Gives the address of an array of struct vm_struct pointers. */
  areas: ['pcpu_get_vm_areas'],
  /** (chunk, start, end, gfp) */
  populate: ['pcpu_populate_chunk'],
} as const;

/** These may be inlined: what they show is then seen a few instructions later. */
const HELPFUL = {
  /** (chunk, bits, align, pop_only) under pcpu_lock */
  fit: ['pcpu_find_block_fit'],
  /** (chunk, bits, align, start) under pcpu_lock */
  take: ['pcpu_alloc_area'],
  /** (chunk, offset) under pcpu_lock */
  release: ['pcpu_free_area'],
  relocate: ['pcpu_chunk_relocate'],
  populated: ['pcpu_chunk_populated'],
  depopulated: ['pcpu_chunk_depopulated'],
  /** (chunk, start, end) */
  depopulate: ['pcpu_depopulate_chunk'],
  balanceFree: ['pcpu_balance_free'],
  /** (vms, groups) */
  freeAreas: ['pcpu_free_vm_areas'],
  /** (start, end) */
  flush: ['flush_tlb_kernel_range'],
} as const;

type Needed = keyof typeof NEEDED;
type Helpful = keyof typeof HELPFUL;

/** Addresses. */
export type KernelFunctions = Readonly<Record<Needed, number> & Partial<Record<Helpful, number>>>;

/** gcc's clones keep the order of the arguments that we look at, except where scalar replacement has been at them. */
const CLONE = /\.(constprop|part|cold)\.\d+$/;

/** @returns the addresses, or the name of the first function that the kernel lacks */
export function kernelFunctions(names: GuestNames): KernelFunctions | string {
  const found: Partial<Record<Needed | Helpful, number>> = {};
  for (const [key, [first, ...others]] of [...Object.entries(NEEDED), ...Object.entries(HELPFUL)]) {
    const address = [first, ...others].map((name) => addressOf(names, name)).find((at) => at !== undefined);
    if (address !== undefined) found[key as Needed] = address;
    else if (key in NEEDED) return first;
  }
  return found as KernelFunctions;
}

function addressOf(names: GuestNames, name: string): number | undefined {
  const clones = names.functions(new RegExp(`^${name}(\\.|$)`));
  const [own] = clones.filter((clone) => clone.name === name);
  const clone =
    own ?? clones.find((candidate) => candidate.name.replace(CLONE, '') === name && !/\.cold\b/.test(candidate.name));
  return clone?.start;
}

const JAL = 3;

/** Whether the text of a function calls another one. @param word the word at an address */
export function calls(
  from: { readonly start: number; readonly end: number },
  to: number,
  word: (address: number) => number | undefined,
): boolean {
  for (let at = from.start; at < from.end; at += 4) {
    const instruction = word(at);
    if (instruction !== undefined && instruction >>> 26 === JAL) {
      const target = ((at & 0xf000_0000) | ((instruction & 0x03ff_ffff) << 2)) >>> 0;
      if (target === to) return true;
    }
  }
  return false;
}
