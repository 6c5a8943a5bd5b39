// What the page of a boot tells: from the cause to the crash, and the page that all of it is about.
import type { Act } from '../../analysis/cause.js';

/** A sentence and the event it rests on. */
export interface StoryStep {
  seq: number;
  /** It was seen between this event and the next. */
  between: boolean;
  text: string;
  act?: Act;
}

/** Without steps there is nothing to tell: no access went through a stale translation. */
export interface BootStory {
  steps: readonly StoryStep[];
  /** Of the stale access: its address, the frame that it went to, and the event before it. */
  va?: number;
  frame?: number;
  after?: number;
}

/** The step that a reader should see first: where somebody's memory is overwritten, or read by mistake. */
export function mainStep({ steps }: BootStory): StoryStep | undefined {
  return steps.find(({ act }) => act?.kind === 'store') ?? steps.find(({ act }) => act?.kind === 'load') ?? steps[0];
}
