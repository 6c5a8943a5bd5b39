// For tests only: seeds of the default setup (the first bad kernel, three controllers), by what happens in their boots. A time or a rule of
// scheduling that changes gives every seed another boot: then test-seeds.test.ts says which seeds are what is wanted.
import type { BootResult } from '../kernel/boot.js';

export const SEED = {
  /** README, docs and the lesson tell this boot. */
  crash: 2,
  laterOops: 8,
  survivor: 14,
} as const;

/** A boot of the table, and what `explain` tells of it. */
export interface Told {
  result: BootResult;
  story: string;
}

const oopses = ({ log }: BootResult) => log.events.filter((event) => event.type === 'oops');

export const WANTED: Readonly<Record<keyof typeof SEED, { what: string; is: (boot: Told) => boolean }>> = {
  crash: {
    what: "takes pages away many times, zeroes a request queue's RCU callback, and dies of that, its only oops",
    is: ({ result, story }) =>
      result.outcome === 'panic' &&
      oopses(result).length === 1 &&
      result.log.events.filter(({ type }) => type === 'depopulate').length >= 5 &&
      /is given to[^]*populated again[^]*request_queue\.rcu_head\.func at \w+ is zeroed[^]*rcu_core\(\) jumps to 00000000/.test(
        story,
      ),
  },
  laterOops: {
    what: 'panics by an oops that is not the first, and the first is elsewhere than in RCU',
    is: ({ result }) => result.outcome === 'panic' && oopses(result).length > 1 && oopses(result)[0]!.epc !== 0,
  },
  survivor: {
    what: 'ends cleanly although stale stores have hit the memory of others',
    is: ({ result }) => result.outcome === 'clean' && result.counters.foreignPages > 0,
  },
};
