// Whose memory a physical address is at a moment of a boot.
import type { AllocatedType } from '../../emu/elf/type-table.js';
import type { BootParts } from '../kernel/boot.js';
import { THREAD_SIZE } from '../kernel/unwind.js';
import { KSEG0 } from './addresses.js';
import type { Call, SlabObjects } from './slab-objects.js';

interface SlabOwner {
  kind: 'slab';
  cache: string;
  /** kseg0 address and bytes of the object; 0 between objects. */
  object: number;
  size: number;
  /** What it was allocated for. */
  type: AllocatedType | undefined;
  allocated: Call | undefined;
  /** It lies on a free list. */
  freed: Call | undefined;
}

/** Whose memory, and the bytes around the address that are the same victim's: physical addresses, [start, end). */
export type Victim = Owner & { start: number; end: number };

type Owner =
  | { kind: 'free' }
  | SlabOwner
  | {
      kind: 'per-CPU';
      chunk: number;
      page: number;
      cpu: number;
      /** Event that allocated the area there; -1: none. */
      area: number;
      /** Bytes from the area's start to `start`: an area may reach over several pages. */
      offset: number;
    }
  | { kind: 'stack'; pid: number; comm: string }
  | { kind: 'page table' }
  | { kind: 'vmalloc' }
  | { kind: 'pages'; caller: string }
  /** Nobody is seen to have it (of kernels that are not ours). */
  | { kind: 'unknown' };

export class VictimFinder {
  readonly #parts: BootParts;
  readonly #objects: Pick<SlabObjects, 'at'>;

  constructor(parts: BootParts, objects: Pick<SlabObjects, 'at'>) {
    this.#parts = parts;
    this.#objects = objects;
  }

  at(physical: number): Victim {
    const { machine, pages, scheduler } = this.#parts;
    const address = KSEG0 + physical;
    const task = scheduler.tasks.find(({ stack }) => stack <= address && address < stack + THREAD_SIZE);
    if (task) {
      const start = task.stack - KSEG0;
      return { kind: 'stack', pid: task.pid, comm: task.comm, start, end: start + THREAD_SIZE };
    }
    const frame = Math.floor(physical / machine.pageSize);
    const page = { start: frame * machine.pageSize, end: (frame + 1) * machine.pageSize };
    const owner = pages.allocator.owners[frame];
    switch (owner?.kind) {
      case undefined:
        return { kind: 'free', ...page };
      case 'slab':
        return this.#slabObject(owner.cache, address);
      case 'percpu':
        return this.#perCpu(owner, physical, page.start);
      case 'page-table':
        return { kind: 'page table', ...page };
      case 'metadata':
        return { kind: 'vmalloc', ...page };
      case 'pages':
        return { kind: 'pages', caller: owner.caller, ...page };
    }
  }

  #slabObject(cache: string, address: number): Victim {
    const found = this.#parts.pages.objectAt(address);
    if (found === undefined || address >= found.address + found.size) {
      const start = address - KSEG0;
      const nothing = { object: 0, size: 0, type: undefined, allocated: undefined, freed: undefined };
      return { kind: 'slab', cache, ...nothing, start, end: start + 1 };
    }
    const history = this.#objects.at(found.address);
    const { lines, types } = this.#parts.machine.image;
    // the call itself is two instructions before the place it returns to
    const type = history && types.allocatedAt(lines.lookup(history.allocated.site - 8));
    const start = found.address - KSEG0;
    return {
      kind: 'slab',
      cache,
      object: found.address,
      size: found.size,
      type,
      allocated: history?.allocated,
      freed: history?.freed,
      start,
      end: start + found.size,
    };
  }

  /** @param pageStart physical address of the page */
  #perCpu(owner: { chunk: number; page: number; cpu: number }, physical: number, pageStart: number): Victim {
    const { chunk, page, cpu } = owner;
    const pageSize = this.#parts.machine.pageSize;
    const at = page * pageSize + physical - pageStart;
    const { events } = this.#parts.log;
    let area = -1;
    let [off, size] = [at, 1];
    for (let i = events.length - 1; i >= 0; i--) {
      const event = events[i]!;
      if (event.type !== 'percpu_alloc' && event.type !== 'percpu_free') continue;
      if (event.chunk !== chunk || at < event.off || at >= event.off + event.size) continue;
      if (event.type === 'percpu_alloc') {
        area = event.seq;
        ({ off, size } = event);
      }
      break;
    }
    const first = Math.max(off, page * pageSize);
    const start = pageStart + first - page * pageSize;
    const end = pageStart + Math.min(off + size - page * pageSize, pageSize);
    return { kind: 'per-CPU', chunk, page, cpu, area, offset: first - off, start, end };
  }
}
