// Operation scripts (.ops): one operation per line, as docs/ops-format.md defines them. Reading and checking; runner.ts runs them.
import { GFP_ATOMIC, GFP_KERNEL, GFP_NOFS, GFP_NOIO, GFP_NOWAIT, __GFP_NOFAIL, __GFP_NOWARN } from '../gfp.js';
import { expandScript } from './expand.js';
import { ScriptError } from './script-error.js';

export { ScriptError } from './script-error.js';

/** NR_CPUS of the oracle. */
const MAX_CPUS = 64;
const MAX_ID = 1 << 24;

export type FaultKind = 'failpage' | 'failmap' | 'failvm' | 'failmem';
export type PlainKind =
  'async' | 'work' | 'runwork' | 'state' | 'brief' | 'digest' | 'stats' | 'verify' | 'nrpages' | 'meminfo' | 'purge';

/** The shape that `init` asks for. Sizes in bytes, addresses unsigned. */
export type InitShape =
  | { how: 'boot' }
  | { how: 'embed'; reserved: number; dyn: number; atom: number }
  | {
      how: 'setup';
      staticSize: number;
      reserved: number;
      dyn: number;
      unit: number;
      atom: number;
      alloc: number;
      base: bigint;
      groups: { baseOffset: number; cpuMap: number[] }[];
    };

export type ScriptCommand =
  | { kind: 'cfg'; key: string; values: bigint[] }
  | { kind: 'init'; shape: InitShape }
  | { kind: 'alloc'; id: number; size: bigint; align: bigint; gfp: number; reserved: boolean }
  | { kind: 'free'; id: number }
  | { kind: 'phys'; id: number; cpu: number }
  | { kind: 'echo'; on: boolean }
  | { kind: FaultKind; count: number }
  | { kind: PlainKind };

/** One operation. */
export interface ScriptOp {
  /** 1-based line in the script. */
  readonly line: number;
  /** The operation's words joined by one blank: what the output echoes. */
  readonly text: string;
  readonly command: ScriptCommand;
}

const PLAIN = new Set<string>(
  'async work runwork state brief digest stats verify nrpages meminfo purge'.split(' ') satisfies string[],
);
const FAULTS = new Set<string>(['failpage', 'failmap', 'failvm', 'failmem']);
const FLAGS: Readonly<Record<string, number>> = {
  atomic: GFP_ATOMIC,
  nowait: GFP_NOWAIT,
  noio: GFP_NOIO,
  nofs: GFP_NOFS,
};
/** Arguments of each cfg key: n = C number, h = hexadecimal; lower bound, then optional ones. */
const CFG: Readonly<Record<string, { types: string; needed: number }>> = {
  bits: { types: 'n', needed: 1 },
  page: { types: 'n', needed: 1 },
  cpus: { types: 'n', needed: 1 },
  node: { types: 'nn', needed: 2 },
  static: { types: 'hn', needed: 2 },
  vmalloc: { types: 'hh', needed: 2 },
  linear: { types: 'hn', needed: 1 },
  lazy: { types: 'n', needed: 1 },
  thiscpu: { types: 'n', needed: 1 },
};

/**
 * Reads a whole script and checks everything that can be known without running it.
 * @param name file name for messages
 * @throws ScriptError for the first bad line
 */
export function parseScript(text: string, name: string): ScriptOp[] {
  return [...scriptOps(text, name)];
}

/** The same, one after the other: loops may write out to many. */
export function* scriptOps(text: string, name: string): Generator<ScriptOp> {
  const idsInUse = new Set<number>();
  const idsSeen = new Set<number>();
  let initialised = false;
  let cpus = 2;
  for (const { line, words } of expandScript(text, name)) {
    const reader = new LineReader(name, line, words);
    const command = parseCommand(reader, words[0]!);
    switch (command.kind) {
      case 'cfg':
        if (initialised && command.key !== 'lazy' && command.key !== 'thiscpu') {
          reader.fail(`"cfg ${command.key}" after init`);
        }
        if (command.key === 'cpus') cpus = Number(command.values[0]);
        break;
      case 'init':
        if (initialised) reader.fail('second init');
        initialised = true;
        break;
      case 'echo':
        break;
      default:
        if (!initialised) reader.fail(`"${command.kind}" before init`);
    }
    if (command.kind === 'alloc') {
      if (idsInUse.has(command.id)) reader.fail(`id ${command.id} is in use`);
      idsInUse.add(command.id);
      idsSeen.add(command.id);
    } else if (command.kind === 'free') {
      if (!idsInUse.delete(command.id)) reader.fail(`free of id ${command.id}, which is not in use`);
    } else if (command.kind === 'phys') {
      if (!idsSeen.has(command.id)) reader.fail(`phys of id ${command.id}, which was never allocated`);
      if (command.cpu >= cpus) reader.fail(`CPU ${command.cpu} does not exist (cpus ${cpus})`);
    }
    yield { line, text: words.join(' '), command };
  }
}

function parseCommand(reader: LineReader, first: string): ScriptCommand {
  if (first === 'cfg') {
    const key = reader.word('a setting');
    const rule = CFG[key];
    if (rule === undefined) return reader.fail(`unknown setting "cfg ${key}"`);
    const values: bigint[] = [];
    for (const type of rule.types) {
      if (values.length >= rule.needed && reader.done) break;
      values.push(type === 'h' ? reader.hex('an address') : reader.number('a number'));
    }
    reader.end();
    const value = values[0]!;
    if (key === 'bits' && value !== 32n && value !== 64n) reader.fail(`bits is 32 or 64, not ${value}`);
    if (key === 'page' && (value < 4096n || value > 65536n || (value & (value - 1n)) !== 0n)) {
      reader.fail(`a page has 4096, 8192, 16384, 32768 or 65536 bytes, not ${value}`);
    }
    if (key === 'cpus' && (value < 1n || value > MAX_CPUS)) reader.fail(`cpus is 1 to ${MAX_CPUS}, not ${value}`);
    if ((key === 'node' || key === 'thiscpu') && (value < 0n || value >= MAX_CPUS)) {
      reader.fail(`CPU ${value} does not exist`);
    }
    return { kind: 'cfg', key, values };
  }
  if (first === 'init') {
    const shape = parseInit(reader);
    reader.end();
    return { kind: 'init', shape };
  }
  if (first === 'alloc') {
    const id = reader.id();
    const size = reader.number('a size');
    const align = reader.number('an alignment');
    let gfp = GFP_KERNEL;
    let reserved = false;
    while (!reader.done) {
      const flag = reader.word('a flag');
      if (flag === 'reserved') reserved = true;
      else if (flag === 'nowarn') gfp |= __GFP_NOWARN;
      else if (flag === 'nofail') gfp |= __GFP_NOFAIL;
      else if (FLAGS[flag] !== undefined) gfp = (gfp & ~GFP_KERNEL) | FLAGS[flag];
      else reader.fail(`unknown flag "${flag}"`);
    }
    return { kind: 'alloc', id, size, align, gfp, reserved };
  }
  if (first === 'free') {
    const id = reader.id();
    reader.end();
    return { kind: 'free', id };
  }
  if (first === 'phys') {
    const id = reader.id();
    const cpu = reader.small('a CPU');
    reader.end();
    return { kind: 'phys', id, cpu };
  }
  if (first === 'echo') {
    const word = reader.word('on or off');
    if (word !== 'on' && word !== 'off') reader.fail(`echo wants on or off, not "${word}"`);
    reader.end();
    return { kind: 'echo', on: word === 'on' };
  }
  if (FAULTS.has(first)) {
    const count = Number(reader.number('a count'));
    reader.end();
    return { kind: first as FaultKind, count };
  }
  if (PLAIN.has(first)) {
    reader.end();
    return { kind: first as PlainKind };
  }
  return reader.fail(`unknown operation "${first.length > 40 ? `${first.slice(0, 40)}...` : first}"`);
}

function parseInit(reader: LineReader): InitShape {
  const how = reader.word('boot, embed or setup');
  if (how === 'boot') return { how };
  if (how === 'embed') {
    return { how, reserved: reader.small('RESERVED'), dyn: reader.small('DYN'), atom: reader.small('ATOM') };
  }
  if (how !== 'setup') return reader.fail(`init wants boot, embed or setup, not "${how}"`);
  const shape = {
    how,
    staticSize: reader.small('STATIC'),
    reserved: reader.small('RESERVED'),
    dyn: reader.small('DYN'),
    unit: reader.small('UNIT'),
    atom: reader.small('ATOM'),
    alloc: reader.small('ALLOC'),
    base: reader.hex('BASE'),
    groups: [] as { baseOffset: number; cpuMap: number[] }[],
  } as const;
  const nrGroups = reader.small('NGROUPS');
  for (let group = 0; group < nrGroups; group++) {
    const nrUnits = reader.small('NUNITS');
    const baseOffset = Number(reader.hex('OFF'));
    const cpuMap: number[] = [];
    for (let unit = 0; unit < nrUnits; unit++) cpuMap.push(Number(reader.number('a CPU')));
    shape.groups.push({ baseOffset, cpuMap });
  }
  return shape;
}

/** The words of one line behind the first. */
class LineReader {
  readonly #name: string;
  readonly #line: number;
  readonly #words: readonly string[];
  #at = 1;

  constructor(name: string, line: number, words: readonly string[]) {
    this.#name = name;
    this.#line = line;
    this.#words = words;
  }

  get done(): boolean {
    return this.#at >= this.#words.length;
  }

  fail(what: string): never {
    throw new ScriptError(this.#name, this.#line, what);
  }

  word(what: string): string {
    const word = this.#words[this.#at];
    if (word === undefined) return this.fail(`"${this.#words.join(' ')}" lacks ${what}`);
    this.#at++;
    return word;
  }

  /** A number as C's strtol(..., 0) reads it: decimal, 0x hexadecimal, 0 octal. */
  number(what: string): bigint {
    const word = this.word(what);
    const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.exec(word);
    if (match === null) return this.fail(`"${word}" is not ${what}`);
    const digits = match[2]!;
    const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
    return match[1] === '-' ? -value : value;
  }

  hex(what: string): bigint {
    const word = this.word(what);
    if (!/^(0[xX])?[0-9a-fA-F]{1,16}$/.test(word)) return this.fail(`"${word}" is not ${what} (hexadecimal)`);
    return BigInt(/^0[xX]/.test(word) ? word : `0x${word}`);
  }

  /** A number from 0 to 2^31-1. */
  small(what: string): number {
    const value = this.number(what);
    if (value < 0n || value > 0x7fffffffn) return this.fail(`${value} is out of range for ${what}`);
    return Number(value);
  }

  id(): number {
    const id = this.small('an id');
    if (id >= MAX_ID) return this.fail(`id ${id} is too large (below ${MAX_ID})`);
    return id;
  }

  end(): void {
    if (!this.done) this.fail(`unexpected "${this.#words[this.#at]!}"`);
  }
}
