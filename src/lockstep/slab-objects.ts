// Objects of a running kernel's slab caches: who allocated what, where, and whether it was freed, as CONFIG_SLUB_DEBUG's user tracking would say.
// Seen at the entries and returns of the allocator's functions (mm/slab.c, mm/slub.c, mm/slab_common.c of Linux 5.10 to 6.12).
import type { Call as Moment } from '../analysis/slab-objects.js';
import type { Victim } from '../analysis/victim.js';
import type { GuestNames } from '../linux/guest-names.js';
import type { Call, CallWatch } from './call-watch.js';

/** (cachep, ...) gives an object of the cache. */
const FROM_CACHE = /^kmem_cache_alloc(_lru|_node)?(_noprof)?$/;
/** (size, ...) */
const BY_SIZE = /^__kmalloc(_node)?(_track_caller|_node_track_caller)?(_noprof)?$/;
/** (cachep, flags, [node,] size): the cache is a power of two. */
const TRACED = /^(kmalloc_trace|kmem_cache_alloc_trace)(_noprof)?$/;
const NODE_TRACED = /^(kmalloc_node_trace|kmem_cache_alloc_node_trace)(_noprof)?$/;
/** (name, size, ...) gives a cache. */
const CREATES = /^(kmem_cache_create(_usercopy)?|__kmem_cache_create_args)$/;
/** (name, size, ...) makes one that kmalloc() takes from, before anything is allocated: their sizes depend on the CPU's cache lines. */
const CREATES_KMALLOC = /^create_kmalloc_cache$/;
/** kmalloc-64, kmalloc-1k: not those for DMA, reclaimable and accounted objects. */
const PLAIN_KMALLOC = /^kmalloc-\d+k?$/;
const KSEG0 = 0x8000_0000;
const LARGEST_OBJECT = 0x2000;

interface SlabObject {
  readonly cache: string;
  readonly size: number;
  readonly allocated: Moment;
  freed: Moment | undefined;
}

export class KernelSlabObjects {
  /** By kseg0 address; ones that nobody has any more stay until their place is taken. */
  readonly #objects = new Map<number, SlabObject>();
  readonly #caches = new Map<number, { name: string; size: number }>();
  /** Those of kmalloc(), the smallest first. */
  readonly #kmalloc: { name: string; size: number }[] = [];
  readonly #moment: () => Omit<Moment, 'site'>;
  /** Addresses of objects by the 4 KB they begin in. */
  readonly #pages = new Map<number, Set<number>>();

  /** @param text the string at an address @param moment now */
  constructor(
    calls: CallWatch,
    names: GuestNames,
    text: (address: number) => string,
    moment: () => Omit<Moment, 'site'>,
  ) {
    this.#moment = moment;
    const each = (pattern: RegExp, onCall: Parameters<CallWatch['add']>[1]): void => {
      for (const { start } of names.functions(pattern)) calls.add(start, onCall);
    };
    const gives =
      (name: string, size: number, { ra }: Call) =>
      (object: number) => {
        if (object >>> 30 === 2 && size > 0 && size <= LARGEST_OBJECT) this.#allocated(object, name, size, ra);
      };
    each(CREATES, ({ args: [name, size] }) => {
      const called = text(name);
      return (cache) => void this.#caches.set(cache, { name: called, size });
    });
    each(CREATES_KMALLOC, ({ args: [name, size] }) => {
      const called = text(name);
      if (PLAIN_KMALLOC.test(called)) {
        this.#kmalloc.push({ name: called, size });
        this.#kmalloc.sort((a, b) => a.size - b.size);
      }
      return (cache) => void this.#caches.set(cache, { name: called, size });
    });
    each(FROM_CACHE, (call) => {
      const cache = this.#caches.get(call.args[0]);
      return cache && gives(cache.name, cache.size, call);
    });
    each(BY_SIZE, (call) => gives(this.#kmallocCache(call.args[0]), call.args[0], call));
    each(TRACED, (call) => gives(this.#kmallocCache(call.args[2]), call.args[2], call));
    each(NODE_TRACED, (call) => gives(this.#kmallocCache(call.args[3]), call.args[3], call));
    each(/^kfree$/, ({ args: [object], ra }) => this.#freed(object, ra));
    each(/^kmem_cache_free$/, ({ args: [, object], ra }) => this.#freed(object, ra));
  }

  #allocated(object: number, cache: string, size: number, site: number): void {
    const before = this.#objects.get(object);
    const now = this.#moment();
    // one of these calls the other: the outermost returns last
    if (before && !before.freed && before.allocated.t === now.t) return;
    this.#objects.set(object, { cache, size, allocated: { ...now, site }, freed: undefined });
    const page = object >>> 12;
    const there = this.#pages.get(page);
    if (there) there.add(object);
    else this.#pages.set(page, new Set([object]));
  }

  #freed(object: number, site: number): undefined {
    const found = this.#objects.get(object);
    if (found && !found.freed) found.freed = { ...this.#moment(), site };
    return undefined;
  }

  /** Whose object a physical address lies in; undefined where none was seen, the last one where it is free by now. */
  at(physical: number): Victim | undefined {
    const address = KSEG0 + physical;
    let best: number | undefined;
    for (let page = (address - LARGEST_OBJECT) >>> 12; page <= address >>> 12; page++)
      for (const object of this.#pages.get(page) ?? []) {
        const { size, allocated } = this.#objects.get(object)!;
        if (object > address || address >= object + size) continue;
        if (best === undefined || allocated.t > this.#objects.get(best)!.allocated.t) best = object;
      }
    if (best === undefined) return undefined;
    const { cache, size, allocated, freed } = this.#objects.get(best)!;
    const start = best - KSEG0;
    return { kind: 'slab', cache, object: best, size, type: undefined, allocated, freed, start, end: start + size };
  }

  #kmallocCache(size: number): string {
    return this.#kmalloc.find((cache) => cache.size >= size)?.name ?? usualCache(size);
  }
}

/** Where the making of the caches was not seen: powers of two from 8 on. */
function usualCache(size: number): string {
  const bytes = 2 ** Math.ceil(Math.log2(Math.max(size, 8)));
  return bytes < 1024 ? `kmalloc-${bytes}` : `kmalloc-${bytes / 1024}k`;
}
