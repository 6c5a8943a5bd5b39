// The background work: pcpu_balance_workfn() of mm/percpu.c. It destroys all fully free chunks but one, takes pages away from isolated
// chunks, and keeps a few empty populated pages at hand for atomic allocations.
//
// Each part stands here twice: at once, and stepwise (…Steps), with a stop wherever the kernel drops pcpu_lock. A generator costs more
// than most of these parts do, and whoever lets nothing happen in between shall not pay for it. What they decide by is shared.
import type { PercpuAllocator } from './allocator.js';
import { findNextBit, findNextZeroBit, testBit } from './bitmap.js';
import type { Chunk } from './chunk.js';
import { PCPU_EMPTY_POP_PAGES_HIGH } from './geometry.js';
import type { Slots } from './slots.js';
import type { Steps } from './steps.js';

/** pcpu_balance_workfn() to its end; the caller holds pcpu_alloc_mutex. */
export function balance(percpu: PercpuAllocator): void {
  const { events } = percpu;
  const { reclaim } = percpu.variant;
  if (events !== null) events.balanceStart();
  balanceFree(percpu, false);
  if (reclaim) reclaimPopulated(percpu);
  balancePopulated(percpu);
  if (reclaim) balanceFree(percpu, true);
  if (events !== null) events.balanceEnd();
}

/** {@link balance} with its lock drops. */
export function* balanceSteps(percpu: PercpuAllocator): Steps<void> {
  const { events } = percpu;
  const { reclaim, lockPerStep } = percpu.variant;
  if (events !== null) events.balanceStart();
  yield 'unlocked';
  yield* balanceFreeSteps(percpu, false);
  if (lockPerStep) yield 'unlocked';
  if (reclaim) {
    yield* reclaimPopulatedSteps(percpu);
    if (lockPerStep) yield 'unlocked';
  }
  yield* balancePopulatedSteps(percpu);
  if (reclaim) {
    if (lockPerStep) yield 'unlocked';
    yield* balanceFreeSteps(percpu, true);
  }
  if (events !== null) events.balanceEnd();
}

/**
 * pcpu_balance_free(): destroys the fully free chunks but the first of the free slot. Each goes to the head of the kernel's to_free
 * list, so the last of the slot is destroyed first. No flush: vmalloc flushes the whole area before it hands it out again.
 * @param emptyOnly only those without populated pages
 */
function balanceFree(percpu: PercpuAllocator, emptyOnly: boolean): void {
  const { slots } = percpu;
  const head = slots.heads[slots.free]!;
  const spared = head.next;
  for (let chunk = head.prev, prev = chunk.prev; chunk !== spared; chunk = prev, prev = chunk.prev) {
    if (emptyOnly && chunk.nrEmptyPopPages !== 0) continue;
    slots.remove(chunk);
    const { populated, nrPages } = chunk;
    for (
      let page = findNextBit(populated, nrPages, 0), end;
      page < nrPages;
      page = findNextBit(populated, nrPages, end + 1)
    ) {
      end = findNextZeroBit(populated, nrPages, page + 1);
      percpu.depopulate(chunk, page, end);
      percpu.chunkDepopulated(chunk, page, end);
    }
    percpu.destroyChunk(chunk);
  }
}

function* balanceFreeSteps(percpu: PercpuAllocator, emptyOnly: boolean): Steps<void> {
  const { slots } = percpu;
  const head = slots.heads[slots.free]!;
  const spared = head.next;
  const toFree: Chunk[] = [];
  for (let chunk = head.prev, prev = chunk.prev; chunk !== spared; chunk = prev, prev = chunk.prev) {
    if (emptyOnly && chunk.nrEmptyPopPages !== 0) continue;
    slots.remove(chunk);
    toFree.push(chunk);
  }
  for (const chunk of toFree) {
    const { populated, nrPages } = chunk;
    for (
      let page = findNextBit(populated, nrPages, 0), end;
      page < nrPages;
      page = findNextBit(populated, nrPages, end + 1)
    ) {
      end = findNextZeroBit(populated, nrPages, page + 1);
      yield 'before-depopulate';
      percpu.depopulate(chunk, page, end);
      yield 'after-depopulate';
      percpu.chunkDepopulated(chunk, page, end);
    }
    yield 'before-destroy';
    percpu.destroyChunk(chunk);
    yield 'after-destroy';
  }
}

/** Page `page` is populated and has no area in it. */
function isEmptyPage(chunk: Chunk, page: number): boolean {
  return chunk.blocks[page]!.contig === 1 << chunk.blockShift && testBit(chunk.populated, page);
}

/** The last empty populated page at or below `page`; -1: there is none. */
function lastEmptyPage(chunk: Chunk, page: number): number {
  while (page >= 0 && !isEmptyPage(chunk, page)) page--;
  return page;
}

/** Where the run of empty populated pages that ends with the empty page `page` begins. */
function emptyRunStart(chunk: Chunk, page: number): number {
  while (page > 0 && isEmptyPage(chunk, page - 1)) page--;
  return page;
}

/**
 * pcpu_reclaim_populated(): works through the to-depopulate slot. Pages go from the last down, run by run, so that what stays
 * populated is at the beginning. It stops and the chunk is used again when empty pages have become scarce elsewhere.
 */
function reclaimPopulated(percpu: PercpuAllocator): void {
  const { slots } = percpu;
  const rule = percpu.variant.flush;
  for (;;) {
    const chunk = slots.first(slots.toDepopulate);
    if (chunk === undefined) return;
    let freedStart = chunk.nrPages;
    let freedEnd = 0;
    let scarce = false;
    for (let page = chunk.nrPages - 1; page >= 0 && chunk.nrEmptyPopPages !== 0;) {
      scarce = percpu.nrEmptyPopPages < PCPU_EMPTY_POP_PAGES_HIGH;
      if (scarce) break;
      const last = lastEmptyPage(chunk, page);
      if (last < 0) break;
      const start = emptyRunStart(chunk, last);
      percpu.depopulate(chunk, start, last + 1);
      percpu.chunkDepopulated(chunk, start, last + 1);
      if (rule === 'per-range') percpu.flush(chunk, start, last + 1);
      freedStart = start;
      if (last >= freedEnd) freedEnd = last + 1;
      page = start - 2; // the one below the run has been looked at
    }
    if (rule === 'per-chunk' && freedStart < freedEnd) percpu.flush(chunk, freedStart, freedEnd);
    endReclaim(percpu, chunk, scarce);
  }
}

function* reclaimPopulatedSteps(percpu: PercpuAllocator): Steps<void> {
  const { slots } = percpu;
  const rule = percpu.variant.flush;
  for (;;) {
    const chunk = slots.first(slots.toDepopulate);
    if (chunk === undefined) return;
    let freedStart = chunk.nrPages;
    let freedEnd = 0;
    let scarce = false;
    for (let page = chunk.nrPages - 1; page >= 0 && chunk.nrEmptyPopPages !== 0;) {
      scarce = percpu.nrEmptyPopPages < PCPU_EMPTY_POP_PAGES_HIGH;
      if (scarce) break;
      const last = lastEmptyPage(chunk, page);
      if (last < 0) break;
      const start = emptyRunStart(chunk, last);
      yield 'before-depopulate';
      percpu.depopulate(chunk, start, last + 1);
      yield 'after-depopulate';
      percpu.chunkDepopulated(chunk, start, last + 1);
      if (rule === 'per-range') yield* flushSteps(percpu, chunk, start, last + 1);
      freedStart = start;
      if (last >= freedEnd) freedEnd = last + 1;
      page = start - 2;
    }
    if (rule === 'per-chunk' && freedStart < freedEnd) yield* flushSteps(percpu, chunk, freedStart, freedEnd);
    endReclaim(percpu, chunk, scarce);
  }
}

function* flushSteps(percpu: PercpuAllocator, chunk: Chunk, start: number, end: number): Steps<void> {
  yield 'before-flush';
  percpu.flush(chunk, start, end);
  yield 'after-flush';
}

/** A chunk of the to-depopulate slot is done with: back to the active slots when it is wanted there, else sidelined. */
function endReclaim(percpu: PercpuAllocator, chunk: Chunk, scarce: boolean): void {
  const { slots } = percpu;
  if (scarce || chunk.freeBytes === percpu.info.unitSize) {
    percpu.reintegrate(chunk);
    return;
  }
  if (percpu.variant.sidelineToHead) slots.moveToFront(chunk, slots.sidelined);
  else slots.moveToTail(chunk, slots.sidelined);
  if (percpu.events !== null) percpu.events.sideline(chunk);
}

/** Empty pages to be populated now: up to the high mark, or that many more when an atomic allocation has failed. */
function pagesWanted(percpu: PercpuAllocator): number {
  if (percpu.atomicAllocFailed) {
    percpu.atomicAllocFailed = false;
    return PCPU_EMPTY_POP_PAGES_HIGH;
  }
  const missing = PCPU_EMPTY_POP_PAGES_HIGH - percpu.nrEmptyPopPages;
  return missing <= 0 ? 0 : missing < PCPU_EMPTY_POP_PAGES_HIGH ? missing : PCPU_EMPTY_POP_PAGES_HIGH;
}

/** First chunk of the slot that is not populated to the last page, or null. */
function chunkWithHoles(slots: Slots, slot: number): Chunk | null {
  const head = slots.heads[slot]!;
  let chunk = head.next;
  while (chunk !== head && chunk.nrPages === chunk.nrPopulated) chunk = chunk.next;
  return chunk === head ? null : chunk;
}

/** pcpu_balance_populated(): brings the number of empty populated pages up to the high mark. */
function balancePopulated(percpu: PercpuAllocator): void {
  const { slots } = percpu;
  for (;;) {
    let wanted = pagesWanted(percpu);
    for (let slot = slots.ofSize(percpu.pageSize); slot <= slots.free && wanted !== 0; slot++) {
      const chunk = chunkWithHoles(slots, slot);
      if (chunk === null) continue;
      const { populated, nrPages } = chunk;
      for (let page = findNextZeroBit(populated, nrPages, 0), end; page < nrPages && wanted !== 0;) {
        end = findNextBit(populated, nrPages, page + 1);
        const pages = end - page < wanted ? end - page : wanted;
        const done = percpu.populate(chunk, page, page + pages);
        if (done) percpu.chunkPopulated(chunk, page, page + pages);
        wanted = done ? wanted - pages : 0;
        page = findNextZeroBit(populated, nrPages, end + 1);
      }
    }
    if (wanted === 0) return;
    const chunk = percpu.createChunk();
    if (chunk === null) return;
    percpu.enlist(chunk);
  }
}

function* balancePopulatedSteps(percpu: PercpuAllocator): Steps<void> {
  const { slots } = percpu;
  for (;;) {
    let wanted = pagesWanted(percpu);
    for (let slot = slots.ofSize(percpu.pageSize); slot <= slots.free && wanted !== 0; slot++) {
      const chunk = chunkWithHoles(slots, slot);
      if (chunk === null) continue;
      const { populated, nrPages } = chunk;
      for (let page = findNextZeroBit(populated, nrPages, 0), end; page < nrPages && wanted !== 0;) {
        end = findNextBit(populated, nrPages, page + 1);
        const pages = end - page < wanted ? end - page : wanted;
        yield 'before-populate';
        const done = percpu.populate(chunk, page, page + pages);
        yield 'after-populate';
        if (done) percpu.chunkPopulated(chunk, page, page + pages);
        wanted = done ? wanted - pages : 0;
        page = findNextZeroBit(populated, nrPages, end + 1);
      }
    }
    if (wanted === 0) return;
    yield 'before-create';
    const chunk = percpu.createChunk();
    yield 'after-create';
    if (chunk === null) return;
    percpu.enlist(chunk);
  }
}
