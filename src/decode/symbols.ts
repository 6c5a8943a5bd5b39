// Names for the raw addresses of a console whose kernel had no kallsyms: from the kernel's ELF file or its System.map.
import { ElfReader } from '../../emu/elf/elf.js';
import { UsageError } from '../errors.js';

/** System V ABI, MIPS supplement. */
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];
const ELFCLASS32 = 1;
const ELFDATA2MSB = 2;
const EM_MIPS = 8;

interface Symbol {
  readonly address: number;
  readonly name: string;
}

/** A function reaches to the next symbol, but not further than this: beyond it the address is in no function of the kernel. */
const LARGEST_FUNCTION = 0x10_0000;

/** The text symbols of one kernel. */
export class KernelSymbols {
  readonly #sorted: readonly Symbol[];

  private constructor(symbols: Symbol[], source: string) {
    if (symbols.length === 0) throw new UsageError(`${source}: no text symbols in it`);
    const byAddress = new Map<number, string>();
    for (const { address, name } of symbols) {
      const other = byAddress.get(address);
      // Of aliases take the one that is least of an internal name: fewest underscores in front, then alphabetically.
      if (other === undefined || rank(name) < rank(other) || (rank(name) === rank(other) && name < other))
        byAddress.set(address, name);
    }
    this.#sorted = [...byAddress].map(([address, name]) => ({ address, name })).sort((a, b) => a.address - b.address);
  }

  /** From a 32-bit MIPS kernel of either byte order. @throws UsageError when it is something else or has no symbols */
  static fromElf(bytes: Uint8Array, source: string): KernelSymbols {
    const bad = (what: string) => new UsageError(`${source}: not a usable vmlinux: ${what}`);
    if (bytes.length < 52 || !ELF_MAGIC.every((byte, i) => bytes[i] === byte)) throw bad('no ELF header');
    const reader = new ElfReader(bytes, bytes[5] === ELFDATA2MSB);
    if (bytes[4] !== ELFCLASS32 || reader.machine !== EM_MIPS) throw bad('not a 32-bit MIPS executable');
    let symbols;
    try {
      symbols = reader.symbols();
    } catch (error) {
      if (error instanceof RangeError) throw bad('the file is cut short or damaged');
      throw error;
    }
    const text = symbols.filter(
      ({ isFunction, isAbsolute, name }) => isFunction && !isAbsolute && !name.startsWith('$'),
    );
    return new KernelSymbols(
      text.map(({ value, name }) => ({ address: value, name })),
      source,
    );
  }

  /** From the lines `address type name` of a System.map or of /proc/kallsyms. @throws UsageError naming the first line that is none */
  static fromSystemMap(text: string, source: string): KernelSymbols {
    const symbols: Symbol[] = [];
    text.split('\n').forEach((line, i) => {
      if (line.trim() === '') return;
      const match = /^([0-9a-f]{8,16}) ([a-zA-Z?]) (\S+)(?:\s+\[\S+\])?\s*$/.exec(line);
      if (match === null)
        throw new UsageError(`${source}:${i + 1}: not a line of a System.map ("address type name" expected)`);
      // A 32-bit kernel's map may show sign-extended addresses.
      if (/^[tTwW]$/.test(match[2])) symbols.push({ address: parseInt(match[1].slice(-8), 16), name: match[3] });
    });
    return new KernelSymbols(symbols, source);
  }

  /** `name+0xoffset/0xsize` as the kernel's %pS prints it; undefined when the address lies in no function. */
  symbolize(address: string): string | undefined {
    const value = parseInt(address.slice(-8), 16);
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle].address <= value) low = middle + 1;
      else high = middle;
    }
    const symbol = this.#sorted[low - 1];
    if (symbol === undefined) return undefined;
    const offset = value - symbol.address;
    const next = this.#sorted[low]?.address;
    const size = next === undefined ? LARGEST_FUNCTION : next - symbol.address;
    if (offset >= Math.min(size, LARGEST_FUNCTION)) return undefined;
    return `${symbol.name}+0x${offset.toString(16)}/0x${(next === undefined ? offset : size).toString(16)}`;
  }
}

function rank(name: string): number {
  return /^_*/.exec(name)![0].length;
}
