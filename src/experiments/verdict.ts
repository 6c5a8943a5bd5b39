// The sentences of `compare --explain`, made from the numbers of an attribution. A difference counts when the 95 % intervals of two
// crash rates do not overlap.
import type { Attribution, Factor, Step } from './factors.js';
import { setupGeometry } from './setup.js';
import { short } from './table.js';
import { percent, rateText, type Tally } from './tally.js';

export type Results = ReadonlyMap<Step, Tally>;

function lower(a: Tally, b: Tally): boolean {
  return a.interval.high < b.interval.low;
}

/** What a factor of the path does. */
export interface Effect {
  factor: Factor;
  alone: Tally;
  allBut: Tally;
  /** Alone it changes malta-4k towards x86-like. */
  sufficient: boolean;
  /** x86-like without it goes back towards malta-4k. */
  necessary: boolean;
}

export function effects(plan: Attribution, results: Results): Effect[] {
  const start = results.get(plan.start)!;
  const end = results.get(plan.end)!;
  const moves = (from: Tally, to: Tally): boolean => (end.rate < start.rate ? lower(to, from) : lower(from, to));
  return plan.path.map(({ factor, alone, allBut }) => {
    const one = results.get(alone)!;
    const rest = results.get(allBut)!;
    return { factor, alone: one, allBut: rest, sufficient: moves(start, one), necessary: moves(rest, end) };
  });
}

const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

/** Two or three sentences that name what decides, then one for each variation that changes the picture. */
export function verdict(plan: Attribution, results: Results): string[] {
  const start = results.get(plan.start)!;
  const end = results.get(plan.end)!;
  const ends = `malta-4k crashes in ${rateText(start)}, x86-like in ${rateText(end)}`;
  if (!lower(end, start) && !lower(start, end))
    return [sentence(`${ends}: no difference that this number of boots could show; more --seeds may`)];
  const found = effects(plan, results);
  const deciding = found.filter(({ sufficient, necessary }) => sufficient && necessary);
  const others = found.filter((effect) => !deciding.includes(effect));
  return [sentence(ends), ...decidingSentences(plan, start, end, deciding, found), ...otherSentences(others)];
}

function decidingSentences(
  plan: Attribution,
  start: Tally,
  end: Tally,
  deciding: readonly Effect[],
  found: readonly Effect[],
): string[] {
  if (deciding.length === 0) {
    const enough = found.filter(({ sufficient }) => sufficient).map(({ factor }) => factor.name);
    return [
      enough.length > 0
        ? sentence(`each of ${list(enough)} is enough by itself, and none is needed: they do the same`)
        : 'No single factor decides: it takes several together.',
    ];
  }
  const from = setupGeometry(plan.start.setup);
  const to = setupGeometry(plan.end.setup);
  const rates = deciding.map(
    ({ factor, alone, allBut }) =>
      `${factor.name} (${factor.from} to ${factor.to}): alone it takes the crashes to ${rateText(alone)}, ` +
      `and x86-like without it crashes in ${rateText(allBut)}`,
  );
  return [
    `Deciding: ${rates.join('; ')}.`,
    `With it a chunk has ${to.unitPages} pages instead of ${from.unitPages}, reclaim waits for ${to.reclaimPages} empty ones ` +
      `instead of ${from.reclaimPages}, and a boot depopulates ${short(end.mean.depopulatedPages)} pages instead of ` +
      `${short(start.mean.depopulatedPages)} (${short(end.mean.repopulatedStale)} instead of ` +
      `${short(start.mean.repopulatedStale)} populated again under a stale entry).`,
  ];
}

function otherSentences(others: readonly Effect[]): string[] {
  const sentences: string[] = [];
  const half = others.filter(({ sufficient, necessary }) => sufficient || necessary);
  for (const { factor, sufficient, alone, allBut } of half)
    sentences.push(
      sentence(
        sufficient
          ? `${factor.name} alone also takes the crashes to ${rateText(alone)}, but x86-like without it stays at ${rateText(allBut)}`
          : `${factor.name} alone leaves malta-4k at ${rateText(alone)}, but x86-like without it crashes in ${rateText(allBut)}`,
      ),
    );
  const none = others.filter((effect) => !half.includes(effect));
  if (none.length > 0)
    sentences.push(
      sentence(
        `${list(none.map(({ factor, alone }) => `${factor.name} (alone ${percent(alone.rate)})`))} ` +
          `${none.length > 1 ? 'change' : 'changes'} neither end beyond chance`,
      ),
    );
  return sentences;
}

/** One sentence for each variation whose rate differs from that of its end. */
export function sideSentences(plan: Attribution, results: Results): string[] {
  const sentences: string[] = [];
  for (const { onStart, onEnd } of plan.side)
    for (const [step, base] of [
      [onStart, plan.start],
      [onEnd, plan.end],
    ] as const) {
      const [tally, baseTally] = [results.get(step)!, results.get(base)!];
      if (!lower(tally, baseTally) && !lower(baseTally, tally)) continue;
      const { unitPages } = setupGeometry(step.setup);
      sentences.push(
        sentence(
          `${step.title}: ${rateText(tally)}; chunks of ${unitPages} pages, ${short(tally.mean.depopulatedPages)} pages ` +
            `depopulated a boot, ${short(tally.mean.repopulatedStale)} populated again under a stale entry`,
        ),
      );
    }
  return sentences.length > 0 ? sentences : ['None of the variations differs from its end beyond chance.'];
}

/** What no number of this model can say. */
export const LIMITS = [
  'The guest is a MIPS in all of these boots: its TLB is refilled by software and holds pairs of pages. An x86 walks its page tables',
  'by itself, also for loads that it only guesses, has a second TLB of some 1,500 entries behind the first, and one translation per',
  'entry. How long a stale translation lives there is not modelled, nor is any flush that other code does (switches to user space,',
  'IPIs of other CPUs: one CPU runs here). Pairing is the one factor of the list that this guest cannot leave out: it is not varied.',
  "Static per-CPU data, allocations and their times are the Malta kernel's; an x86 kernel makes more and larger ones.",
  'So a rate under x86-like says what the geometry does to this guest, not how often an x86 machine would crash.',
];
