// Whose memory an address is, and how it came to be so: for boots of our own guest, whose log knows it.
import { hex } from '../analysis/addresses.js';
import { Phrases } from '../analysis/phrases.js';
import { SlabObjects } from '../analysis/slab-objects.js';
import { type Victim, VictimFinder } from '../analysis/victim.js';
import type { BootParts } from '../kernel/boot.js';
import type { KernelEvent } from '../kernel/events.js';
import { describe } from '../report/html/describe.js';

/** The last events about a page that are told. */
const HISTORY = 12;

export interface PageEvent {
  seq: number;
  t: number;
  text: string;
}

export class Evidence {
  readonly #parts: BootParts;
  readonly #victims: VictimFinder;
  readonly #phrases: Phrases;

  /**
   * Attaches to a boot that has not started.
   * @param objects watch who allocates and frees slab objects; without it the run is quicker, and objects have no history
   */
  constructor(parts: BootParts, objects: boolean) {
    this.#parts = parts;
    this.#victims = new VictimFinder(parts, objects ? new SlabObjects(parts) : { at: () => undefined });
    this.#phrases = new Phrases(parts.machine.image, parts.log.events);
  }

  /** Whose memory a physical address is, in words; with the call that allocated it where that was seen. */
  owner(physical: number): string {
    const { machine, pages } = this.#parts;
    const frame = Math.floor(physical / machine.pageSize);
    if (physical >= machine.board.cpu.ramBytes) return 'no RAM';
    if (pages.allocator.owners[frame] === undefined && !pages.allocator.manages(frame))
      return 'kernel image, first chunk or page descriptors';
    const victim = this.#victims.at(physical);
    const field = this.#phrases.field(victim, physical);
    const call = victim.kind === 'slab' ? (victim.freed ?? victim.allocated) : undefined;
    return [
      this.#phrases.victim(victim, physical, machine.pageSize),
      ...(field ? [`field ${field}`] : []),
      ...(call ? [`${victimFreed(victim) ? 'freed' : 'allocated'} ${this.#phrases.call(call)}`] : []),
    ].join(', ');
  }

  /** The last events that gave the virtual page a frame or took it away, and those of the frames. @param virtualPage its first address @param frames page frame numbers */
  history(virtualPage: number | undefined, pageSize: number, frames: readonly number[]): PageEvent[] {
    const { events } = this.#parts.log;
    const found: PageEvent[] = [];
    for (let i = events.length - 1; i >= 0 && found.length < HISTORY; i--) {
      const event = events[i]!;
      if (concerns(event, virtualPage, pageSize, frames))
        found.push({ seq: event.seq, t: event.t, text: this.#text(event) });
    }
    return found.reverse();
  }

  #text(event: KernelEvent): string {
    if (event.type !== 'tlb_refill') return describe(event);
    const access = event.va === event.pc ? 'fetch' : event.write ? 'store' : 'load';
    return `TLB refill for the ${access} ${event.write ? 'to' : 'from'} ${hex(event.va)} in ${this.#phrases.symbol(event.pc)}`;
  }

  /** Chunk, page and CPU whose copy a virtual address is; undefined outside the chunks. */
  chunkPage(virtual: number): { chunk: number; page: number; cpu: number } | undefined {
    const { allocator, machine } = this.#parts;
    for (const chunk of allocator.chunks())
      for (const [cpu, offset] of allocator.units.offsets.entries()) {
        const page = Math.floor(((virtual - chunk.base - offset) >>> 0) / machine.pageSize);
        if (page < chunk.nrPages) return { chunk: chunk.id, page, cpu };
      }
    return undefined;
  }
}

function victimFreed(victim: Victim): boolean {
  return victim.kind === 'slab' && victim.freed !== undefined;
}

function concerns(event: KernelEvent, page: number | undefined, pageSize: number, frames: readonly number[]): boolean {
  switch (event.type) {
    case 'map':
    case 'unmap':
      return event.va === page || frames.includes(event.frame);
    case 'page_alloc':
    case 'page_free':
      return frames.some((frame) => frame >= event.frame && frame < event.frame + (1 << event.order));
    case 'tlb_refill':
      return page !== undefined && event.va >= page && event.va < page + pageSize;
    default:
      return false;
  }
}
