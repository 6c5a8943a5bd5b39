// Differential fuzzer: random operation scripts through the allocator and through the oracle (the kernel's own C code), byte for byte.
//   node scripts/run-ts.mjs scripts/fuzz-percpu.ts [--seed N] [--minutes M] [--oracle DIR]
// DIR holds the oracle's build/ and build/16k/ folders (prepare.sh makes them); default ../shared/oracle. Exit code 1 on a difference,
// with a shortened script saved to .cache/fuzz/.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { ScriptRunner, VARIANTS, parseScript } from '../src/percpu/index.js';
import type { VariantName } from '../src/percpu/index.js';
import { Random } from '../src/random.js';
import { generateScript } from './fuzz/generate.js';
import type { FuzzScript } from './fuzz/generate.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    oracle: { type: 'string', default: '../shared/oracle' },
  },
});
const seed = Number(values.seed);
const minutes = Number(values.minutes);
if (!Number.isInteger(seed) || !(minutes > 0)) {
  console.error('fuzz-percpu: --seed wants an integer, --minutes a positive number');
  process.exit(2);
}
const ORACLE_VARIANTS: readonly VariantName[] = ['fixed', 'fixed', 'buggy', 'f183', 'before'];

function oracleBinary(script: FuzzScript, variant: VariantName): string {
  const folder = script.pageSize === 16384 ? 'build/16k' : 'build';
  return path.join(values.oracle, folder, `oracle${script.bits}-${variant}`);
}

/** The oracle's output; undefined when it gives up on the script (its own checks of the script fail). */
function runOracle(script: FuzzScript, variant: VariantName): string | undefined {
  const input = `${script.lines.join('\n')}\n`;
  const result = spawnSync(oracleBinary(script, variant), ['-'], { input, maxBuffer: 1 << 30, encoding: 'latin1' });
  if (result.error) throw result.error;
  return result.status === 0 ? result.stdout : undefined;
}

function runOurs(script: FuzzScript, variant: VariantName): string {
  const output: string[] = [];
  try {
    const runner = new ScriptRunner('fuzz', VARIANTS[variant], script.pageSize, (line) => output.push(line));
    for (const op of parseScript(script.lines.join('\n'), 'fuzz')) runner.run(op);
  } catch (error) {
    output.push(`ERROR ${String((error as Error).stack)}`);
  }
  return `${output.join('\n')}\n`;
}

function differs(script: FuzzScript, variant: VariantName): boolean {
  const oracle = runOracle(script, variant);
  return oracle !== undefined && oracle !== runOurs(script, variant);
}

/** Leaves out operations behind `init` as long as the difference stays. An alloc goes together with its free. */
function shorten(script: FuzzScript, variant: VariantName): FuzzScript {
  let lines = script.lines;
  const first = lines.findIndex((line) => line.startsWith('init')) + 1;
  for (let piece = lines.length >> 1; piece >= 1; piece >>= 1) {
    for (let at = first; at < lines.length; at += piece) {
      const without = matched([...lines.slice(0, at), ...lines.slice(at + piece)]);
      if (without.length < lines.length && differs({ ...script, lines: without }, variant)) {
        lines = without;
        at = Math.max(at - piece, first - piece);
      }
    }
  }
  return { ...script, lines };
}

/** Drops frees and phys of ids that are not allocated, and second allocs of ids that are. */
function matched(lines: string[]): string[] {
  const live = new Set<string>();
  return lines.filter((line) => {
    const [kind, id] = line.split(' ') as [string, string];
    if (kind === 'alloc') return live.has(id) ? false : live.add(id);
    if (kind === 'free') return live.delete(id);
    return kind !== 'phys' || live.has(id);
  });
}

const end = performance.now() + minutes * 60_000;
let scripts = 0;
let operations = 0;
let refused = 0;
const count = new Map<string, number>();
for (let index = 0; performance.now() < end; index++) {
  const random = new Random(seed, index);
  const script = generateScript(random);
  const variant = ORACLE_VARIANTS[random.below(ORACLE_VARIANTS.length)]!;
  const oracle = runOracle(script, variant);
  if (oracle === undefined) {
    refused++;
    continue;
  }
  const ours = runOurs(script, variant);
  if (oracle !== ours) {
    const folder = path.join('.cache', 'fuzz');
    fs.mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `seed${seed}-${index}-${script.bits}-${script.pageSize}-${variant}.ops`);
    const short = shorten(script, variant);
    fs.writeFileSync(file, `${short.lines.join('\n')}\n`);
    console.log(
      `DIFFERENCE seed ${seed} script ${index}: ${file} (${short.lines.length} of ${script.lines.length} lines)`,
    );
    const want = runOracle(short, variant)!.split('\n');
    const got = runOurs(short, variant).split('\n');
    const at = got.findIndex((line, line_) => line !== want[line_]);
    console.log(`  oracle: ${want[at]}\n  ours:   ${got[at]}`);
    process.exitCode = 1;
    break;
  }
  scripts++;
  operations += script.lines.length;
  const kind = `${script.bits}-bit ${script.pageSize / 1024} KB ${variant}`;
  count.set(kind, (count.get(kind) ?? 0) + script.lines.length);
  if (process.stderr.isTTY && index % 20 === 0) process.stderr.write(`\r${scripts} scripts, ${operations} operations `);
}
if (process.stderr.isTTY) process.stderr.write('\n');
for (const [kind, ops] of [...count].sort()) console.log(`  ${kind}: ${ops} operations`);
console.log(
  `seed ${seed}: ${scripts} scripts, ${operations} operations ${process.exitCode === 1 ? 'before the difference' : 'without a difference'}` +
    ` (${refused} scripts refused by the oracle)`,
);
