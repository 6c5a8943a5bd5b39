// Shrinks a boot as long as it still does what it should: fewer controllers, disks, scanned targets and steps of kernel_init.
import {
  CHANNELS,
  IDS,
  type Kept,
  stepNames,
  targetCount,
  targetFilter,
  targetNumber,
  targetRanges,
} from '../experiments/kept.js';
import type { BootSetup } from '../experiments/setup.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import { reduce, testsWithout } from './reduce.js';
import type { Trials } from './trials.js';

/** The logical drives: without them no boot finds its root, whatever else is wrong. */
const DISK_HOST = 0;
const DISK_CHANNEL = 2;

/** How much a boot does. */
export interface BootSize {
  controllers: number;
  disks: number;
  /** Scanned targets. */
  targets: number;
  /** Steps of kernel_init, of those that can be left out. */
  steps: number;
}

export function bootSize({ controllers, disks, kept, ...setup }: BootSetup): BootSize {
  return {
    controllers,
    disks,
    targets: kept?.targets ? targetCount(kept.targets) : controllers * CHANNELS * IDS,
    steps: kept?.steps?.length ?? allSteps(setup).length,
  };
}

function allSteps({ layout }: Pick<BootSetup, 'layout'>): string[] {
  return stepNames(BOOT_LAYOUTS[layout].pageSize);
}

export interface MinimizeOptions {
  /** Told each smaller boot that passes. */
  onSmaller: (setup: BootSetup) => void;
  /** Told now and then how many boots are left when nothing more can go. */
  onLeft: (boots: number) => void;
  /** A first look: pieces of some targets and steps are taken away, and no longer each one. */
  quick?: boolean;
}

/** What a first look takes away at a time, at least. */
const QUICK = { targets: 32, steps: 8 };

/**
 * The smallest boot that delta debugging finds. No single target or step of it can be left out, unless it was a first look.
 * Deterministic, also in `trials.runs`.
 * @param start passes
 */
export async function minimize(
  start: BootSetup,
  trials: Trials,
  { onSmaller, onLeft, quick = false }: MinimizeOptions,
): Promise<BootSetup> {
  let best = start;
  const took = (setup: BootSetup): void => {
    best = setup;
    onSmaller(setup);
  };
  for (const part of ['controllers', 'disks'] as const) {
    const fewer = Array.from({ length: best[part] - 1 }, (_, i) => ({ ...best, [part]: i + 1 }));
    const passed = await trials.firstOf(fewer);
    if (passed >= 0) took(fewer[passed]!);
  }
  const reduceIn = async <T>(
    items: readonly T[],
    withItems: (base: BootSetup, items: readonly T[]) => BootSetup,
    least: number,
    later: () => number,
  ) => {
    const base = best;
    const { length } = items;
    const kept = await reduce(
      items,
      (candidates) => trials.firstOf(candidates.map((candidate) => withItems(base, candidate))),
      {
        onSmaller: (smaller) => took(withItems(base, smaller)),
        onLeft: (tests) => onLeft(tests + later()),
        least,
      },
    );
    return { kept, smaller: kept.length < length };
  };
  const least = quick ? QUICK : { targets: 1, steps: 1 };
  let targets: readonly number[] = targetsOf(best);
  let steps = best.kept?.steps ?? allSteps(best);
  // A step that is left out moves what comes after it in the chunk maps, so that other targets may do.
  for (let first = true; ; first = false) {
    // Each time around is behind the other list's; the first one has the other list before it.
    const once = (list: readonly unknown[], size: number): number => testsWithout(list.length, undefined, size);
    const fewerSteps = await reduceIn(steps, withSteps, least.steps, () => (first ? once(targets, least.targets) : 0));
    if (!first && !fewerSteps.smaller) break;
    const again = (): number => (quick ? 0 : once(fewerSteps.kept, least.steps));
    const fewerTargets = await reduceIn(targets, withTargets, least.targets, again);
    if (quick || !fewerTargets.smaller) break;
    targets = fewerTargets.kept;
    steps = fewerSteps.kept;
  }
  return best;
}

/** All that are scanned but the disks. */
function targetsOf({ controllers, disks, kept }: BootSetup): number[] {
  const skipped = kept?.targets ? targetFilter(kept.targets) : () => false;
  const targets: number[] = [];
  for (let host = 0; host < controllers; host++)
    for (let channel = 0; channel < CHANNELS; channel++)
      for (let id = 0; id < IDS; id++) {
        const disk = host === DISK_HOST && channel === DISK_CHANNEL && id < disks;
        if (!disk && !skipped(host, channel, id)) targets.push(targetNumber(host, channel, id));
      }
  return targets;
}

function withTargets(base: BootSetup, targets: readonly number[]): BootSetup {
  const scanned = [...targets];
  for (let id = 0; id < base.disks; id++) scanned.push(targetNumber(DISK_HOST, DISK_CHANNEL, id));
  return withKept(base, { targets: targetRanges(scanned.sort((a, b) => a - b)) });
}

function withSteps(base: BootSetup, steps: readonly string[]): BootSetup {
  return withKept(base, { steps });
}

/** In one order, so that equal boots are equal as JSON. */
function withKept(base: BootSetup, change: Kept): BootSetup {
  const { targets, steps } = { ...base.kept, ...change };
  return { ...base, kept: { ...(targets ? { targets } : {}), ...(steps ? { steps } : {}) } };
}
