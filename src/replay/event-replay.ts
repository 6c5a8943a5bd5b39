// Drives the allocator with the requests of a kernel log and compares what it does with what the kernel did, event by event.
//
// The log says when the requests (A, X, F) and the background work (W) happened. The allocator must come up with everything else:
// chunk and offset of every area, and all C, D, P, U, T, I, R and S events in their place, with the counters that they carry. Slow
// paths run stepwise, so that a free which the kernel served while its lock was dropped is served at the same place here.
//
// An A is logged when the allocation is complete. If it has C, P or R events of its own, its search took place before the first of
// them; else the log leaves open where between the events before it. Likewise a free during the background work may have come at any
// of the lock drops between the work's events before and after it. `Ordering` says where; order-search.ts finds it out.
import { GFP_ATOMIC, GFP_KERNEL, PercpuAllocator } from '../percpu/index.js';
import type { AllocInfo, Chunk, LockDrop, Machine, Steps, Variant } from '../percpu/index.js';
import { EffectRecorder, describeEffect, sameEffect } from './effects.js';
import type { Effect } from './effects.js';
import type { LogEvent } from './gt-log.js';
import { noCounts } from './outcome.js';
import type { ReplayCounts, ReplayOutcome } from './outcome.js';
import { ReplayedMemory } from './replayed-memory.js';

/** The kernel that a log comes from. */
export interface LoggedKernel {
  readonly machine: Machine;
  readonly info: AllocInfo;
  readonly variant: Variant;
  /** pcpu_base_addr. */
  readonly base: number;
}

/** Events to be replayed. */
export interface ReplayInput {
  readonly kernel: LoggedKernel;
  /** What it may be as well, where the log does not say which commits the kernel has. */
  readonly otherVariants: readonly Variant[];
  readonly events: readonly LogEvent[];
  /** The log has requests, chunks made and chunks destroyed only; everything else the allocator does goes unchecked. */
  readonly tracepointsOnly: boolean;
  /** It says when the background work ran. */
  readonly workLogged: boolean;
  /** It has everything from the first allocation on, and says which task did what. */
  readonly complete: boolean;
  /** Areas that were allocated before the log begins, in the first chunk: byte offsets and sizes. */
  readonly earlier: readonly { offset: number; size: number }[];
}

/** Where the log leaves the order of things open. Keys and values are indexes of events, except for the number of lock drops. */
export interface Ordering {
  /** An A or X whose search took place before an earlier event. */
  readonly searchedBefore: ReadonlyMap<number, number>;
  /** A free that came so many lock drops later in the slow path then under way than that path's last event before it. */
  readonly lockDropsPassed: ReadonlyMap<number, number>;
  /** Events before which the background work ran, in a log that does not say so. */
  readonly workBefore: ReadonlySet<number>;
}

export const AS_LOGGED: Ordering = { searchedBefore: new Map(), lockDropsPassed: new Map(), workBefore: new Set() };

/** A request or the background work under way. */
interface Task {
  readonly steps: Steps<number | void>;
  readonly effects: Effect[];
  done: boolean;
  /** Of an allocation, when done: chunk and offset, or null. */
  area: { chunk: Chunk; offset: number } | null;
}

/** Seconds from the making of a chunk to the A of the allocation that needed it, at most. */
const LONGEST_ALLOCATION = 0.005;

class Mismatch extends Error {
  readonly replay: string;
  /** Whatever the log does not have cannot account for it. */
  readonly proven: boolean;
  constructor(replay: string, proven = false) {
    super(replay);
    this.replay = replay;
    this.proven = proven;
  }
}

/** The log ends before the allocation is complete: nothing says what was asked for. */
class LogEnds extends Error {}

/**
 * Replays the log with the given reading of its order, up to the first difference.
 * @param before called before every event, with its index
 */
export function replayEvents(
  input: ReplayInput,
  ordering: Ordering,
  before?: (index: number, percpu: PercpuAllocator) => void,
): ReplayOutcome {
  return new EventReplay(input, ordering).run(before);
}

/**
 * Index of the allocation (A or X) that the event at `index` belongs to: the event itself, or for an effect outside of the background
 * work the next allocation of the same task. -1 when there is none.
 */
export function allocationOf(events: readonly LogEvent[], index: number): number {
  const event = events[index]!;
  for (let later = index; later < events.length; later++) {
    const candidate = events[later]!;
    if ((candidate.kind !== 'A' && candidate.kind !== 'X') || candidate.pid !== event.pid) continue;
    if (event.kind === 'R' || later === index || !candidate.atomic) return later;
  }
  return -1;
}

/**
 * A worker takes up the background work (W of a trace) before it has the mutex. Whatever other tasks allocate meanwhile, asleep or not,
 * is complete before the work begins: index of the first event before which it can.
 */
function workBegins(events: readonly LogEvent[], start: number): number {
  const { pid } = events[start]!;
  let begins = start;
  for (let index = start + 1; index < events.length; index++) {
    const event = events[index]!;
    if (event.kind === 'W') break;
    if (event.pid === pid && (event.kind === 'C' || event.kind === 'D')) break; // it has begun
    const isAllocation = event.kind === 'A' || event.kind === 'X';
    if (event.pid !== pid && isAllocation && !event.atomic) begins = index + 1;
  }
  return begins;
}

class EventReplay {
  readonly #input: ReplayInput;
  readonly #ordering: Ordering;
  readonly #memory = new ReplayedMemory();
  readonly #recorder: EffectRecorder;
  readonly #percpu: PercpuAllocator;
  readonly #counts: ReplayCounts = noCounts();
  readonly #chunks = new Map<number, Chunk>();
  /** Sizes of live areas by chunk's base and offset there: sums of the two need not be exact (address.ts). */
  readonly #live = new Map<number, Map<number, number>>();
  /** Allocations under way, by the index of their A or X. */
  readonly #allocations = new Map<number, Task>();
  /** Searches that take place before the event with that index. */
  readonly #searchesBefore = new Map<number, number[]>();
  #work: Task | undefined;
  #workPid = -1;
  /** A run of a trace that waits for the mutex: the event before which it begins; -1: none. */
  #workBegins = -1;
  /** An I event waits for the F that it belongs to. */
  readonly #isolations = new Map<number, LogEvent>();

  constructor(input: ReplayInput, ordering: Ordering) {
    this.#input = input;
    this.#ordering = ordering;
    const { machine, info, variant, base } = input.kernel;
    this.#recorder = new EffectRecorder(() => this.#percpu, input.tracepointsOnly);
    this.#percpu = new PercpuAllocator(machine, variant, info, base, this.#memory);
    this.#percpu.events = this.#recorder;
    this.#percpu.asyncEnabled = true;
    const first = this.#percpu.firstChunk;
    for (const { offset, size } of input.earlier) {
      this.#percpu.takeAt(first, offset, size);
      this.#areasOf(first.base).set(offset, size);
    }
    for (const chunk of this.#percpu.chunks()) this.#chunks.set(chunk.base, chunk);
    for (const [index, before] of ordering.searchedBefore) {
      const list = this.#searchesBefore.get(before);
      if (list === undefined) this.#searchesBefore.set(before, [index]);
      else list.push(index);
    }
  }

  #areasOf(base: number): Map<number, number> {
    let areas = this.#live.get(base);
    if (areas === undefined) this.#live.set(base, (areas = new Map<number, number>()));
    return areas;
  }

  /** @param before called before every event, with its index */
  run(before?: (index: number, percpu: PercpuAllocator) => void): ReplayOutcome {
    const { events } = this.#input;
    for (let index = 0; index < events.length; index++) {
      const event = events[index]!;
      before?.(index, this.#percpu);
      try {
        if (this.#ordering.workBefore.has(index)) this.#unloggedWork();
        if (index === this.#workBegins) this.#beginWork();
        for (const search of this.#searchesBefore.get(index) ?? []) this.#begin(search);
        this.#event(index, event);
      } catch (error) {
        if (error instanceof LogEnds) return { counts: this.#counts, difference: undefined, openAt: index };
        if (!(error instanceof Mismatch)) throw error;
        const { complete, workLogged } = this.#input;
        const proven = error.proven || (complete && workLogged);
        const difference = { index, line: event.line, kernel: event.text, replay: error.replay, proven };
        return { counts: this.#counts, difference };
      }
      this.#counts.events++;
    }
    return { counts: this.#counts, difference: undefined };
  }

  /** A run of the background work that the log does not mention; chunks that it makes or destroys must be the next events. */
  #unloggedWork(): void {
    this.#endUnloggedWork();
    if (this.#percpu.mutexHeld) for (const task of this.#allocations.values()) this.#finish(task);
    this.#memory.nextArea = this.#nextArea();
    this.#work = { steps: this.#percpu.balanceSteps(), effects: [], done: false, area: null };
    this.#finish(this.#work);
    this.#counts.balanceRuns++;
  }

  #endUnloggedWork(): void {
    const work = this.#work;
    if (work === undefined) return;
    this.#finish(work);
    const effect = work.effects[0];
    if (effect !== undefined) throw new Mismatch(`the background work does ${describeEffect(effect)} first`);
    this.#work = undefined;
  }

  /** Address of the next chunk that the log has. */
  #nextArea(): number {
    const { events } = this.#input;
    for (let index = this.#counts.events; index < events.length; index++) {
      if (events[index]!.kind === 'C') return events[index]!.base;
    }
    return NaN;
  }

  #event(index: number, event: LogEvent): void {
    const counts = this.#counts;
    if (!this.#input.workLogged && !this.#isOfWork(index, event)) this.#endUnloggedWork();
    switch (event.kind) {
      case 'A':
      case 'X':
        this.#completeAllocation(index, event);
        break;
      case 'F':
        this.#free(index, event);
        break;
      case 'I':
        this.#isolations.set(event.cpu, event);
        counts.isolated++;
        break;
      case 'W':
        this.#balance(index, event);
        break;
      case 'C':
        if (event.a === 1) this.#checkFirstChunk(event);
        // Traced from the very beginning: the first chunk, by the address of its first unit.
        else if (this.#input.tracepointsOnly && event.base === this.#percpu.baseAddress) break;
        else this.#effect(index, event);
        counts.created++;
        break;
      case 'D':
        this.#effect(index, event);
        this.#chunks.delete(event.base);
        counts.destroyed++;
        break;
      case 'P':
        this.#effect(index, event);
        counts.populated++;
        break;
      case 'U':
        this.#effect(index, event);
        counts.depopulated++;
        break;
      case 'T':
        this.#effect(index, event);
        counts.flushed++;
        break;
      case 'R':
        this.#effect(index, event);
        counts.reintegrated++;
        break;
      case 'S':
        this.#effect(index, event);
        counts.sidelined++;
        break;
    }
  }

  #checkFirstChunk(event: LogEvent): void {
    const { baseAddress, unitPages, firstChunk } = this.#percpu;
    if (event.base !== baseAddress || event.b !== unitPages || event.c !== firstChunk.nrEmptyPopPages) {
      const empty = firstChunk.nrEmptyPopPages.toString(16);
      throw new Mismatch(`C base=${baseAddress.toString(16)} a=1 b=${unitPages} c=${empty}`);
    }
  }

  /** The task that holds pcpu_alloc_mutex, if any. */
  #slowPath(): Task | undefined {
    if (this.#work !== undefined) return this.#work;
    for (const task of this.#allocations.values()) if (!task.done) return task;
    return undefined;
  }

  /** One step of a task; its effects go to its own list. Returns where it has stopped, undefined at its end. */
  #step(task: Task): LockDrop | undefined {
    this.#recorder.queue = task.effects;
    const result = task.steps.next();
    if (!result.done) return result.value;
    task.done = true;
    if (typeof result.value === 'number' && result.value >= 0) {
      task.area = { chunk: this.#percpu.lastChunk, offset: result.value };
    }
    return undefined;
  }

  #finish(task: Task): void {
    while (!task.done) this.#step(task);
  }

  /** The allocation that is logged at `index` begins: its search takes place now. */
  #begin(index: number): Task {
    const event = this.#input.events[index]!;
    if (!event.atomic && this.#percpu.mutexHeld) {
      // Another allocation must be over by now, although it is logged later.
      for (const other of this.#allocations.values()) this.#finish(other);
      if (this.#percpu.mutexHeld) throw new Mismatch('the allocation waits for the background work');
    }
    const gfp = event.atomic ? GFP_ATOMIC : GFP_KERNEL;
    const task: Task = {
      steps: this.#percpu.allocSteps(event.size, event.align, gfp, event.reserved),
      effects: [],
      done: false,
      area: null,
    };
    this.#allocations.set(index, task);
    // Having found nothing, the kernel looks for a free chunk at once; only making one takes time.
    if (this.#step(task) === 'unlocked') this.#step(task);
    return task;
  }

  #completeAllocation(index: number, event: LogEvent): void {
    const task = this.#allocations.get(index) ?? this.#begin(index);
    this.#finish(task);
    this.#allocations.delete(index);
    const effect = task.effects[0];
    if (effect !== undefined) throw new Mismatch(`${describeEffect(effect)} first`);
    if (task.area === null) {
      if (event.kind !== 'X') throw new Mismatch('the allocation fails');
      this.#counts.failures++;
      return;
    }
    const { chunk, offset } = task.area;
    if (event.kind === 'X' || chunk.base !== event.base || offset !== event.offset) {
      // Where in a chunk an area goes depends on that chunk alone, and all that was in this one is known.
      const sameKnownChunk = event.kind === 'A' && chunk.base === event.base && chunk.id > 0;
      throw new Mismatch(`A base=${chunk.base.toString(16)} off=${offset}`, sameKnownChunk);
    }
    this.#areasOf(chunk.base).set(offset, (event.size + 3) & ~3);
    this.#counts.allocations++;
  }

  /** In a log of tracepoints: was the chunk made or destroyed by the background work? */
  #isOfWork(index: number, event: LogEvent): boolean {
    if (event.kind === 'D') return true;
    if (event.kind !== 'C') return false;
    // An allocation that needed the chunk is complete at once; a worker that made it has nothing to allocate.
    const { events } = this.#input;
    for (let later = index + 1; later < events.length; later++) {
      const candidate = events[later]!;
      if (candidate.pid !== event.pid || candidate.kind === 'F') continue;
      if (candidate.kind !== 'A' && candidate.kind !== 'X') return true;
      return Number(candidate.time) - Number(event.time) > LONGEST_ALLOCATION;
    }
    return true;
  }

  #free(index: number, event: LogEvent): void {
    const chunk = this.#chunks.get(event.base);
    const size = this.#areasOf(event.base).get(event.offset);
    if (chunk === undefined || size === undefined) throw new Mismatch('no area begins there');
    const task = this.#slowPath();
    if (task !== undefined) {
      for (let drops = this.#ordering.lockDropsPassed.get(index) ?? 0; drops > 0 && !task.done; drops--)
        this.#step(task);
    }
    this.#areasOf(event.base).delete(event.offset);
    const effects: Effect[] = [];
    this.#recorder.queue = effects;
    this.#percpu.free(chunk, event.offset);
    this.#counts.frees++;
    if (this.#input.tracepointsOnly) return;
    if (size !== event.size) throw new Mismatch(`F of ${size} bytes`);
    const isolation = this.#isolations.get(event.cpu);
    this.#isolations.delete(event.cpu);
    const effect = effects[0];
    if (effect === undefined ? isolation !== undefined : isolation === undefined || !sameEffect(effect, isolation)) {
      const did = effect === undefined ? 'F without isolation' : `${describeEffect(effect)}, then F`;
      throw new Mismatch(`${did} (kernel: ${isolation?.text ?? 'F without isolation'})`);
    }
    const { nrEmptyPopPages } = this.#percpu;
    if (chunk.nrEmptyPopPages !== event.chunkEmpty || nrEmptyPopPages !== event.globalEmpty) {
      throw new Mismatch(`F nr_empty=${chunk.nrEmptyPopPages} tot_empty=${nrEmptyPopPages}`);
    }
  }

  #balance(index: number, event: LogEvent): void {
    if (event.a === 0) {
      if (this.#work !== undefined || this.#workBegins >= 0)
        throw new Mismatch('the background work is running already');
      this.#workPid = event.pid;
      const { events, tracepointsOnly } = this.#input;
      if (tracepointsOnly) this.#workBegins = workBegins(events, index);
      if (!tracepointsOnly || this.#workBegins === index) this.#beginWork(event);
      return;
    }
    const work = this.#work;
    if (work === undefined) throw new Mismatch('the background work is not running');
    this.#finish(work);
    const effect = work.effects[0];
    if (effect !== undefined) throw new Mismatch(`${describeEffect(effect)} first`);
    this.#work = undefined;
    this.#checkCounters(event);
    this.#counts.balanceRuns++;
  }

  /** The background work has the mutex. @param start what the log has of that */
  #beginWork(start?: LogEvent): void {
    this.#workBegins = -1;
    for (const task of this.#allocations.values()) this.#finish(task);
    if (start !== undefined) this.#checkCounters(start);
    if (this.#input.tracepointsOnly) this.#memory.nextArea = this.#nextArea();
    this.#work = { steps: this.#percpu.balanceSteps(), effects: [], done: false, area: null };
    this.#step(this.#work);
  }

  #startWork(): Task {
    for (const task of this.#allocations.values()) this.#finish(task);
    this.#work = { steps: this.#percpu.balanceSteps(), effects: [], done: false, area: null };
    this.#counts.balanceRuns++;
    return this.#work;
  }

  /** A trace has no counters. */
  #checkCounters(event: LogEvent): void {
    if (this.#input.tracepointsOnly) return;
    const { nrEmptyPopPages, nrPopulated } = this.#percpu;
    if (nrEmptyPopPages !== event.b || nrPopulated !== event.c) {
      throw new Mismatch(`W a=${event.a} b=${nrEmptyPopPages} c=${nrPopulated.toString(16)}`);
    }
  }

  /** An event that the allocator must bring about by itself, in the background work or in an allocation that is logged later. */
  #effect(index: number, event: LogEvent): void {
    let task: Task;
    if (!this.#input.workLogged && this.#isOfWork(index, event)) {
      task = this.#work ?? this.#startWork();
    } else if (this.#work !== undefined && event.pid === this.#workPid) {
      task = this.#work;
    } else {
      const owner = allocationOf(this.#input.events, index);
      if (owner < 0) throw new LogEnds();
      if (event.kind === 'C') this.#memory.nextArea = event.base;
      task = this.#allocations.get(owner) ?? this.#begin(owner);
    }
    if (event.kind === 'C') this.#memory.nextArea = event.base;
    while (task.effects.length === 0 && !task.done) this.#step(task);
    const effect = task.effects.shift();
    if (effect === undefined) throw new Mismatch('nothing of the kind');
    if (!sameEffect(effect, event)) throw new Mismatch(describeEffect(effect));
    if (effect.kind === 'C') this.#chunks.set(effect.chunk.base, effect.chunk);
  }
}
