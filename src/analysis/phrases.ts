// Names for what reports speak of: tasks, functions with their source lines, objects and fields, per-CPU areas.
import type { GuestImage } from '../../emu/elf/image.js';
import type { AllocatedType } from '../../emu/elf/type-table.js';
import type { KernelEvent } from '../kernel/events.js';
import { hex, KSEG0, pfn, seconds } from './addresses.js';
import type { Call } from './slab-objects.js';
import type { Victim } from './victim.js';

/** The allocator asks for its own bookkeeping from the host's side: the guest's stub stands for the caller. */
const HOST_STUB = 'serve_host';

/** What an image has of names. */
export interface NamingImage {
  readonly symbols: Pick<GuestImage['symbols'], 'lookup' | 'symbolize' | 'has' | 'address'>;
  readonly lines: Pick<GuestImage['lines'], 'lookup'>;
  readonly types: Pick<GuestImage['types'], 'fieldAt' | 'allocatedAt'>;
}

export class Phrases {
  readonly #image: NamingImage;
  readonly #events: readonly KernelEvent[];

  /** @param events of a boot, perhaps still growing */
  constructor(image: NamingImage, events: readonly KernelEvent[]) {
    this.#image = image;
    this.#events = events;
  }

  /** `kworker/0:1 (pid 13)` */
  task(pid: number): string {
    const made = this.#events.find((event) => event.type === 'task' && event.task === pid);
    return `${made?.type === 'task' ? made.comm : 'task'} (pid ${pid})`;
  }

  /** `memset` */
  functionAt(pc: number): string {
    const name = this.#image.symbols.lookup(pc)?.name;
    if (name === HOST_STUB) return 'pcpu_create_chunk';
    return name ?? `0x${pc.toString(16)}`;
  }

  /** `memset+0x38/0x64` */
  symbol(pc: number): string {
    return this.#image.symbols.symbolize(pc);
  }

  /** `emu/guest/string.c:57`; '' without one. */
  source(pc: number): string {
    const line = this.#image.lines.lookup(pc);
    return line === undefined ? '' : `${line.file}:${line.line}`;
  }

  /** `memset+0x38/0x64 (emu/guest/string.c:57)` */
  place(pc: number): string {
    const source = this.source(pc);
    return source ? `${this.symbol(pc)} (${source})` : this.symbol(pc);
  }

  /** `event 123 at 0.589920 s` */
  when(seq: number): string {
    return `event ${seq} at ${seconds(this.#events[seq]!.t)} s`;
  }

  /** `by blk_alloc_queue (emu/guest/kernel/blk-core.c:18) in kworker/u2:1 (pid 19) after event 8677` */
  call({ site, pid, after }: Call): string {
    const source = this.source(site - 8);
    return `by ${this.functionAt(site)}${source ? ` (${source})` : ''} in ${this.task(pid)} after event ${after}`;
  }

  /** The object: `request_queue 81296d80`, `free page 1292`, `the per-CPU area of blk_stat_alloc_callback`. */
  victim(victim: Victim, physical: number, pageSize: number): string {
    const frame = pfn(Math.floor(physical / pageSize));
    switch (victim.kind) {
      case 'free':
        return `free page ${frame}`;
      case 'slab': {
        if (victim.object === 0) return `page ${frame} of the slab cache ${victim.cache}, between its objects`;
        if (victim.freed || !victim.allocated) return `the free ${victim.cache} object ${hex(victim.object)}`;
        return `${victim.type ? typeName(victim.type) : `${victim.cache} object`} ${hex(victim.object)}`;
      }
      case 'per-CPU': {
        const area = this.#events[victim.area];
        const where = `chunk ${victim.chunk} page ${victim.page}`;
        if (area?.type !== 'percpu_alloc') return `unused per-CPU memory (${where})`;
        return `the per-CPU area of ${area.caller} (${where}, ${area.size} bytes)`;
      }
      case 'stack':
        return `the stack of ${this.task(victim.pid)}`;
      case 'page table':
        return `page table page ${frame}`;
      case 'vmalloc':
        return `vmalloc page ${frame} of the allocator's own bookkeeping`;
      case 'pages':
        return `page ${frame} of ${victim.caller}`;
      case 'unknown':
        return `page ${frame}, whose owner was not seen,`;
    }
  }

  /**
   * The field of an object at a physical address: `request_queue.rcu_head.func`. '' where the type is not known, or the object is free:
   * then SLAB may have its free list there.
   */
  field(victim: Victim, physical: number): string {
    if (victim.kind === 'slab' && victim.type !== undefined && !victim.freed)
      return this.#image.types.fieldAt(victim.type, KSEG0 + physical - victim.object);
    if (victim.kind !== 'per-CPU') return '';
    return this.areaField(victim.area, victim.offset + physical - victim.start);
  }

  /** The field at a byte of the per-CPU area that an event allocated; '' where its type is not known. */
  areaField(area: number, offset: number): string {
    const { types, lines, symbols } = this.#image;
    const event = this.#events[area];
    const site = event?.type === 'percpu_alloc' ? /^(\w+)\+0x([0-9a-f]+)\//.exec(event.callSite) : null;
    if (site === null || !symbols.has(site[1]!)) return '';
    const type = types.allocatedAt(lines.lookup(symbols.address(site[1]!) + parseInt(site[2]!, 16) - 8));
    return type === undefined ? '' : types.fieldAt(type, offset);
  }
}

/** `request_queue`, `static_rqs array` */
function typeName({ type, array }: AllocatedType): string {
  return array === '' ? type.replace(/^struct /, '') : `${array} array`;
}
