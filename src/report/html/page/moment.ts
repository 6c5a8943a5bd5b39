// The moment shown: one event of the log. Every picture follows it.

type Follower = (seq: number) => void;

export class CurrentEvent {
  readonly last: number;
  #seq = -1;
  #pending = -1;
  readonly #followers: Follower[] = [];

  /** @param last number of the last event */
  constructor(last: number) {
    this.last = last;
  }

  get seq(): number {
    return this.#pending >= 0 ? this.#pending : this.#seq;
  }

  follow(follower: Follower): void {
    this.#followers.push(follower);
  }

  /** Goes there with the next frame that the browser draws. */
  go(seq: number): void {
    const target = Math.min(Math.max(Math.round(seq), 0), this.last);
    if (this.#pending < 0) requestAnimationFrame(() => this.#show());
    this.#pending = target;
  }

  /** Draws everything again where it is. */
  refresh(): void {
    if (this.#seq >= 0) for (const follower of this.#followers) follower(this.#seq);
  }

  #show(): void {
    this.#seq = this.#pending;
    this.#pending = -1;
    this.refresh();
  }
}
