// Allocation flags of include/linux/gfp_types.h (6.1), and their names as the tracepoints print them.

export const __GFP_HIGH = 0x20;
export const __GFP_IO = 0x40;
export const __GFP_FS = 0x80;
export const __GFP_ATOMIC = 0x200;
export const __GFP_DIRECT_RECLAIM = 0x400;
export const __GFP_KSWAPD_RECLAIM = 0x800;
export const __GFP_NOWARN = 0x2000;
export const __GFP_NOFAIL = 0x8000;

const RECLAIM = __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM;
export const GFP_ATOMIC = __GFP_HIGH | __GFP_ATOMIC | __GFP_KSWAPD_RECLAIM;
export const GFP_KERNEL = RECLAIM | __GFP_IO | __GFP_FS;
export const GFP_NOWAIT = __GFP_KSWAPD_RECLAIM;
export const GFP_NOIO = RECLAIM;
export const GFP_NOFS = RECLAIM | __GFP_IO;

const HARDWALL = 0x100000;
const HIGHMEM = 0x2;
const MOVABLE = 0x8;
const HIGHUSER_MOVABLE = GFP_KERNEL | HARDWALL | HIGHMEM | MOVABLE;
const TRANSHUGE_LIGHT = (HIGHUSER_MOVABLE | 0x40000 | 0x80000 | __GFP_NOWARN) & ~RECLAIM;

/** __def_gfpflag_names of trace/events/mmflags.h: greedy, in this order. */
const NAMES: readonly (readonly [number, string])[] = [
  [TRANSHUGE_LIGHT | __GFP_DIRECT_RECLAIM, 'GFP_TRANSHUGE'],
  [TRANSHUGE_LIGHT, 'GFP_TRANSHUGE_LIGHT'],
  [HIGHUSER_MOVABLE, 'GFP_HIGHUSER_MOVABLE'],
  [GFP_KERNEL | HARDWALL | HIGHMEM, 'GFP_HIGHUSER'],
  [GFP_KERNEL | HARDWALL, 'GFP_USER'],
  [GFP_KERNEL | 0x400000, 'GFP_KERNEL_ACCOUNT'],
  [GFP_KERNEL, 'GFP_KERNEL'],
  [GFP_NOFS, 'GFP_NOFS'],
  [GFP_ATOMIC, 'GFP_ATOMIC'],
  [GFP_NOIO, 'GFP_NOIO'],
  [GFP_NOWAIT, 'GFP_NOWAIT'],
  [0x1, 'GFP_DMA'],
  [HIGHMEM, '__GFP_HIGHMEM'],
  [0x4, 'GFP_DMA32'],
  [__GFP_HIGH, '__GFP_HIGH'],
  [__GFP_ATOMIC, '__GFP_ATOMIC'],
  [__GFP_IO, '__GFP_IO'],
  [__GFP_FS, '__GFP_FS'],
  [__GFP_NOWARN, '__GFP_NOWARN'],
  [0x4000, '__GFP_RETRY_MAYFAIL'],
  [__GFP_NOFAIL, '__GFP_NOFAIL'],
  [0x10000, '__GFP_NORETRY'],
  [0x40000, '__GFP_COMP'],
  [0x100, '__GFP_ZERO'],
  [0x80000, '__GFP_NOMEMALLOC'],
  [0x20000, '__GFP_MEMALLOC'],
  [HARDWALL, '__GFP_HARDWALL'],
  [0x200000, '__GFP_THISNODE'],
  [0x10, '__GFP_RECLAIMABLE'],
  [MOVABLE, '__GFP_MOVABLE'],
  [0x400000, '__GFP_ACCOUNT'],
  [0x1000, '__GFP_WRITE'],
  [RECLAIM, '__GFP_RECLAIM'],
  [__GFP_DIRECT_RECLAIM, '__GFP_DIRECT_RECLAIM'],
  [__GFP_KSWAPD_RECLAIM, '__GFP_KSWAPD_RECLAIM'],
  [0x800000, '__GFP_ZEROTAGS'],
];

/** show_gfp_flags(): "GFP_KERNEL|__GFP_NOWARN", "none" for 0. */
export function gfpNames(gfp: number): string {
  if (gfp === 0) return 'none';
  const names: string[] = [];
  let rest = gfp;
  for (const [mask, name] of NAMES) {
    if (rest === 0) break;
    if ((rest & mask) !== mask) continue;
    rest &= ~mask;
    names.push(name);
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.join('|');
}

/** The flags that {@link gfpNames} printed, or undefined when a name is not known. */
export function parseGfpNames(text: string): number | undefined {
  if (text === 'none') return 0;
  let gfp = 0;
  for (const part of text.split('|')) {
    const known = NAMES.find(([, name]) => name === part);
    if (known) gfp |= known[0];
    else if (/^0x[0-9a-f]+$/.test(part)) gfp |= Number(part);
    else return undefined;
  }
  return gfp;
}
