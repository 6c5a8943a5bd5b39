// Which page of a chunk and which physical page are looked at: those of the story, those of each event gone to, or chosen by hand.
import type { Place, Subject } from '../subject.js';

export type Mode = 'story' | 'event' | 'hand';

export class Selection {
  #mode: Mode = 'hand';
  #place: Place;
  #frame: number;
  readonly #story: Required<Pick<Subject, 'cell' | 'frame'>> | undefined;
  readonly #followers: (() => void)[] = [];

  /** @param story what the story is about; without it there is no mode of that name */
  constructor(place: Place, frame: number, story: Subject | undefined) {
    this.#place = place;
    this.#frame = frame;
    const { cell, frame: hit } = story ?? {};
    this.#story = cell && hit !== undefined ? { cell, frame: hit } : undefined;
  }

  get mode(): Mode {
    return this.#mode;
  }

  get place(): Place {
    return this.#place;
  }

  get frame(): number {
    return this.#frame;
  }

  /** Of the story, whatever is looked at. */
  get storyFrame(): number | undefined {
    return this.#story?.frame;
  }

  /** Whether the page of the story is looked at, in whatever mode. */
  get onStory(): boolean {
    const at = this.#story?.cell;
    return at?.row === this.#place.row && at.page === this.#place.page && at.cpu === this.#place.cpu;
  }

  follow(follower: () => void): void {
    this.#followers.push(follower);
  }

  #set(mode: Mode, { cell, frame }: Subject): void {
    this.#mode = mode;
    if (cell) this.#place = cell;
    if (frame !== undefined) this.#frame = frame;
    for (const follower of this.#followers) follower();
  }

  choose(subject: Subject): void {
    this.#set('hand', subject);
  }

  /** The pages of the story, or of events as they are gone to; `subject`: of the one shown. */
  pin(mode: 'story' | 'event', subject: Subject): void {
    if (mode === 'story' && this.#story) this.#set('story', this.#story);
    else this.#set('event', subject);
  }

  /** An event was gone to. */
  visit(subject: Subject): void {
    if (this.#mode === 'event') this.#set('event', subject);
  }
}
