// The background work: pcpu_balance_workfn() of mm/percpu.c. It destroys all fully free chunks but one, takes pages away from isolated
// chunks, and keeps a few empty populated pages at hand for atomic allocations. Stops wherever the kernel drops pcpu_lock.
import { PCPU_EMPTY_POP_PAGES_HIGH } from './allocator.js';
import type { PercpuAllocator } from './allocator.js';
import { findNextBit, findNextZeroBit, testBit } from './bitmap.js';
import { Md, blockAt } from './chunk.js';
import type { Chunk } from './chunk.js';
import type { Steps } from './steps.js';

/** pcpu_balance_workfn(); the caller holds pcpu_alloc_mutex. */
export function* balanceSteps(percpu: PercpuAllocator): Steps<void> {
  const events = percpu.events;
  if (events !== null) events.balanceStart();
  if (percpu.stepping) yield 'unlocked';
  const { reclaim, lockPerStep } = percpu.variant;
  yield* balanceFree(percpu, false);
  if (lockPerStep && percpu.stepping) yield 'unlocked';
  if (reclaim) {
    yield* reclaimPopulated(percpu);
    if (lockPerStep && percpu.stepping) yield 'unlocked';
  }
  yield* balancePopulated(percpu);
  if (reclaim) {
    if (lockPerStep && percpu.stepping) yield 'unlocked';
    yield* balanceFree(percpu, true);
  }
  if (events !== null) events.balanceEnd();
}

/**
 * pcpu_balance_free(): destroys the fully free chunks but the first of the free slot.
 * @param emptyOnly only those without populated pages
 */
function* balanceFree(percpu: PercpuAllocator, emptyOnly: boolean): Steps<void> {
  const slots = percpu.slots;
  const head = slots.heads[slots.free]!;
  // The first is spared.
  const spared = head.next;
  if (spared.next === head || spared === head) return;
  const toFree: Chunk[] = [];
  for (let chunk = spared.next, next = chunk.next; chunk !== head; chunk = next, next = chunk.next) {
    if (emptyOnly && chunk.nrEmptyPopPages !== 0) continue;
    slots.remove(chunk);
    toFree.push(chunk);
  }
  // Each goes to the head of the kernel's to_free list, so the last of the slot is destroyed first.
  toFree.reverse();
  for (const chunk of toFree) {
    let page = findNextBit(chunk.populated, chunk.nrPages, 0);
    while (page < chunk.nrPages) {
      const end = findNextZeroBit(chunk.populated, chunk.nrPages, page + 1);
      // No flush: vmalloc flushes the whole area before it hands it out again.
      yield* percpu.depopulate(chunk, page, end);
      page = findNextBit(chunk.populated, chunk.nrPages, end + 1);
    }
    yield* percpu.destroyChunk(chunk);
  }
}

/** pcpu_reclaim_populated(): works through the to-depopulate slot. */
function* reclaimPopulated(percpu: PercpuAllocator): Steps<void> {
  const slots = percpu.slots;
  const rule = percpu.variant.flush;
  for (;;) {
    const chunk = slots.first(slots.toDepopulate);
    if (chunk === undefined) return;
    const blockBits = 1 << chunk.blockShift;
    let freedStart = chunk.nrPages;
    let freedEnd = 0;
    let reintegrate = false;
    // From the last page down, so that what stays populated is at the beginning. `last`: end of the range being collected.
    let last = -1;
    for (let page = chunk.nrPages - 1; page >= 0; page--) {
      if (chunk.nrEmptyPopPages === 0) break;
      if (percpu.nrEmptyPopPages < PCPU_EMPTY_POP_PAGES_HIGH) {
        // Others need empty pages: keep these.
        reintegrate = true;
        break;
      }
      if (chunk.md[blockAt(page) + Md.CONTIG]! === blockBits && testBit(chunk.populated, page)) {
        if (last === -1) last = page;
        if (page > 0) continue;
        page--;
      }
      if (last === -1) continue;
      yield* percpu.depopulate(chunk, page + 1, last + 1);
      if (rule === 'per-range') yield* percpu.flush(chunk, page + 1, last + 1);
      freedStart = Math.min(freedStart, page + 1);
      freedEnd = Math.max(freedEnd, last + 1);
      last = -1;
    }
    if (rule === 'per-chunk' && freedStart < freedEnd) yield* percpu.flush(chunk, freedStart, freedEnd);
    if (reintegrate || chunk.freeBytes === percpu.info.unitSize) {
      percpu.reintegrate(chunk);
    } else {
      if (percpu.variant.sidelineToHead) slots.moveToFront(chunk, slots.sidelined);
      else slots.moveToTail(chunk, slots.sidelined);
      if (percpu.events !== null) percpu.events.sideline(chunk);
    }
  }
}

/** pcpu_balance_populated(): brings the number of empty populated pages up to the high mark. */
function* balancePopulated(percpu: PercpuAllocator): Steps<void> {
  const slots = percpu.slots;
  for (;;) {
    let wanted: number;
    if (percpu.atomicAllocFailed) {
      wanted = PCPU_EMPTY_POP_PAGES_HIGH;
      percpu.atomicAllocFailed = false;
    } else {
      wanted = Math.min(Math.max(PCPU_EMPTY_POP_PAGES_HIGH - percpu.nrEmptyPopPages, 0), PCPU_EMPTY_POP_PAGES_HIGH);
    }
    for (let slot = slots.ofSize(percpu.pageSize); slot <= slots.free && wanted !== 0; slot++) {
      const head = slots.heads[slot]!;
      let target = head.next;
      while (target !== head && target.nrPages === target.nrPopulated) target = target.next;
      if (target === head) continue;
      let page = findNextZeroBit(target.populated, target.nrPages, 0);
      while (page < target.nrPages) {
        const end = findNextBit(target.populated, target.nrPages, page + 1);
        const pages = Math.min(end - page, wanted);
        wanted = (yield* percpu.populate(target, page, page + pages)) ? wanted - pages : 0;
        if (wanted === 0) break;
        page = findNextZeroBit(target.populated, target.nrPages, end + 1);
      }
    }
    if (wanted === 0) return;
    const chunk = yield* percpu.createChunk();
    if (chunk === null) return;
    percpu.enlist(chunk);
  }
}
