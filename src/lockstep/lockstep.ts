// The allocator of src/percpu beside that of a running kernel: asked the same at the same moments, it has to come up with the same areas, the
// same pages and the same chunks. Knows no emulator: it is told what the kernel does as it happens.
//
// The kernel holds pcpu_lock for each piece of its work and lets others in between the pieces, where it calls for memory. So does this:
// slow paths run stepwise (percpu/steps.ts). A piece is run when the kernel is seen to be in it: in a function that it calls under the lock,
// or where it asks for memory next. What the kernel's memory answers (a chunk's address, no memory) is taken from the kernel; nothing else is.
import {
  type AllocInfo,
  type Chunk,
  GFP_ATOMIC,
  GFP_KERNEL,
  type LockDrop,
  type Machine,
  type MemoryPort,
  PercpuAllocator,
  type PercpuEvents,
  type Steps,
  type Variant,
  __GFP_NOWARN,
} from '../percpu/index.js';
import { findNextBit } from '../percpu/bitmap.js';
import { KernelLedger } from './kernel-ledger.js';
import type { Operation, OperationKind, Request } from './moments.js';

const NO_EVENTS: PercpuEvents = {
  alloc() {},
  allocFail() {},
  free() {},
  createChunk() {},
  destroyChunk() {},
  populate() {},
  depopulate() {},
  flush() {},
  isolate() {},
  reintegrate() {},
  sideline() {},
  balanceStart() {},
  balanceEnd() {},
  schedule() {},
  illegalRequest() {},
  allocWarning() {},
};

export interface LockstepCounts {
  /** Areas that the kernel handed out, and how many of them were where this allocator had them. */
  placements: number;
  predicted: number;
  frees: number;
  /** Requests that the kernel refused. */
  failures: number;
  populations: number;
  depopulations: number;
  created: number;
  destroyed: number;
  flushes: number;
  balanceRuns: number;
}

export interface LockstepDifference {
  /** What the kernel did, and what the allocator here did or wanted to do. */
  readonly kernel: string;
  readonly predicted: string;
  /** Both sides' chunks then. */
  readonly kernelState: readonly string[];
  readonly predictedState: readonly string[];
}

/** A request or the balance work under way in the kernel. */
class Path {
  steps: Steps<number | void> | undefined;
  /** Where it stands; undefined before its first piece. */
  at: LockDrop | 'done' | undefined;
  /** Of a request that is done: chunk and offset, or null. */
  area: { chunk: Chunk; offset: number } | null = null;

  /** @param request undefined for the balance work @param atomic whether it may not sleep @param site behind the call */
  constructor(
    readonly request: Request | undefined,
    public atomic: boolean,
    readonly site: number,
  ) {}
}

export type { Path };

export class Lockstep {
  readonly percpu: PercpuAllocator;
  readonly counts: LockstepCounts = {
    placements: 0,
    predicted: 0,
    frees: 0,
    failures: 0,
    populations: 0,
    depopulations: 0,
    created: 0,
    destroyed: 0,
    flushes: 0,
    balanceRuns: 0,
  };
  /** The first difference; nothing is compared after it. */
  difference: LockstepDifference | undefined;
  readonly #ledger = new KernelLedger();
  /** The path whose piece is run now, for those who are told what happens in it. */
  stepping: Path | undefined;
  /** The path that has pcpu_alloc_mutex here, between its pieces. */
  #slow: Path | undefined;
  /** What the kernel's memory answers to the operation that is stepped over, and what the allocator asked it for. */
  #answer: Operation | undefined;
  #asked: string[] = [];

  /** @throws SetupError for a geometry that pcpu_setup_first_chunk() would refuse. @param events told of everything the allocator here does */
  constructor(machine: Machine, info: AllocInfo, variant: Variant, base: number, events?: Partial<PercpuEvents>) {
    this.percpu = new PercpuAllocator(machine, variant, info, base, this.#memory(), this.#reported(events));
    this.percpu.asyncEnabled = true;
    for (const { base: start, startOffset, endOffset, nrPages } of this.percpu.chunks())
      this.#ledger.create(start, start + startOffset, start + nrPages * this.percpu.pageSize - endOffset);
  }

  #reported(events: Partial<PercpuEvents> | undefined): PercpuEvents | null {
    if (!events) return null;
    const reported: PercpuEvents = { ...NO_EVENTS };
    // methods of a class are not its own properties
    for (const name of Object.keys(NO_EVENTS) as (keyof PercpuEvents)[])
      if (events[name]) reported[name] = (...args: never[]) => (events[name] as (...args: never[]) => void)(...args);
    return reported;
  }

  /** The memory port: whatever is asked for is noted, and answered as the kernel's memory did. */
  #memory(): MemoryPort {
    const ask = (kind: OperationKind, { base }: Chunk, start: number, end: number): boolean => {
      this.#asked.push(rangeText(kind, base, start, end));
      return !(this.#answer?.kind === 'populate' && !this.#answer.ok);
    };
    return {
      allocMetadata: () => true,
      createArea: () => {
        this.#asked.push('create a chunk');
        return (this.#answer?.kind === 'create' ? this.#answer.base : undefined) ?? NaN;
      },
      destroyArea: (chunk) => void this.#asked.push(`destroy the chunk at ${hex(chunk.base)}`),
      populate: (chunk, start, end) => ask('populate', chunk, start, end),
      depopulate: (chunk, start, end) => void ask('depopulate', chunk, start, end),
      flush: (chunk, start, end) => void ask('flush', chunk, start, end),
      zero: () => {},
    };
  }

  // ---- pieces -------------------------------------------------------------------------------------------------------

  /** The next piece of a path. */
  #step(path: Path, answer?: Operation): void {
    this.#answer = answer;
    if (!path.steps) this.#begin(path);
    this.stepping = path;
    const { value, done } = path.steps!.next();
    this.stepping = undefined;
    path.at = done ? 'done' : value;
    if (!this.percpu.mutexHeld) this.#slow = undefined;
    else if (!path.atomic) this.#slow = path;
    if (done && typeof value === 'number' && value >= 0) path.area = { chunk: this.percpu.lastChunk, offset: value };
  }

  #begin(path: Path): void {
    const { request, atomic } = path;
    // Whoever had the mutex is over in the kernel, although its return was not seen yet.
    if (this.#slow && !atomic) this.#runOut(this.#slow);
    if (request) {
      const gfp = (atomic ? GFP_ATOMIC : GFP_KERNEL) | (request.gfp & __GFP_NOWARN);
      path.steps = this.percpu.allocSteps(request.size, request.align, gfp, request.reserved);
    } else {
      path.steps = this.percpu.balanceSteps();
      this.#step(path); // to its first piece
    }
  }

  /** To the end, where the kernel is: nothing may be asked of memory on the way. */
  #runOut(path: Path): void {
    while (path.at !== 'done' && !this.difference) {
      this.#asked = [];
      this.#step(path);
      if (this.#asked.length > 0) this.#differ('nothing of the kind', this.#asked.join(', '));
    }
  }

  /** The kernel enters pcpu_alloc(). */
  requested(request: Request, site = 0): Path {
    return new Path(request, this.percpu.isAtomic(request.gfp), site);
  }

  /** It enters pcpu_balance_workfn(). */
  balanceWork(): Path {
    return new Path(undefined, false, 0);
  }

  // ---- what the kernel is seen to do ----------------------------------------------------------------------------------

  /**
   * The kernel's search begins or goes on, under pcpu_lock, as pcpu_find_block_fit() shows.
   * @param atomic as the kernel passes it on; undefined where it does not
   */
  searches(path: Path, atomic: boolean | undefined): void {
    if (this.difference) return;
    if (path.at === undefined) {
      path.atomic = atomic ?? path.atomic;
      this.#step(path);
    } else this.holdsLock(path);
  }

  /** It takes an area: as `searches`, and when nothing was found before, this is a new search. */
  takes(path: Path): void {
    if (this.difference || path.at === 'done') return;
    if (path.at === undefined || path.at === 'unlocked') this.#step(path);
    else this.holdsLock(path);
  }

  /** The kernel has taken pcpu_lock again, after it called for memory or (the balance work of older kernels) between two of its steps. */
  holdsLock(path: Path): void {
    if (this.difference) return;
    if (path.at?.startsWith('after-') || (path.at === 'unlocked' && !path.request)) this.#step(path);
  }

  /** The balance work holds pcpu_alloc_mutex and pcpu_lock. */
  balances(path: Path): void {
    if (!this.difference && path.at === undefined) this.#step(path);
  }

  /** The kernel has let go of pcpu_lock and is about to call for memory: everything up to there is over. */
  asks(path: Path, kind: OperationKind): void {
    const wanted: LockDrop = `before-${kind}`;
    while (!this.difference && path.at !== wanted) {
      if (path.at === 'done' || path.at?.startsWith('before-')) {
        const does = path.at === 'done' ? `${path.request ? 'the request' : 'the balance work'} is over` : path.at;
        return this.#differ(`is about to ${kind}`, does);
      }
      this.#step(path);
    }
  }

  /** Memory has answered. `asks` came before. */
  operation(path: Path, operation: Operation): void {
    this.#note(operation);
    if (this.difference) return;
    this.asks(path, operation.kind);
    if (this.difference) return;
    this.#asked = [];
    this.#step(path, operation);
    const did = operationText(operation);
    const asked = this.#asked.join(', ');
    if (asked !== did) this.#differ(did, asked);
  }

  #note(operation: Operation): void {
    const { counts } = this;
    const ledger = this.#ledger;
    switch (operation.kind) {
      case 'populate':
        if (!operation.ok) return;
        counts.populations++;
        return ledger.populate(operation.base, operation.start, operation.end);
      case 'depopulate':
        counts.depopulations++;
        return ledger.depopulate(operation.base, operation.start, operation.end);
      case 'create':
        if (operation.base === undefined) return;
        counts.created++;
        return ledger.create(operation.base, operation.base, operation.base + this.percpu.info.unitSize);
      case 'destroy':
        counts.destroyed++;
        return ledger.destroy(operation.base);
      case 'flush':
        counts.flushes++;
    }
  }

  /** pcpu_alloc() returns. @param address in unit 0, undefined for NULL */
  allocated(path: Path, request: Request, address: number | undefined): void {
    const { counts } = this;
    const where = address === undefined ? undefined : this.#ledger.locate(address);
    if (address === undefined) counts.failures++;
    else counts.placements++;
    if (where) this.#ledger.alloc(where.base, where.offset, (request.size + 3) & ~3);
    if (this.difference) return;
    // Refused before it searched: by memcg, by a fatal signal. An illegal one never searches, one without any chunk to look at neither.
    if (path.at === undefined && address === undefined && this.#wouldFit(path, request)) return;
    this.#runOut(path);
    if (this.difference) return;
    const did = where ? areaText(where.base, where.offset) : address === undefined ? 'no area' : hex(address);
    const { area } = path;
    const here = area ? areaText(area.chunk.base, area.offset) : 'no area';
    if (did !== here) this.#differ(`gives ${requestText(request)} ${did}`, `gives it ${here}`);
    else if (area) counts.predicted++;
  }

  #wouldFit(path: Path, { size, align, reserved }: Request): boolean {
    return size > 0 && this.percpu.probe(size, align, path.atomic, reserved) !== null;
  }

  /** free_percpu() of the area at `address` in unit 0, under pcpu_lock. @returns its size in bytes, undefined when there is none here */
  freed(address: number): number | undefined {
    const { counts, percpu } = this;
    counts.frees++;
    const where = this.#ledger.locate(address);
    const size = where && this.#ledger.chunks.get(where.base)?.areas.get(where.offset);
    if (where) this.#ledger.free(where.base, where.offset);
    if (this.difference) return size;
    const chunk = where && [...percpu.chunks()].find(({ base }) => base === where.base);
    if (!chunk || size === undefined) this.#differ(`frees ${hex(address)}`, 'no area begins there');
    else percpu.free(chunk, where.offset);
    return size;
  }

  /** pcpu_balance_workfn() returns. */
  balanced(path: Path): void {
    this.counts.balanceRuns++;
    if (!this.difference) this.#runOut(path);
  }

  /** Between two pieces: what the kernel's counter of empty populated pages says. */
  emptyPages(kernel: number): void {
    if (!this.difference && kernel !== this.percpu.nrEmptyPopPages)
      this.#differ(`counts ${kernel} empty populated pages`, `counts ${this.percpu.nrEmptyPopPages}`);
  }

  #differ(kernel: string, predicted: string): void {
    const { percpu } = this;
    const chunks = [...percpu.chunks()];
    this.difference = {
      kernel,
      predicted,
      kernelState: [...this.#ledger.chunks].map(([base, { areas, populated }]) => {
        const bytes = [...areas.values()].reduce((sum, size) => sum + size, 0);
        const pages = base === percpu.firstChunk.base || populated.size === 0 ? '' : `, pages ${pageList(populated)}`;
        return `chunk at ${hex(base)}: ${areas.size} areas, ${bytes} bytes${pages}`;
      }),
      predictedState: [
        ...chunks.map((chunk) => {
          const bytes = chunk.nrPages * percpu.pageSize - chunk.startOffset - chunk.endOffset - chunk.freeBytes;
          const pages = chunk.immutable ? '' : `, pages ${pageList(populatedPages(chunk))}`;
          const list = chunk.slot < 0 ? '' : `, slot ${chunk.slot}${chunk.isolated ? ' (isolated)' : ''}`;
          return `chunk at ${hex(chunk.base)}: ${chunk.nrAlloc} areas, ${bytes} bytes${pages}${list}`;
        }),
        `${percpu.nrEmptyPopPages} empty populated pages`,
      ],
    };
  }
}

const hex = (address: number): string => (address >>> 0).toString(16).padStart(8, '0');

const areaText = (base: number, offset: number): string => `chunk ${hex(base)} offset ${offset}`;

const rangeText = (kind: OperationKind, base: number, start: number, end: number): string =>
  `${kind} pages [${start}, ${end}) of chunk ${hex(base)}`;

function operationText(operation: Operation): string {
  switch (operation.kind) {
    case 'create':
      return 'create a chunk';
    case 'destroy':
      return `destroy the chunk at ${hex(operation.base)}`;
    default:
      return rangeText(operation.kind, operation.base, operation.start, operation.end);
  }
}

function requestText({ size, align, reserved }: Request): string {
  return `${size} bytes aligned to ${align}${reserved ? ' from the reserved chunk' : ''}`;
}

function* populatedPages({ populated, nrPages }: Chunk): Generator<number> {
  for (let page = findNextBit(populated, nrPages, 0); page < nrPages; page = findNextBit(populated, nrPages, page + 1))
    yield page;
}

/** `0-3 7` */
function pageList(pages: Iterable<number>): string {
  const runs: [number, number][] = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === page - 1) last[1] = page;
    else runs.push([page, page]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(' ') || 'none';
}
