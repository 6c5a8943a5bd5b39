// Names for addresses of somebody's kernel: from its ELF file, a System.map, or the kallsyms in its own memory, whatever there is.
import type { SourceLines } from '../../emu/elf/line-table.js';
import type { SymbolTable } from '../../emu/elf/symbols.js';
import type { KernelMachine } from '../../emu/malta/kernel-machine.js';
import { UsageError } from '../errors.js';
import { readKallsyms } from './kallsyms.js';
import { KernelModules } from './kernel-modules.js';

export interface NamedRange {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** What it belongs to that was loaded into the kernel; undefined for the kernel itself. */
  readonly module?: string;
}

/** As a line of a System.map has it. */
interface NamedSymbol {
  readonly address: number;
  readonly name: string;
  readonly type: string;
}

/** Bytes of a call: the jump and its delay slot. */
export const CALL = 8;

/** What kernels have that load modules. */
const LOADS_MODULES = /^do_init_module$/;

/** A function reaches to the next symbol, but not further than this. */
const LARGEST_FUNCTION = 0x10_0000;

export class GuestNames {
  #sorted: NamedRange[] = [];
  #addresses = new Map<string, number>();
  #modules: KernelModules | undefined;

  /** @param source for messages @param symbols of any kind; those of text are what addresses are named by @param lines of its source */
  constructor(
    readonly source: string,
    symbols: Iterable<NamedSymbol>,
    readonly lines?: SourceLines,
  ) {
    const text = new Map<number, string>();
    for (const { address, name, type } of symbols) {
      if (!this.#addresses.has(name)) this.#addresses.set(name, address);
      if (/^[tTwW]$/.test(type) && !name.startsWith('$') && !text.has(address)) text.set(address, name);
    }
    const sorted = [...text].sort(([a], [b]) => a - b);
    sorted.forEach(([start, name], i) =>
      this.#sorted.push({ name, start, end: Math.min(sorted[i + 1]?.[0] ?? Infinity, start + LARGEST_FUNCTION) }),
    );
  }

  /** From the lines `address type name` of a System.map or /proc/kallsyms. @throws UsageError naming the first line that is none */
  static fromSystemMap(text: string, source: string, lines?: SourceLines): GuestNames {
    const symbols: NamedSymbol[] = [];
    text.split('\n').forEach((line, i) => {
      if (line.trim() === '') return;
      const match = /^([0-9a-f]{8,16}) ([a-zA-Z?]) (\S+)(?:\s+\[\S+\])?\s*$/.exec(line);
      if (!match) throw new UsageError(`${source}:${i + 1}: not a line of a System.map ("address type name" expected)`);
      symbols.push({ address: parseInt(match[1]!.slice(-8), 16), type: match[2]!, name: match[3]! });
    });
    return new GuestNames(source, symbols, lines);
  }

  /** The same for a kernel with modules of its own. */
  with(modules: KernelModules): GuestNames {
    const names = new GuestNames(this.source, [], this.lines);
    names.#sorted = this.#sorted;
    names.#addresses = this.#addresses;
    names.#modules = modules;
    return names;
  }

  /** Of the running kernel, where it has any. */
  get modules(): KernelModules | undefined {
    return this.#modules;
  }

  /** The function that holds an address. */
  lookup(address: number): NamedRange | undefined {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]!.start <= address) low = middle + 1;
      else high = middle;
    }
    const range = this.#sorted[low - 1];
    return range && address < range.end ? range : this.#modules?.lookup(address);
  }

  /** As the kernel prints %pS; plain `0x...` outside of all functions. */
  symbolize(address: number): string {
    return named(address, this.lookup(address));
  }

  /** The same of an address that a call returns to, by the function that calls: %pB. */
  symbolizeCall(address: number): string {
    return named(address, this.calling(address));
  }

  /** The function whose call returns to an address: where the call never returns, the next function may begin there. */
  calling(address: number): NamedRange | undefined {
    return this.lookup(address - CALL);
  }

  /** The same with the line of the source, where there is debug information: `pcpu_alloc+0x5e0/0xa68 (mm/percpu.c:1853)`. */
  place(address: number): string {
    return `${this.symbolize(address)}${this.#line(address)}`;
  }

  /** The same of an address that a call returns to: the line of the call. */
  callPlace(address: number): string {
    return `${this.symbolizeCall(address)}${this.#line(address - CALL)}`;
  }

  #line(instruction: number): string {
    const line = this.lines?.lookup(instruction);
    return line ? ` (${line.file}:${line.line})` : '';
  }

  /** Address of a symbol of any kind. */
  address(name: string): number | undefined {
    return this.#addresses.get(name);
  }

  /** Names of functions that match. */
  functions(pattern: RegExp): NamedRange[] {
    return this.#sorted.filter(({ name }) => pattern.test(name));
  }
}

function named(address: number, range: NamedRange | undefined): string {
  if (!range) return `0x${address.toString(16)}`;
  const at = `${range.name}+0x${(address - range.start).toString(16)}/0x${(range.end - range.start).toString(16)}`;
  return range.module === undefined ? at : `${at} [${range.module}]`;
}

const NONE = new GuestNames('', []);

/** The names of a machine's kernel, found when first asked for: a stripped kernel has them only once it runs. */
export class MachineNames {
  readonly #machine: KernelMachine;
  #fixed: GuestNames | undefined;
  #kallsyms: GuestNames | undefined;
  #looked = -Infinity;
  /** Text of the kernel where it stays. */
  #settled: number | undefined;

  /** @param systemMap what --system-map gave */
  constructor(machine: KernelMachine, systemMap?: GuestNames) {
    this.#machine = machine;
    this.#fixed = systemMap && this.#withModules(systemMap);
  }

  /** They come from a file: nothing has to be looked for. */
  get known(): boolean {
    return this.#fixed !== undefined || this.#machine.kernel.symbols !== undefined;
  }

  /** Looks into the guest's memory again at most once in so many instructions. */
  get current(): GuestNames {
    if (this.#fixed) return this.#fixed;
    const { symbols, source, lines } = this.#machine.kernel;
    if (symbols) return (this.#fixed = this.#withModules(new GuestNames(source, symbols.list().map(asNamed), lines)));
    if (this.#kallsyms) return this.#kallsyms;
    if (this.#machine.cpu.instructions - this.#looked >= 50e6) this.#look();
    return this.#kallsyms ?? NONE;
  }

  /** The kernel that runs now stays where it is: names found before are forgotten, and it is this one's that are looked for. */
  settle(): void {
    this.#settled = this.#machine.cpu.pc;
    this.#kallsyms = undefined;
    this.#looked = -Infinity;
  }

  #look(): void {
    const { cpu } = this.#machine;
    this.#looked = cpu.instructions;
    const found = readKallsyms(
      { ram: cpu.ram, view: cpu.view, littleEndian: cpu.littleEndian },
      this.#settled ?? cpu.pc,
    );
    if (found) this.#kallsyms = this.#withModules(new GuestNames('kallsyms of the running kernel', found));
  }

  #withModules(names: GuestNames): GuestNames {
    const [loader] = names.functions(LOADS_MODULES);
    if (!loader) return names;
    const text = names.address('_text') ?? names.address('_stext') ?? loader.start;
    const { cpu } = this.#machine;
    return names.with(new KernelModules(cpu, text, names.address('modules'), names.address('swapper_pg_dir')));
  }
}

type ListedSymbol = ReturnType<SymbolTable['list']>[number];

const asNamed = ({ name, value, isFunction, isText }: ListedSymbol): NamedSymbol => ({
  name,
  address: value,
  type: isFunction || isText ? 'T' : 'D',
});
