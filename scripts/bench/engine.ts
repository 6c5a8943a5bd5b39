// What the ways to run the guest cost: the same boots of our own guest block by block (the fast path), with a hook before every
// instruction in C (as before the fast path, and as debuggers run it), and with hooks in JavaScript; in turns, and the same console each.
//   node scripts/run-ts.mjs scripts/bench/engine.ts [BOOTS]
import { loadEngine } from '../../emu/unicorn/choose.js';
import { DEFAULT_SETUP, setupBootOptions } from '../../src/experiments/setup.js';
import { type BootOptions, bootOnce } from '../../src/kernel/boot.js';
import { median } from './turns.js';

const WAYS: Readonly<Record<string, Partial<BootOptions>>> = {
  'block by block': {},
  'a hook before each instruction, in C': { debug: true },
  'hooks in JavaScript': { shim: false },
};
const boots = Number(process.argv[2] ?? 5);
const engine = await loadEngine();
console.log(engine.description);

function boot(way: Partial<BootOptions>, seed: number): { cpu: number; console: string } {
  const before = process.cpuUsage();
  const lines: string[] = [];
  const options = setupBootOptions(DEFAULT_SETUP, seed, engine, true);
  bootOnce({ ...options, ...way, onLine: (line) => lines.push(line) });
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1e6, console: lines.join('\n') };
}

const names = Object.keys(WAYS);
for (const name of names) boot(WAYS[name]!, 1);
const turns = Array.from({ length: boots }, (_, i) => names.map((name) => boot(WAYS[name]!, i + 1)));
names.forEach((name, i) => {
  const same = turns.every((turn) => turn[i]!.console === turn[0]!.console);
  console.log(
    `${name}: ${median(turns.map((turn) => turn[i]!.cpu)).toFixed(2)} CPU s a boot, ` +
      `${median(turns.map((turn) => turn[i]!.cpu / turn[0]!.cpu)).toFixed(1)} times the first` +
      `${same ? '' : ': ANOTHER CONSOLE'} (medians of seeds 1 to ${boots})`,
  );
});
