// What the allocator did on its own account, written down in the form that a log has it in.
import type { Chunk, PercpuAllocator, PercpuEvents } from '../percpu/index.js';
import type { EventKind, LogEvent } from './gt-log.js';

/** An effect of a request or of the background work, comparable with a log event. */
export interface Effect {
  readonly kind: EventKind;
  readonly chunk: Chunk;
  readonly start: number;
  readonly end: number;
  /** The numbers of the log event that are compared; undefined = not compared. */
  readonly a: number | undefined;
  readonly b: number | undefined;
  readonly c: number | undefined;
}

/** Collects effects in `queue`, which the replay points at the task that is running. */
export class EffectRecorder implements PercpuEvents {
  queue: Effect[] = [];
  /** Bytes that the last free gave back. */
  freedSize = 0;
  readonly #percpu: () => PercpuAllocator;

  readonly #chunksOnly: boolean;

  /** @param chunksOnly record only chunks made and destroyed */
  constructor(percpu: () => PercpuAllocator, chunksOnly: boolean) {
    this.#percpu = percpu;
    this.#chunksOnly = chunksOnly;
  }

  #push(kind: EventKind, chunk: Chunk, start = 0, end = 0, a?: number, b?: number, c?: number): void {
    if (this.#chunksOnly && kind !== 'C' && kind !== 'D') return;
    this.queue.push({ kind, chunk, start, end, a, b, c });
  }

  free(_chunk: Chunk, _offset: number, size: number): void {
    this.freedSize = size;
  }

  createChunk(chunk: Chunk): void {
    if (this.#chunksOnly) this.#push('C', chunk);
    else this.#push('C', chunk, 0, 0, 0, chunk.nrPages, this.#percpu().nrEmptyPopPages);
  }

  destroyChunk(chunk: Chunk): void {
    this.#push('D', chunk);
  }

  populate(chunk: Chunk, start: number, end: number): void {
    this.#push('P', chunk, start, end);
  }

  depopulate(chunk: Chunk, start: number, end: number): void {
    this.#push('U', chunk, start, end);
  }

  flush(chunk: Chunk, start: number, end: number): void {
    this.#push('T', chunk, start, end);
  }

  isolate(chunk: Chunk, again: boolean): void {
    const empty = chunk.nrEmptyPopPages;
    this.#push('I', chunk, 0, 0, again ? 1 : 0, empty, this.#percpu().nrEmptyPopPages + (again ? 0 : empty));
  }

  reintegrate(chunk: Chunk): void {
    const empty = chunk.nrEmptyPopPages;
    this.#push('R', chunk, 0, 0, chunk.nrPopulated, empty, this.#percpu().nrEmptyPopPages - empty);
  }

  sideline(chunk: Chunk): void {
    this.#push('S', chunk, 0, 0, chunk.nrPopulated, chunk.nrEmptyPopPages, this.#percpu().nrEmptyPopPages);
  }

  alloc(): void {}
  allocFail(): void {}
  balanceStart(): void {}
  balanceEnd(): void {}
  schedule(): void {}
  illegalRequest(): void {}
  allocWarning(): void {}
}

/** The effect in the log's words. */
export function describeEffect(effect: Effect): string {
  const base = `base=${effect.chunk.base.toString(16)}`;
  if (effect.kind === 'P' || effect.kind === 'U' || effect.kind === 'T') {
    return `${effect.kind} ${base} pages=[${effect.start},${effect.end})`;
  }
  const { a, b, c } = effect;
  return a === undefined ? `${effect.kind} ${base}` : `${effect.kind} ${base} a=${a} b=${b!} c=${c!.toString(16)}`;
}

/** Is this effect the logged event? */
export function sameEffect(effect: Effect, event: LogEvent): boolean {
  return (
    effect.kind === event.kind &&
    effect.chunk.base === event.base &&
    effect.start === event.start &&
    effect.end === event.end &&
    (effect.a === undefined || effect.a === event.a) &&
    (effect.b === undefined || effect.b === event.b) &&
    (effect.c === undefined || effect.c === event.c)
  );
}
