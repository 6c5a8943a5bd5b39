import { expect, test } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { causeOf } from '../analysis/cause.js';
import { StaleChecker } from '../analysis/checker.js';
import { Phrases } from '../analysis/phrases.js';
import { bootOnce } from '../kernel/boot.js';
import { DEFAULT_SETUP, setupBootOptions } from './setup.js';
import { SEED, type Told, WANTED } from './test-seeds.js';

const engine = await loadEngine('native');

function told(seed: number): Told {
  let checker!: StaleChecker;
  let phrases!: Phrases;
  const result = bootOnce({
    ...setupBootOptions(DEFAULT_SETUP, seed, engine, true),
    check: true,
    attach: (parts) => {
      checker = new StaleChecker(parts);
      phrases = new Phrases(parts.machine.image, parts.log.events);
    },
  });
  const { steps } = causeOf(checker, result.log.events, phrases, 4096);
  return { result, story: steps.map(({ text }) => text).join('\n') };
}

test.each(Object.keys(SEED) as (keyof typeof SEED)[])('a boot of the table is what it is there for: %s', (name) => {
  const { what, is } = WANTED[name];
  const seed = SEED[name];
  if (is(told(seed))) return;
  const others: number[] = [];
  for (let other = 1; other <= 60 && others.length < 4; other++) if (is(told(other))) others.push(other);
  expect.fail(`seed ${seed} is no boot that ${what}. In seeds 1 to 60 such are ${others.join(', ') || 'none'}`);
});
