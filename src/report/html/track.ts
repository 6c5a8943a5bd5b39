// A picture that changes while the boot runs: numbered slots whose values change at events. Written as flat numbers for the
// report page, which can then go to any event, forwards or backwards.

/** JSON form: (event distance, slot, value) triples in order of events; all slots start at 0. */
export interface TrackData {
  slots: number;
  changes: number[];
}

/** Collects changes in the order of events. */
export class TrackWriter {
  readonly #values: number[] = [];
  readonly #changes: number[] = [];
  #lastSeq = 0;

  /** Slot `slot` is `value` (an integer, not negative) after event `seq`. Unchanged values cost nothing. */
  set(seq: number, slot: number, value: number): void {
    if ((this.#values[slot] ?? 0) === value) return;
    this.#values[slot] = value;
    const { length } = this.#changes;
    // Within one event only the last value of a slot counts.
    for (let at = length - 3, distance = seq - this.#lastSeq; at >= 0 && distance === 0; at -= 3) {
      if (this.#changes[at + 1] === slot) {
        this.#changes[at + 2] = value;
        return;
      }
      distance += this.#changes[at]!;
    }
    this.#changes.push(seq - this.#lastSeq, slot, value);
    this.#lastSeq = seq;
  }

  get(slot: number): number {
    return this.#values[slot] ?? 0;
  }

  /** @param slots number of slots, at least the highest used plus 1 */
  data(slots: number): TrackData {
    return { slots, changes: this.#changes };
  }
}

/** Plays a track. */
export class Track {
  /** As they are after the event sought last; before any `seek`, all 0. */
  readonly values: Int32Array;
  readonly #seqs: Int32Array;
  readonly #slots: Int32Array;
  readonly #after: Int32Array;
  readonly #before: Int32Array;
  #applied = 0;

  constructor({ slots, changes }: TrackData) {
    const count = changes.length / 3;
    this.values = new Int32Array(slots);
    this.#seqs = new Int32Array(count);
    this.#slots = new Int32Array(count);
    this.#after = new Int32Array(count);
    this.#before = new Int32Array(count);
    const values = new Int32Array(slots);
    for (let i = 0, seq = 0; i < count; i++) {
      seq += changes[3 * i]!;
      const slot = changes[3 * i + 1]!;
      this.#seqs[i] = seq;
      this.#slots[i] = slot;
      this.#before[i] = values[slot]!;
      this.#after[i] = values[slot] = changes[3 * i + 2]!;
    }
  }

  /** Goes to the state after event `seq`. @returns whether anything changed */
  seek(seq: number): boolean {
    const from = this.#applied;
    for (; this.#applied < this.#seqs.length && this.#seqs[this.#applied]! <= seq; this.#applied++)
      this.values[this.#slots[this.#applied]!] = this.#after[this.#applied]!;
    for (; this.#applied > 0 && this.#seqs[this.#applied - 1]! > seq; this.#applied--)
      this.values[this.#slots[this.#applied - 1]!] = this.#before[this.#applied - 1]!;
    return this.#applied !== from;
  }

  /** What a slot becomes, in order of events. */
  changesOf(slot: number): { seq: number; value: number }[] {
    const changes: { seq: number; value: number }[] = [];
    this.#slots.forEach((at, i) => {
      if (at === slot) changes.push({ seq: this.#seqs[i]!, value: this.#after[i]! });
    });
    return changes;
  }

  /** Calls `run` with every stretch in which a slot keeps one value, the last ones up to event `end`. Values of 0 are left out. */
  forEachRun(end: number, run: (slot: number, value: number, fromSeq: number, toSeq: number) => void): void {
    const since = new Int32Array(this.values.length);
    const values = new Int32Array(this.values.length);
    for (let i = 0; i < this.#seqs.length; i++) {
      const slot = this.#slots[i]!;
      if (values[slot] !== 0) run(slot, values[slot]!, since[slot]!, this.#seqs[i]!);
      values[slot] = this.#after[i]!;
      since[slot] = this.#seqs[i]!;
    }
    values.forEach((value, slot) => {
      if (value !== 0) run(slot, value, since[slot]!, end);
    });
  }
}
