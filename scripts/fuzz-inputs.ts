// Damaged inputs of every kind through the readers: none may throw anything but a refusal, hang, or eat memory.
//   node scripts/run-ts.mjs scripts/fuzz-inputs.ts [--kind NAME] [--seed N] [--count N] [--from N]
// Input number i of a seed is the same everywhere: --from i --count 1 reads it again. What breaks a promise is saved to .cache/fuzz/, exit
// code 1. Nothing is timed but hangs: a batch may take a second for every 4 KB that it reads, thousands of times what it takes.
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import v8 from 'node:v8';
import vm from 'node:vm';
import { Random } from '../src/random.js';
import { INPUT_KINDS } from './fuzz/input-kinds.js';
import type { InputKind } from './fuzz/kind.js';
import { mutated } from './fuzz/mutate.js';

/** Characters of an input; of a longer text a piece is taken. */
const MOST_CHARACTERS = 64 << 10;
const PIECE_LINES = 160;
/** Inputs that are read between two looks at the clock and at the memory. */
const BATCH = 64;
const MS_PER_CHARACTER = 1000 / 4096;
/** Growth of the heap that the engine's own caches may cause. Bytes. */
const MOST_GROWTH = 64 << 20;

const { values } = parseArgs({
  options: {
    kind: { type: 'string' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '10000' },
    from: { type: 'string', default: '0' },
  },
});
const [seed, count, from] = [Number(values.seed), Number(values.count), Number(values.from)];
const kinds = INPUT_KINDS.filter(({ name }) => values.kind === undefined || name === values.kind);
if (![seed, count, from].every((value) => Number.isInteger(value) && value >= 0) || kinds.length === 0) {
  const names = INPUT_KINDS.map(({ name }) => name).join(', ');
  console.error(`fuzz-inputs: --seed, --count and --from want whole numbers, --kind one of ${names}`);
  process.exit(2);
}

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;
const heap = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};
let stopped = false;
process.on('SIGINT', () => (stopped = true));

/** A text of the corpus, or some lines of it. */
function piece(corpus: readonly string[], random: Random): string {
  const text = corpus[random.below(corpus.length)]!;
  if (text.length < 16 << 10 || random.below(200) === 0) return text;
  const lines = text.split('\n');
  const start = random.below(lines.length);
  return lines.slice(start, start + 1 + random.below(PIECE_LINES)).join('\n');
}

function inputOf(index: number, corpus: readonly string[]): string {
  const random = new Random(seed, index);
  return mutated(piece(corpus, random), piece(corpus, random), random, MOST_CHARACTERS);
}

/** What went wrong with an input; undefined when nothing did. */
function complaint(kind: InputKind, input: string): string | undefined {
  try {
    kind.read(input);
    return undefined;
  } catch (error) {
    return kind.isAnswer(error) ? undefined : String((error as Error).stack ?? error);
  }
}

/** Runs `work`, which may take as long as the inputs' size allows. @returns false when it hangs */
function guarded(characters: number, work: () => void): boolean {
  (globalThis as { fuzzWork?: () => void }).fuzzWork = work;
  try {
    new vm.Script('fuzzWork()').runInThisContext({ timeout: Math.ceil(2000 + characters * MS_PER_CHARACTER) });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    throw error;
  }
}

function save(kind: InputKind, index: number, input: string, what: string): void {
  const folder = path.join('.cache', 'fuzz');
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${kind.name}-seed${seed}-${index}.txt`);
  fs.writeFileSync(file, input);
  console.log(`${kind.name}: input ${index} of seed ${seed} (${input.length} characters, saved as ${file}):\n${what}`);
  process.exitCode = 1;
}

for (const kind of kinds) {
  const corpus = kind.corpus('.');
  let [done, characters] = [0, 0];
  let before = 0;
  while (done < count && !stopped && process.exitCode !== 1) {
    const indexes = Array.from({ length: Math.min(BATCH, count - done) }, (_, i) => from + done + i);
    const inputs = indexes.map((index) => inputOf(index, corpus));
    const size = inputs.reduce((sum, input) => sum + input.length, 0);
    const read = (input: string, index: number) => {
      const what = complaint(kind, input);
      if (what !== undefined) save(kind, index, input, what);
    };
    if (!guarded(size, () => inputs.forEach((input, i) => read(input, indexes[i]!)))) {
      const hung = inputs.findIndex((input, i) => !guarded(input.length, () => read(input, indexes[i]!)));
      if (hung >= 0) save(kind, indexes[hung]!, inputs[hung]!, 'hangs');
    }
    done += inputs.length;
    characters += size;
    if (done % (BATCH * 256) === 0 || done === BATCH * 16) {
      const now = heap();
      if (before === 0) before = now;
      if (now - before > MOST_GROWTH) {
        console.log(`${kind.name}: the heap grew by ${now - before} bytes over ${done} inputs of seed ${seed}`);
        process.exitCode = 1;
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${kind.name}: ${done} of ${count} inputs `);
    // Ctrl-C is heard between batches.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (process.stderr.isTTY) process.stderr.write('\n');
  console.log(
    `${kind.name}: seed ${seed}, ${done} inputs, ${characters} characters, ${process.exitCode === 1 ? 'stopped at the first that breaks a promise' : 'all read'}`,
  );
  if (stopped) break;
}
