// Speed of the allocator against the kernel's own C code, natively compiled (-O2), on the same scripts. Both run in turn, each time in a
// new process, and the best of all rounds counts: where a process has its code and data in memory makes some differ by a third.
//   node scripts/run-ts.mjs scripts/bench/percpu.ts [--oracle DIR] [--ops N] [--rounds R] [--warm SECONDS] [--only TEXT]
// DIR is the oracle's folder (default ../shared/oracle); when it has no build/bench32 yet, it is copied to a temporary folder and built
// there. Prints ns per alloc+free pair of both and their ratio, the median ratio, and the heap growth over a million pairs.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import v8 from 'node:v8';
import { ScriptRunner, VARIANTS, parseScript } from '../../src/percpu/index.js';
import type { Chunk, CountingMemory, PercpuAllocator } from '../../src/percpu/index.js';

const { values } = parseArgs({
  options: {
    oracle: { type: 'string', default: '../shared/oracle' },
    ops: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '5' },
    warm: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    // Set for the processes that time one script.
    time: { type: 'string' },
  },
});

// For a process that does nothing but allocate, millions of times: a whole allocation becomes one function, and soon. Commands do without:
// `ops` on 20,000 operations needs twice the CPU time with it, most of it the compiler's, and on 900,000 no less.
v8.setFlagsFromString('--max-inlined-bytecode-size-cumulative=10000');
v8.setFlagsFromString('--max-inlined-bytecode-size-absolute=20000'); // V8's own 4600 would end it before
v8.setFlagsFromString('--interrupt-budget=67584'); // V8's own: compiled later, when it has seen more of the rare cases, code is slower

/** One script of every family, as the oracle's gen/bench.sh has it. */
const NAMES =
  'random2 random4 boot2 boot3 churn2 churn4 scsi2 scsi3 frag2 frag3 reserved2 atomic2 big2 drain2 drain3 reclaim2 reclaim3 fail1';

/** The oracle's folder with its benchmarks built. */
function builtOracle(folder: string): string {
  if (fs.existsSync(path.join(folder, 'build/bench32'))) return folder;
  if (!fs.existsSync(path.join(folder, 'prepare.sh'))) {
    console.error(`bench: no oracle in ${folder}; give its folder with --oracle`);
    process.exit(2);
  }
  const copy = path.join(os.tmpdir(), 'percpu-malta-oracle');
  if (!fs.existsSync(path.join(copy, 'build/bench32'))) {
    fs.rmSync(copy, { recursive: true, force: true });
    fs.cpSync(folder, copy, { recursive: true });
    spawnSync('chmod', ['-R', 'u+w', copy]);
    console.error(`building the oracle in ${copy}`);
    execFileSync('bash', ['prepare.sh'], { cwd: copy, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return copy;
}

const enum Kind {
  ALLOC = 1,
  FREE,
  WORK,
  RUNWORK,
}

/** An operation of a compiled script: numbers that lie side by side, as the C benchmark has its struct. */
const enum Op {
  KIND,
  ID,
  BYTES,
  ALIGN,
  GFP,
  RESERVED,
  SIZE,
}

/** A script compiled to numbers, with the allocator it runs on. */
class Workload {
  /** Operations and allocations. */
  readonly count: number;
  readonly pairs: number;
  readonly percpu: PercpuAllocator;
  readonly #memory: CountingMemory;
  readonly #ops: Int32Array;
  readonly #chunks: Chunk[];
  readonly #offsets: Int32Array;

  constructor(file: string) {
    let memory: CountingMemory | undefined;
    const runner = new ScriptRunner(
      file,
      VARIANTS.fixed,
      4096,
      () => {},
      (_percpu, used) => (memory = used),
    );
    const ops = parseScript(fs.readFileSync(file, 'latin1'), file);
    const timed = ops.filter(({ command }) => ['alloc', 'free', 'work', 'runwork'].includes(command.kind));
    for (const op of ops) if (['cfg', 'init', 'async'].includes(op.command.kind)) runner.run(op);
    this.percpu = runner.percpu!;
    this.percpu.events = null;
    this.#memory = memory!;
    this.#memory.log = null;
    this.count = timed.length;
    this.#ops = new Int32Array(this.count * Op.SIZE);
    let ids = 0;
    timed.forEach(({ command }, index) => {
      const at = index * Op.SIZE;
      if (command.kind === 'alloc') {
        const { size, align, gfp, reserved } = command;
        this.#ops.set([Kind.ALLOC, 0, Number(size), Number(align), gfp, reserved ? 1 : 0], at);
      } else {
        this.#ops[at] = command.kind === 'free' ? Kind.FREE : command.kind === 'work' ? Kind.WORK : Kind.RUNWORK;
      }
      if (command.kind === 'alloc' || command.kind === 'free') {
        this.#ops[at + Op.ID] = command.id;
        ids = Math.max(ids, command.id + 1);
      }
    });
    this.pairs = timed.filter(({ command }) => command.kind === 'alloc').length;
    this.#chunks = new Array<Chunk>(ids).fill(this.percpu.firstChunk);
    this.#offsets = new Int32Array(ids);
  }

  run(): void {
    const percpu = this.percpu;
    const memory = this.#memory;
    const chunks = this.#chunks;
    const offsets = this.#offsets;
    const ops = this.#ops;
    for (let at = 0; at < ops.length; at += Op.SIZE) {
      switch (ops[at]) {
        case Kind.ALLOC: {
          const id = ops[at + Op.ID]!;
          const offset = percpu.alloc(
            ops[at + Op.BYTES]!,
            ops[at + Op.ALIGN]!,
            ops[at + Op.GFP]!,
            ops[at + Op.RESERVED] !== 0,
          );
          offsets[id] = offset;
          chunks[id] = percpu.lastChunk;
          break;
        }
        case Kind.FREE: {
          const id = ops[at + Op.ID]!;
          const offset = offsets[id]!;
          if (offset >= 0) percpu.free(chunks[id]!, offset);
          break;
        }
        case Kind.WORK:
          if (percpu.balancePending) percpu.runBalanceWork();
          break;
        default:
          percpu.runBalanceWork();
      }
      memory.drainIfWanted();
    }
  }
}

/** How often a script is run in each round. */
function repeatsOf({ count }: Workload): number {
  return Math.max(5, Math.round(Number(values.ops) / count / Number(values.rounds)));
}

/** Best ns of CPU time per alloc+free pair over five batches, as the C benchmark takes it; in this process. */
function timeHere(file: string): number {
  const work = new Workload(file);
  const repeats = repeatsOf(work);
  // Until V8 has compiled what is hot, and compiled it again with what it learnt.
  for (const end = process.cpuUsage().user + 1e6 * Number(values.warm); process.cpuUsage().user < end;) work.run();
  const batch = Math.max(1, Math.floor(repeats / 5));
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = process.cpuUsage();
    for (let repeat = 0; repeat < batch; repeat++) work.run();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, ((user + system) * 1000) / (work.pairs * batch));
  }
  return best;
}

/** The same in a process of its own. */
function timeOurs(file: string): number {
  const { ops, rounds, warm } = values;
  const options = ['--time', file, '--ops', ops, '--rounds', rounds, '--warm', warm];
  return Number(execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...options], { encoding: 'latin1' }));
}

function timeC(binary: string, file: string, repeats: number): number {
  const text = execFileSync(binary, [file, String(repeats)], { encoding: 'latin1' });
  return Number(/([\d.]+) ns\/pair\(best\)/.exec(text)![1]);
}

/** A 64-bit kernel need not run 32-bit programs. */
function runsHere(binary: string): boolean {
  return /^usage/.test(spawnSync(binary, [], { encoding: 'latin1' }).stderr);
}

if (values.time !== undefined) {
  console.log(timeHere(values.time));
  process.exit();
}
const oracle = builtOracle(values.oracle);
const rounds = Number(values.rounds);
const ratios: number[] = [];
for (const geometry of ['malta', 'x86-64']) {
  const bench = path.join(oracle, 'build', geometry === 'malta' ? 'bench32' : 'bench64');
  if (!runsHere(bench)) {
    console.error(`bench: ${bench} does not run on this machine: the scripts of ${geometry} are left out`);
    continue;
  }
  for (const name of NAMES.split(' ')) {
    if (!`${geometry}/${name}`.includes(values.only)) continue;
    const file = path.join(oracle, 'golden', geometry, `${name}.ops`);
    const repeats = repeatsOf(new Workload(file));
    let ours = Infinity;
    let native = Infinity;
    for (let round = 0; round < rounds; round++) {
      native = Math.min(native, timeC(bench, file, repeats));
      ours = Math.min(ours, timeOurs(file));
    }
    ratios.push(ours / native);
    const label = `${geometry}/${name}`.padEnd(18);
    console.log(
      `${label} C ${native.toFixed(0).padStart(5)}  TypeScript ${ours.toFixed(0).padStart(5)} ns/pair  ratio ${(ours / native).toFixed(2)}`,
    );
  }
}
if (ratios.length > 0) {
  ratios.sort((a, b) => a - b);
  const middle = ratios.length >> 1;
  const median = ratios.length % 2 === 1 ? ratios[middle]! : (ratios[middle - 1]! + ratios[middle]!) / 2;
  console.log(
    `median ratio ${median.toFixed(2)}, lowest ${ratios[0]!.toFixed(2)}, highest ${ratios.at(-1)!.toFixed(2)}`,
  );
}

// Heap growth without any garbage collection in between would show every object made per pair.
const work = new Workload(path.join(oracle, 'golden', 'malta', 'scsi3.ops'));
for (let warm = 0; warm < 100; warm++) work.run();
const before = process.memoryUsage().heapUsed;
let pairs = 0;
const percpu = work.percpu;
for (; pairs < 1_000_000; pairs++) {
  const offset = percpu.alloc(4 + 4 * (pairs & 127), 8);
  percpu.free(percpu.lastChunk, offset);
}
const grown = process.memoryUsage().heapUsed - before;
console.log(`heap growth over ${pairs} pairs: ${grown} bytes (${(grown / pairs).toFixed(3)} per pair)`);
