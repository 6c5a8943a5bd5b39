// Names for addresses, as the kernel's kallsyms and %pS give them, and addresses for names.
import { UsageError } from '../errors.js';
import type { ElfImage, ElfSymbol } from './elf.js';

interface Range {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The symbols of one image. */
export class SymbolTable {
  readonly #source: string;
  readonly #all: readonly ElfSymbol[];
  readonly #bounds: readonly [start: number, end: number];
  readonly #values = new Map<string, number>();
  /** Text symbols by address, one per address; each reaches to the next one, as kallsyms sizes them. */
  readonly #text: Range[] = [];

  /** @param source named in error messages: the image's file */
  constructor(image: ElfImage, source: string) {
    this.#source = source;
    for (const symbol of image.symbols)
      if (symbol.isGlobal || !this.#values.has(symbol.name)) this.#values.set(symbol.name, symbol.value);
    // A kernel that is not Linux may have other names for the bounds of its text, or none.
    const ends = image.segments.map(({ address, bytes }) => address + bytes.length);
    const start = this.#values.get('_stext') ?? Math.min(...image.segments.map(({ address }) => address));
    const end = this.#values.get('_etext') ?? Math.max(...ends);
    this.#bounds = [start, end];
    this.#all = image.symbols;
    const named = new Map<number, ElfSymbol>();
    for (const symbol of image.symbols) {
      if (symbol.isAbsolute || symbol.value < start || symbol.value >= end) continue;
      if (symbol.name === '_stext' || symbol.name.startsWith('$')) continue;
      const other = named.get(symbol.value);
      if (!other || preferred(symbol, other)) named.set(symbol.value, symbol);
    }
    const sorted = [...named.values()].sort((a, b) => a.value - b.value);
    sorted.forEach(({ name, value }, i) =>
      this.#text.push({ name, start: value, end: i + 1 < sorted.length ? sorted[i + 1].value : end }),
    );
  }

  /** Value of the symbol `name`. @throws UsageError when the image has none */
  address(name: string): number {
    const value = this.#values.get(name);
    if (value === undefined) throw new UsageError(`${this.#source}: the guest image has no symbol '${name}'`);
    return value;
  }

  /** All symbols; `isText`: within the text's bounds, as a function or label. */
  list(): (ElfSymbol & { isText: boolean })[] {
    const [start, end] = this.#bounds;
    return this.#all.map((symbol) => ({
      ...symbol,
      isText: !symbol.isAbsolute && symbol.value >= start && symbol.value < end,
    }));
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Byte offset of `member` in `struct tag`, exported by the guest with EXPORT_OFFSET. @throws UsageError */
  offset(tag: string, member: string): number {
    return this.address(`offset:${tag}.${member}`);
  }

  /** Size in bytes of `struct tag`, exported by the guest with EXPORT_SIZE. @throws UsageError */
  size(tag: string): number {
    return this.address(`size:${tag}`);
  }

  /** The function that holds `address`, with its bounds; undefined outside the image's text. */
  lookup(address: number): Range | undefined {
    let low = 0;
    let high = this.#text.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#text[middle].start <= address) low = middle + 1;
      else high = middle;
    }
    const range = this.#text[low - 1];
    return range && address < range.end ? range : undefined;
  }

  /** `address` as the kernel prints %pS: `name+0xoffset/0xsize`, or plain `0x...` outside the text. */
  symbolize(address: number): string {
    const range = this.lookup(address);
    if (!range) return `0x${address.toString(16)}`;
    return `${range.name}+0x${(address - range.start).toString(16)}/0x${(range.end - range.start).toString(16)}`;
  }
}

/** Of two symbols at one address: functions before labels, global before local, then by name. */
function preferred(a: ElfSymbol, b: ElfSymbol): boolean {
  if (a.isFunction !== b.isFunction) return a.isFunction;
  if (a.isGlobal !== b.isGlobal) return a.isGlobal;
  return a.name < b.name;
}
