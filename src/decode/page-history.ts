// Which per-CPU pages were freed when, and what was zeroed afterwards at the addresses they used to back.
//
// The events come from a gt_log file of a real kernel, from `boot --log` of a simulated one, or from the console itself when the kernel
// dumped its log as it died (`percpu: GT LOG`, `GT TAIL`).
import type { KernelEvent } from '../kernel/events.js';

/** A page that partial depopulation gave back. Addresses and page numbers are numbers; times are seconds as printed. */
export interface FreedPage {
  readonly pfn: number;
  /** Virtual address the page backed. */
  readonly va: number;
  readonly base: number;
  /** Number of the event in its log. */
  readonly event: number;
  readonly time: string;
}

/** A per-CPU area: the allocator zeroes it in every unit as soon as it is allocated. */
export interface Area {
  readonly base: number;
  /** Bytes from the chunk's start, in every unit. */
  readonly offset: number;
  readonly size: number;
  readonly event: number;
  readonly time: string;
  readonly caller: string;
}

interface Population {
  readonly event: number;
  readonly time: string;
  readonly pfn: number;
}

interface Flush {
  readonly event: number;
  readonly time: string;
  readonly how: 'flush' | 'chunk destroyed';
  readonly start: number;
  readonly end: number;
}

/** What became of the physical page that an address points into. */
export interface PageStory {
  readonly freed: FreedPage;
  /** The page that then backed the freed one's virtual address, when it was populated again: at the time of zeroedBy, or else the last. */
  readonly repopulated: Population | undefined;
  /** A TLB flush of the address, or the end of its chunk (vmalloc flushes before it gives the address away again), before that. */
  readonly flushed: Flush | undefined;
  /** The last area allocated over the address since: a stale translation would send its memset into the freed page. */
  readonly zeroedBy: (Area & { readonly va: number }) | undefined;
  /** The last store that did go through a stale translation to the address; only a simulated boot's log knows of these. */
  readonly staleStore: StaleStore | undefined;
}

/** Part of a memset that went into another page than the page table says. */
export interface StaleStore {
  readonly va: number;
  readonly size: number;
  readonly event: number;
  readonly time: string;
  readonly caller: string;
}

const EVENT = /^(\d+) (\d+\.\d+) \d+ \d+ ([ApuDT]) base=([0-9a-f]{1,16}) (.*)$/;
const PAGE = /^unit_cpu=(\d+) page=(\d+) pfn=([0-9a-f]{1,16}) va=([0-9a-f]{1,16})$/;
const FLUSHED = /^pages=\[\d+,\d+\) va=\[([0-9a-f]{1,16}),([0-9a-f]{1,16})\)/;
const AREA = /^off=(\d+) size=(\d+)(?: align=\d+ flags=[0-9a-f]+)? (?:pid=\d+ )?(\S.*)$/;
const GEOMETRY = /^# unit_size=(\d+) unit_pages=(\d+) /;
const CONSOLE_EVENT =
  /^percpu: GT LOG (\d+) (\d+) ([puDT]) base=([0-9a-f]+) a=([0-9a-f]+) b=([0-9a-f]+) c=([0-9a-f]+) d=([0-9a-f]+)/;
const CONSOLE_AREA = /^percpu: GT TAIL (\d+) (\d+) A base=([0-9a-f]+) (.*)$/;
const FIRST_CHUNK = /^percpu: Embedded (\d+) pages\/cpu .*\bu(\d+)/;
const VARIANT = /^percpu: GT variant \S+ unit_size=(\d+) unit_pages=(\d+)/;

/** The page events and allocations of one boot. */
export class PageHistory {
  #pageSize = 4096;
  /** Bytes of a unit; 0 until the log says. */
  #unitSize = 0;
  readonly #freed = new Map<number, FreedPage[]>();
  readonly #populated = new Map<number, Population[]>();
  readonly #populatedPfn = new Map<number, number[]>();
  readonly #flushes: Flush[] = [];
  readonly #areas = new Map<number, Area[]>();
  /** By the page that was hit. */
  readonly #staleStores = new Map<number, StaleStore[]>();
  /** Addresses of a simulated boot's chunks by number. */
  readonly #bases = new Map<number, number>();
  #events = 0;

  /** Events read: pages populated or depopulated, areas allocated. */
  get events(): number {
    return this.#events;
  }

  /** Bytes. */
  get pageSize(): number {
    return this.#pageSize;
  }

  /** Takes one line of a gt_log. Returns false when it is neither an event nor a comment. */
  addLogLine(line: string): boolean {
    if (line === '' || line.startsWith('#')) {
      const geometry = GEOMETRY.exec(line);
      if (geometry !== null) this.#setGeometry(geometry[1], geometry[2]);
      return true;
    }
    const match = EVENT.exec(line);
    if (match === null) return /^\d+ \d+\.\d+ \d+ \d+ [A-Z] /.test(line);
    const [, seq, time, type, base, rest] = match;
    if (type === 'A') return this.#addArea(Number(seq), time, base, rest);
    if (type === 'D') return this.#addFlush(Number(seq), time, 'chunk destroyed', parseInt(base, 16), Infinity);
    const flushed = type === 'T' ? FLUSHED.exec(rest) : null;
    if (flushed !== null)
      return this.#addFlush(Number(seq), time, 'flush', parseInt(flushed[1], 16), parseInt(flushed[2], 16));
    const page = PAGE.exec(rest);
    if (page === null) return false;
    this.#addPage(Number(seq), time, type, parseInt(base, 16), parseInt(page[3], 16), parseInt(page[4], 16));
    return true;
  }

  /** Takes one event of a simulated boot. */
  addEvent(event: KernelEvent): void {
    const { seq } = event;
    const time = (event.t / 1e6).toFixed(6);
    switch (event.type) {
      case 'printk':
        return this.addConsoleLine(event.text);
      case 'chunk_create':
        this.#bases.set(event.chunk, event.base);
        return;
      case 'chunk_destroy':
        return void this.#addFlush(seq, time, 'chunk destroyed', event.base, Infinity);
      case 'map':
      case 'unmap': {
        const base = this.#bases.get(event.chunk) ?? 0;
        return this.#addPage(seq, time, event.type === 'map' ? 'p' : 'u', base, event.frame, event.va);
      }
      case 'tlb_flush':
        return void this.#addFlush(seq, time, 'flush', event.start, event.end);
      case 'percpu_alloc': {
        const { off: offset, size, va, caller } = event;
        this.#events++;
        return push(this.#areas, va - offset, { base: va - offset, offset, size, event: seq, time, caller });
      }
      case 'stale_access': {
        const { frame, va, size, by: caller } = event;
        if (event.write) push(this.#staleStores, frame, { va, size, event: seq, time, caller });
        return;
      }
      default:
    }
  }

  /** Takes one line of a console; most are no events. */
  addConsoleLine(text: string): void {
    if (!text.startsWith('percpu: ')) return;
    let match: RegExpExecArray | null;
    if ((match = CONSOLE_EVENT.exec(text)) !== null) {
      const [, seq, microseconds, type, base, , , c, d] = match;
      const [event, time, chunk] = [Number(seq), seconds(microseconds), parseInt(base, 16)];
      if (type === 'D') this.#addFlush(event, time, 'chunk destroyed', chunk, Infinity);
      else if (type === 'T') this.#addFlush(event, time, 'flush', parseInt(c, 16), parseInt(d, 16));
      else this.#addPage(event, time, type, chunk, parseInt(c, 16), parseInt(d, 16));
    } else if ((match = CONSOLE_AREA.exec(text)) !== null) {
      this.#addArea(Number(match[1]), seconds(match[2]), match[3], match[4]);
    } else if ((match = VARIANT.exec(text)) !== null) {
      this.#setGeometry(match[1], match[2]);
    } else if ((match = FIRST_CHUNK.exec(text)) !== null) {
      this.#setGeometry(match[2], match[1]);
    }
  }

  #setGeometry(unitSize: string, pages: string): void {
    const pageSize = Number(unitSize) / Number(pages);
    if (!Number.isInteger(Math.log2(pageSize))) return;
    this.#pageSize = pageSize;
    this.#unitSize = Number(unitSize);
  }

  #addPage(event: number, time: string, type: string, base: number, pfn: number, va: number): void {
    this.#events++;
    if (type === 'u') push(this.#freed, pfn, { pfn, va, base, event, time });
    else {
      push(this.#populated, va, { event, time, pfn });
      push(this.#populatedPfn, pfn, event);
    }
  }

  #addFlush(event: number, time: string, how: Flush['how'], start: number, end: number): true {
    this.#events++;
    this.#flushes.push({ event, time, how, start, end: end === Infinity ? start + this.#unitSize : end });
    return true;
  }

  #addArea(event: number, time: string, base: string, rest: string): boolean {
    const area = AREA.exec(rest);
    if (area === null) return false;
    this.#events++;
    const chunk = parseInt(base, 16);
    const caller = area[3];
    push(this.#areas, chunk, { base: chunk, offset: Number(area[1]), size: Number(area[2]), event, time, caller });
    return true;
  }

  /**
   * The story of the physical page that `address` (unmapped kernel address, kseg0 or kseg1) points into: undefined when the page was not
   * depopulated, or when it has become a per-CPU page again since.
   */
  story(address: number): PageStory | undefined {
    if (address < 0x8000_0000 || address >= 0xc000_0000) return undefined;
    const physical = address & 0x1fff_ffff;
    const pfn = Math.floor(physical / this.#pageSize);
    const freed = this.#freed.get(pfn)?.at(-1);
    if (freed === undefined) return undefined;
    if ((this.#populatedPfn.get(pfn) ?? []).some((event) => event > freed.event)) return undefined;
    const inPage = physical % this.#pageSize;
    const staleStore = this.#staleStores.get(pfn)?.findLast(({ event, va, size }) => {
      const start = va % this.#pageSize;
      return event > freed.event && start <= inPage && inPage < start + size;
    });
    const since = (this.#populated.get(freed.va) ?? []).filter(({ event }) => event > freed.event);
    if (since.length === 0)
      return { freed, repopulated: undefined, flushed: undefined, zeroedBy: undefined, staleStore };

    // Every unit has the area at the same offset: compare within the unit the freed page belongs to.
    const unit = this.#unitStart(freed);
    const victim = freed.va - unit + inPage;
    const zeroedBy = this.#areas
      .get(freed.base)
      ?.findLast(({ event, offset, size }) => event > since[0].event && offset <= victim && victim < offset + size);
    const repopulated = since.findLast(({ event }) => zeroedBy === undefined || event < zeroedBy.event)!;
    const flushed = this.#flushes.find(
      ({ event, start, end }) =>
        event > freed.event && event < repopulated.event && start <= freed.va && freed.va < end,
    );
    return {
      freed,
      repopulated,
      flushed,
      zeroedBy: zeroedBy && { ...zeroedBy, va: unit + zeroedBy.offset },
      staleStore,
    };
  }

  /** The per-CPU area of the first CPU that holds `address` in a chunk that is mapped, the latest one allocated there. */
  areaAt(address: number): Area | undefined {
    const page = address - (address % this.#pageSize);
    if (!this.#populated.has(page)) return undefined;
    let holding: Area | undefined;
    for (const areas of this.#areas.values())
      for (const area of areas) {
        const start = area.base + area.offset;
        if (start <= address && address < start + area.size && (holding === undefined || area.event > holding.event))
          holding = area;
      }
    return holding;
  }

  #unitStart({ base, va }: FreedPage): number {
    return this.#unitSize === 0 ? base : va - ((va - base) % this.#unitSize);
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function seconds(microseconds: string): string {
  return `${microseconds.slice(0, -6) || '0'}.${microseconds.slice(-6).padStart(6, '0')}`;
}
