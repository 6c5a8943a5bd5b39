// Events of the Trace Event Format (the JSON that Perfetto and other viewers read), in order of time.

export type Args = Record<string, string | number | boolean>;

/** One event. `ts` in microseconds, which may have a fraction. */
interface TraceEvent {
  readonly name: string;
  readonly cat?: string;
  /** M metadata, B and E ends of a slice, b and e of an asynchronous one, i instant, C counter. */
  readonly ph: 'M' | 'B' | 'E' | 'b' | 'e' | 'i' | 'C';
  readonly ts?: number;
  readonly pid: number;
  readonly tid: number;
  readonly id?: string;
  /** Scope of an instant: global, process, thread. */
  readonly s?: 'g' | 'p' | 't';
  readonly args: Args;
}

/** One line of the picture: a thread to the format. Viewers tell threads apart by tid alone, so no two tracks share one. */
export interface Track {
  readonly pid: number;
  readonly tid: number;
  /** Category of its events. */
  readonly cat: string;
}

/** A slice that has not ended. */
export interface Slice {
  readonly track: Track;
  readonly name: string;
  readonly args: Args;
}

interface AsyncSlice {
  readonly track: Track;
  readonly name: string;
}

/**
 * Collects a trace. Slices of one track must nest. They are pairs of B and E, not X with a duration: viewers add that up in floating
 * point, or cut it to nanoseconds, and then see neighbours overlap. B and E have the same args, by which some viewers match them.
 */
export class TraceWriter {
  readonly #metadata: TraceEvent[] = [];
  readonly #events: TraceEvent[] = [];
  readonly #slices = new Set<Slice>();
  readonly #asyncs = new Map<string, AsyncSlice>();
  readonly #counters = new Map<string, number>();

  /** Names a process. @param order place from the top */
  process(pid: number, name: string, order: number): void {
    this.#metadata.push({ name: 'process_name', ph: 'M', pid, tid: 0, args: { name } });
    this.#metadata.push({ name: 'process_sort_index', ph: 'M', pid, tid: 0, args: { sort_index: order } });
  }

  /** Names a track. */
  track({ pid, tid }: Track, name: string): void {
    this.#metadata.push({ name: 'thread_name', ph: 'M', pid, tid, args: { name } });
    this.#metadata.push({ name: 'thread_sort_index', ph: 'M', pid, tid, args: { sort_index: tid } });
  }

  /** A slice begins. */
  begin(track: Track, ts: number, name: string, args: Args): Slice {
    const slice = { track, name, args: { ...args } };
    const { pid, tid, cat } = track;
    this.#events.push({ name, cat, ph: 'B', ts, pid, tid, args: slice.args });
    this.#slices.add(slice);
    return slice;
  }

  /** It ends; `undefined` is no slice, and one that has ended stays so. @param args what else is known of it now */
  end(slice: Slice | undefined, ts: number, args: Args = {}): void {
    if (slice === undefined || !this.#slices.delete(slice)) return;
    Object.assign(slice.args, args);
    const { pid, tid, cat } = slice.track;
    this.#events.push({ name: slice.name, cat, ph: 'E', ts, pid, tid, args: slice.args });
  }

  /** A slice that others of its process may overlap begins. @param id no other open one has it */
  beginAsync(track: Track, ts: number, id: string, name: string, args: Args): void {
    const { pid, tid, cat } = track;
    this.#events.push({ name, cat, ph: 'b', ts, pid, tid, id, args });
    this.#asyncs.set(id, { track, name });
  }

  endAsync(id: string, ts: number, args: Args): void {
    const open = this.#asyncs.get(id);
    if (open === undefined) return;
    this.#asyncs.delete(id);
    const { pid, tid, cat } = open.track;
    this.#events.push({ name: open.name, cat, ph: 'e', ts, pid, tid, id, args });
  }

  instant({ pid, tid, cat }: Track, ts: number, name: string, args: Args, scope: 'g' | 'p' | 't' = 't'): void {
    this.#events.push({ name, cat, ph: 'i', ts, pid, tid, s: scope, args });
  }

  /** The value of a counter from now on; the same value again is left out. */
  counter({ pid, tid, cat }: Track, ts: number, name: string, value: number): void {
    if (this.#counters.get(name) === value) return;
    this.#counters.set(name, value);
    this.#events.push({ name, cat, ph: 'C', ts, pid, tid, args: { value } });
  }

  /** The trace as text. What has not ended ends at `ts` and says so. @param otherData shown as the trace's metadata */
  finish(ts: number, otherData: Record<string, unknown>): string {
    for (const slice of [...this.#slices].reverse()) this.end(slice, ts, { unfinished: true });
    for (const id of [...this.#asyncs.keys()]) this.endAsync(id, ts, { unfinished: true });
    const lines = [...this.#metadata, ...this.#events].map((event) => JSON.stringify(event));
    const head = JSON.stringify({ displayTimeUnit: 'ms', otherData }).slice(0, -1);
    return `${head},"traceEvents":[\n${lines.join(',\n')}\n]}\n`;
  }
}
