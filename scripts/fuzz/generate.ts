// Random operation scripts: the workload families of the oracle's own generator and wilder ones, over random geometries.
import type { Random } from '../../src/random.js';

/** A script and what it is made for. */
export interface FuzzScript {
  readonly bits: 32 | 64;
  readonly pageSize: 4096 | 16384;
  readonly lines: string[];
}

const SIZES = [4, 8, 8, 16, 16, 20, 24, 32, 40, 48, 64, 96, 104, 192, 640];
const BIG = [4096, 8192, 4100, 4092, 12288, 16384, 20000, 32768, 32760, 6000, 10000, 12292, 64];

class Writer {
  readonly lines: string[] = [];
  readonly live: number[] = [];
  readonly #spare: number[] = [];
  #nextId = 0;
  readonly random: Random;
  readonly cpus: number;
  readonly pageSize: number;
  /** percpu_stats_show() sizes its buffer without the reserved chunk and can write behind it: the C code dies of that. */
  mayShowStats = true;
  /** Chance of a work op, and of a look at the state, after an operation. */
  readonly #work: number;
  readonly #look: number;

  constructor(random: Random, cpus: number, pageSize: number) {
    this.random = random;
    this.cpus = cpus;
    this.pageSize = pageSize;
    this.#work = this.pick([0, 0.01, 0.05, 0.3, 1]);
    this.#look = this.pick([0.01, 0.03, 0.1, 0.5]);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.random.below(choices.length)]!;
  }

  chance(probability: number): boolean {
    return this.random.unit() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random.below(high - low + 1);
  }

  raw(line: string): void {
    this.lines.push(line);
  }

  #tick(): void {
    if (this.chance(this.#work)) this.raw(this.chance(0.9) ? 'work' : 'runwork');
    if (this.chance(this.#look)) {
      const looks = ['digest', 'digest', 'digest', 'brief', 'state', 'nrpages'];
      this.raw(this.pick(this.mayShowStats ? [...looks, 'stats'] : looks));
    }
    if (this.live.length > 0 && this.chance(0.01))
      this.raw(`phys ${this.pick(this.live)} ${this.random.below(this.cpus)}`);
    if (this.chance(0.002)) this.raw('purge');
  }

  alloc(size: number, align: number, flags = ''): number {
    const id = this.#spare.pop() ?? this.#nextId++;
    this.live.push(id);
    this.raw(`alloc ${id} ${size} ${align}${flags === '' ? '' : ` ${flags}`}`);
    this.#tick();
    return id;
  }

  /** Frees the live id at `index`. */
  freeAt(index: number): void {
    const id = this.live[index]!;
    this.live[index] = this.live.at(-1)!;
    this.live.pop();
    this.#spare.push(id);
    this.raw(`free ${id}`);
    this.#tick();
  }

  freeId(id: number): void {
    const index = this.live.indexOf(id);
    if (index >= 0) this.freeAt(index);
  }

  freeAny(): void {
    if (this.live.length > 0) this.freeAt(this.random.below(this.live.length));
  }

  size(): number {
    const kind = this.random.unit();
    if (kind < 0.45) return this.pick(SIZES);
    if (kind < 0.75) return this.between(1, 512) * 4;
    if (kind < 0.97) return this.between(1, 2048);
    return this.between(1, 32768);
  }

  align(): number {
    return this.pick([4, 4, 8, 8, 8, 16, 32, 64, 128, 256, 1024]);
  }
}

type Family = (w: Writer, operations: number) => void;

function times(w: Writer, operations: number, step: () => void): void {
  const end = w.lines.length + operations;
  while (w.lines.length < end) step();
}

function shuffled(w: Writer, ids: number[]): number[] {
  const order = w.pick(['random', 'fifo', 'lifo', 'stride', 'blocks']);
  if (order === 'lifo') return ids.reverse();
  if (order === 'stride') return [0, 1, 2, 3, 4, 5, 6].flatMap((k) => ids.filter((_, index) => index % 7 === k));
  if (order === 'random') {
    for (let index = ids.length - 1; index > 0; index--) {
      const other = w.random.below(index + 1);
      [ids[index], ids[other]] = [ids[other]!, ids[index]!];
    }
  }
  if (order === 'blocks') {
    const at = w.random.below(ids.length + 1);
    return [...ids.slice(at), ...ids.slice(0, at)];
  }
  return ids;
}

const FAMILIES: readonly Family[] = [
  function random(w, n) {
    const target = w.pick([50, 200, 700]);
    times(w, n, () => {
      if (w.live.length > 0 && w.chance(w.live.length > target ? 0.6 : 0.35)) w.freeAny();
      else w.alloc(w.size(), w.align());
    });
  },
  function churn(w, n) {
    const high = w.pick([60, 300, 900]);
    times(w, n, () => {
      while (w.live.length < high) w.alloc(w.chance(0.7) ? w.pick(SIZES) : w.size(), w.align());
      const keep = w.random.below(high / 4);
      for (const id of shuffled(w, [...w.live]).slice(keep)) w.freeId(id);
    });
  },
  function scsi(w, n) {
    const waiting: number[][] = [];
    const window = w.pick([1, 8, 100, 400]);
    times(w, n, () => {
      const ids = [w.alloc(4, 4), w.alloc(640, 8), w.alloc(192, 64), w.alloc(4, 4)];
      if (w.chance(0.8)) {
        w.freeId(ids[2]!);
        w.freeId(ids[3]!);
      }
      waiting.push(ids.slice(0, 2));
      if (waiting.length < window) return;
      const batch = w.chance(0.3) ? waiting.length : 1;
      for (const gone of waiting.splice(0, batch)) for (const id of gone) w.freeId(id);
    });
  },
  function frag(w, n) {
    const small = w.pick([8, 64, 1000, 2044]);
    const big = small + w.pick([4, 36, 2000]);
    times(w, n, () => {
      const ids = Array.from({ length: w.between(20, 300) }, () => w.alloc(small, 4));
      ids.forEach((id, index) => index % 2 === 0 && w.freeId(id));
      for (let k = 0; k < ids.length / 8; k++) w.alloc(big + 4 * (k % 5), w.pick([4, 64, 512, w.pageSize]));
      for (const id of shuffled(w, [...w.live]).slice(w.live.length >> 2)) w.freeId(id);
    });
  },
  function reserved(w, n) {
    times(w, n, () => {
      if (w.chance(0.42)) w.freeAny();
      else
        w.alloc(
          w.pick([4, 8, 64, 100, 256, 900, 2000]),
          w.pick([4, 8, 64, 16, w.pageSize]),
          w.chance(0.7) ? 'reserved' : '',
        );
    });
  },
  function atomic(w, n) {
    const big = w.pick([0, 0.05, 0.3]);
    times(w, n, () => {
      if (w.chance(w.live.length > 600 ? 0.6 : 0.4)) w.freeAny();
      else {
        const size = w.chance(big) ? w.between(1000, 16000) : w.size();
        w.alloc(
          size,
          w.align(),
          w.pick(['atomic', 'nowait', 'atomic nowarn', 'noio', 'nofs', 'nofail', '', 'atomic reserved']),
        );
      }
    });
  },
  function illegal(w, n) {
    times(w, n, () => {
      if (w.chance(0.4)) w.freeAny();
      else {
        const size = w.pick([0, 1, 2, 3, 5, 32765, 32767, 32768, 32769, 40000, 65536, 1 << 20, 4294967295, w.size()]);
        const align = w.pick([0, 1, 2, 3, 5, 6, 12, 24, 100, 4095, 4096, 8192, 16384, 32768, 8]);
        w.alloc(size, align, w.pick(['', '', 'nowarn', 'atomic']));
      }
    });
  },
  function big(w, n) {
    const target = w.pick([10, 40, 150]);
    times(w, n, () => {
      if (w.chance(w.live.length >= target ? 0.9 : 0.35)) w.freeAny();
      else w.alloc(w.pick(BIG), w.pick([4, 8, 64, 1024, 2048, w.pageSize]));
    });
  },
  function reclaim(w, n) {
    const per = w.pick([60, 200, 500]);
    times(w, n, () => {
      const ids = Array.from({ length: per }, () =>
        w.alloc(w.pick([512, 1024, 2048, 256, 4096, 640]), w.pick([8, 64, 256])),
      );
      for (let at = 0; at < ids.length; at += 16) {
        if (w.chance(0.7)) for (const id of ids.slice(at, at + w.pick([8, 12, 15, 16]))) w.freeId(id);
      }
      if (w.chance(0.6)) w.raw('work');
      for (let k = 0; k < per / 3; k++) w.alloc(w.pick([64, 128, 300, 8, 3000]), 8, w.chance(0.15) ? 'atomic' : '');
      for (const id of shuffled(w, [...w.live]).slice(w.live.length / 3)) w.freeId(id);
    });
  },
  function fault(w, n) {
    times(w, n, () => {
      const kind = w.random.unit();
      if (kind < 0.02) w.raw(`failpage ${w.pick([0, 1, 2, 3, 5, 9, 17, 40])}`);
      else if (kind < 0.06) w.raw('failpage -1');
      else if (kind < 0.08) w.raw(`failmap ${w.between(0, 9)}`);
      else if (kind < 0.09) w.raw(`failvm ${w.between(0, 2)}`);
      else if (kind < 0.1) w.raw(`failmem ${w.between(0, 5)}`);
      if (w.live.length > 0 && w.chance(w.live.length < 250 ? 0.35 : 0.7)) w.freeAny();
      else w.alloc(Math.min(w.size() * w.pick([1, 1, 1, 4]), 32768), w.align(), w.chance(0.12) ? 'atomic' : '');
    });
    for (const fault of ['failpage -1', 'failmap -1', 'failvm -1', 'failmem -1']) w.raw(fault);
  },
  function tiny(w, n) {
    times(w, n, () => {
      if (w.chance(0.48)) w.freeAny();
      else
        w.alloc(
          w.pick([4, 8, 12, 64, 100, 400, 1000, 2000, 4096, 5000, 9000]),
          w.pick([4, 8, 16, 64, 512, w.pageSize]),
        );
    });
  },
];

/** The geometry lines: cfg and init. */
function geometry(w: Writer, bits: 32 | 64, cpus: number): string[] {
  const page = w.pageSize;
  const wide = bits === 64;
  const lines = [`cfg bits ${bits}`, `cfg cpus ${cpus}`];
  const staticSize = w.chance(0.5) ? w.between(1, 60) * 4096 : w.between(1000, 250000);
  lines.push(`cfg static ${wide ? '0' : '80c40000'} ${staticSize}`);
  const linear = wide ? 0xffff888237c00000n : 0x81000000n;
  const vmallocEnd = wide ? 0xffffe8ffffffffffn : 0xfff94000n;
  // Now and then so little address space that areas run out.
  const span = w.chance(0.15) ? BigInt(w.between(1, 24)) << 20n : wide ? 0x1fffffffffffn : 0x3ff94000n;
  lines.push(`cfg vmalloc ${(vmallocEnd - span).toString(16)} ${vmallocEnd.toString(16)}`);
  if (w.chance(0.3)) lines.push(`cfg lazy ${w.pick([0, 16, 64, 300, 2048])}`);
  if (w.chance(0.2)) lines.push(`cfg thiscpu ${w.random.below(cpus)}`);

  const how = w.random.unit();
  if (how < 0.35) return [...lines, `cfg linear ${linear.toString(16)}`, 'init boot'];
  if (how < 0.75) {
    const atom = w.pick([page, page, page * 2, 65536, 1 << 21]);
    if (cpus > 1 && w.chance(0.4)) {
      const nodes = w.between(1, 3);
      for (let cpu = 0; cpu < cpus; cpu++) lines.push(`cfg node ${cpu} ${w.random.below(nodes)}`);
      lines.push(`cfg linear ${linear.toString(16)} ${w.pick(['0', '0x100000', '0x2000000'])}`);
    } else lines.push(`cfg linear ${linear.toString(16)}`);
    const reserved = w.pick([0, 0, 4096, 8192, 100, 20000]) & ~3;
    return [...lines, `init embed ${reserved} ${w.pick([0, 12288, 20480, 28672, 40000])} ${atom}`];
  }
  // An explicit set-up: units in groups, some of them unused, CPUs in any order.
  const atom = w.pick([page, page * 2]);
  const reserved = w.pick([0, 0, 4096, 5000]) & ~3;
  const dyn = w.pick([12288, 20480, 30002]);
  const need = staticSize + reserved + dyn;
  let unit = Math.ceil(Math.max(need, 32768) / page) * page;
  if (w.chance(0.5)) unit += page * w.between(0, 5);
  const upa = w.pick([1, 1, 2]);
  while ((unit * upa) % atom !== 0) unit += page;
  const nrGroups = Math.min(cpus, w.pick([1, 1, 2, 3]));
  const order = Array.from({ length: cpus }, (_, cpu) => cpu);
  if (w.chance(0.5)) order.reverse();
  let text = '';
  let offset = 0;
  for (let group = 0; group < nrGroups; group++) {
    const mine = order.splice(0, group === nrGroups - 1 ? order.length : Math.max(1, Math.floor(cpus / nrGroups)));
    while (mine.length % upa !== 0 || (w.chance(0.2) && mine.length < 12))
      mine.splice(w.random.below(mine.length + 1), 0, -1);
    while (mine.length % upa !== 0) mine.push(-1);
    text += ` ${mine.length} ${offset.toString(16)} ${mine.join(' ')}`;
    offset += Math.ceil((mine.length * unit) / atom) * atom + atom * w.between(0, 3);
  }
  const base = linear.toString(16);
  return [
    ...lines,
    `cfg linear ${base}`,
    `init setup ${staticSize} ${reserved} ${dyn} ${unit} ${atom} ${unit * upa} ${base} ${nrGroups}${text}`,
  ];
}

/** A random script. The same generator state gives the same script. */
export function generateScript(random: Random): FuzzScript {
  const bits = random.below(2) === 0 ? 32 : 64;
  const pageSize = random.below(3) === 0 ? 16384 : 4096;
  const cpus = [1, 1, 2, 2, 4, 6, 8, 16][random.below(8)]!;
  const w = new Writer(random, cpus, pageSize);
  for (const line of geometry(w, bits, cpus)) w.raw(line);
  w.mayShowStats = !/^init (boot|embed [1-9]|setup \d+ [1-9])/.test(w.lines.at(-1)!);
  const lateAsync = w.chance(0.15);
  if (!lateAsync) w.raw('async');
  const phases = w.between(1, 4);
  for (let phase = 0; phase < phases; phase++) {
    w.pick(FAMILIES)(w, w.pick([60, 300, 1000, 3000]));
    if (lateAsync && phase === 0) w.raw('async');
  }
  if (w.chance(0.7)) {
    for (const id of shuffled(w, [...w.live])) w.freeId(id);
    w.lines.push('state', 'runwork', 'state', 'runwork', 'nrpages');
    if (w.mayShowStats) w.raw('stats');
  }
  w.lines.push('state');
  return { bits, pageSize, lines: w.lines };
}
