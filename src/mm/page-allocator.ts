// Physical pages: a buddy allocator per zone and, in front of it for single pages, the CPU's list of pages freed last
// (mm/page_alloc.c). Which page comes next matters: a page that a chunk gave up is the next one handed out.

/** Orders 0 .. 10. */
const MAX_ORDER = 11;
const NONE = -1;

/** What a page is used for. */
export type PageOwner =
  | { readonly kind: 'percpu'; readonly chunk: number; readonly page: number; readonly cpu: number }
  | { readonly kind: 'slab'; readonly cache: string }
  | { readonly kind: 'pages'; readonly caller: string }
  | { readonly kind: 'page-table' }
  | { readonly kind: 'metadata' };

export class PageAllocator {
  readonly #first: number;
  readonly #end: number;
  /** Free blocks per order: heads, and links by page frame. */
  readonly #heads = new Int32Array(MAX_ORDER).fill(NONE);
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** Order of the free block that begins at a frame; NONE elsewhere. */
  readonly #freeOrder: Int8Array;
  /** Hot single pages, last freed at the end. */
  readonly #hot: number[] = [];
  readonly #batch: number;
  readonly #high: number;
  /** Owner of each allocated frame; undefined = free or not ours. */
  readonly owners: (PageOwner | undefined)[];
  /** Frames in use. */
  used = 0;

  /**
   * @param first first frame of the zone @param end frame behind it
   * @param pageSize bytes; batch and high mark of the per-CPU list follow from it as in zone_batchsize() and zone_highsize()
   */
  constructor(first: number, end: number, pageSize: number) {
    this.#first = first;
    this.#end = end;
    this.#next = new Int32Array(end).fill(NONE);
    this.#prev = new Int32Array(end).fill(NONE);
    this.#freeOrder = new Int8Array(end).fill(NONE);
    this.owners = new Array<PageOwner | undefined>(end).fill(undefined);
    const managed = end - first;
    const quarter = Math.max(Math.floor(Math.min(managed >> 10, (1 << 20) / pageSize) / 4), 1);
    this.#batch = Math.max(2 ** Math.floor(Math.log2(quarter + (quarter >> 1))) - 1, 1);
    // low watermark: 5/4 of min_free_kbytes = sqrt(16 * kilobytes)
    const kilobytes = (managed * pageSize) / 1024;
    const low = Math.floor((Math.sqrt(kilobytes * 16) * 1024 * 1.25) / pageSize);
    this.#high = Math.max(low, this.#batch << 2);
    let frame = first;
    while (frame < end) {
      let order = MAX_ORDER - 1;
      while (frame & ((1 << order) - 1) || frame + (1 << order) > end) order--;
      this.#addTail(frame, order);
      frame += 1 << order;
    }
  }

  #addHead(frame: number, order: number): void {
    const head = this.#heads[order]!;
    this.#freeOrder[frame] = order;
    this.#prev[frame] = NONE;
    this.#next[frame] = head;
    if (head !== NONE) this.#prev[head] = frame;
    this.#heads[order] = frame;
  }

  /** Whether a frame is one that this allocator hands out. */
  manages(frame: number): boolean {
    return frame >= this.#first && frame < this.#end;
  }

  #addTail(frame: number, order: number): void {
    let last = this.#heads[order]!;
    if (last === NONE) return this.#addHead(frame, order);
    while (this.#next[last] !== NONE) last = this.#next[last]!;
    this.#freeOrder[frame] = order;
    this.#next[last] = frame;
    this.#prev[frame] = last;
    this.#next[frame] = NONE;
  }

  #remove(frame: number): void {
    const order = this.#freeOrder[frame]!;
    const prev = this.#prev[frame]!;
    const next = this.#next[frame]!;
    if (prev === NONE) this.#heads[order] = next;
    else this.#next[prev] = next;
    if (next !== NONE) this.#prev[next] = prev;
    this.#freeOrder[frame] = NONE;
  }

  /** __rmqueue_smallest(): the upper halves of a split block go back, so frames come in ascending order. */
  #takeBlock(order: number): number {
    for (let from = order; from < MAX_ORDER; from++) {
      const frame = this.#heads[from]!;
      if (frame === NONE) continue;
      this.#remove(frame);
      for (let high = from - 1; high >= order; high--) this.#addHead(frame + (1 << high), high);
      return frame;
    }
    return NONE;
  }

  /** __free_one_page(): merges with free buddies. */
  #giveBlock(frame: number, order: number): void {
    while (order < MAX_ORDER - 1) {
      const buddy = frame ^ (1 << order);
      if (buddy < this.#first || buddy >= this.#end || this.#freeOrder[buddy] !== order) break;
      this.#remove(buddy);
      frame = Math.min(frame, buddy);
      order++;
    }
    this.#addHead(frame, order);
  }

  /** 2^order frames. @returns the first, or -1 when there is no such block */
  alloc(order: number, owner: PageOwner): number {
    let frame: number;
    if (order === 0) {
      if (this.#hot.length === 0) {
        const refill: number[] = [];
        for (let i = 0; i < this.#batch; i++) {
          const page = this.#takeBlock(0);
          if (page === NONE) break;
          refill.push(page);
        }
        // rmqueue_bulk() appends; allocation takes from the front
        for (let i = refill.length - 1; i >= 0; i--) this.#hot.push(refill[i]!);
      }
      frame = this.#hot.pop() ?? NONE;
    } else {
      frame = this.#takeBlock(order);
    }
    if (frame === NONE) return NONE;
    for (let i = 0; i < 1 << order; i++) this.owners[frame + i] = owner;
    this.used += 1 << order;
    return frame;
  }

  free(frame: number, order: number): void {
    for (let i = 0; i < 1 << order; i++) this.owners[frame + i] = undefined;
    this.used -= 1 << order;
    if (order > 0) return this.#giveBlock(frame, order);
    this.#hot.push(frame);
    if (this.#hot.length > this.#high) for (const cold of this.#hot.splice(0, this.#batch)) this.#giveBlock(cold, 0);
  }
}
