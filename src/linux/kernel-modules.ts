// Names for the addresses of a running Linux kernel's modules: which are loaded is looked up when somebody asks, as they come and go.
import type { MipsCpu } from '../../emu/mips/cpu.js';
import {
  isModuleList,
  kallsymsOffset,
  listModules,
  moduleFunctions,
  type ModuleSymbol,
  type VirtualMemory,
} from './module-symbols.js';
import { LinuxPageTable } from './page-table.js';

const KSEG2 = 0xc000_0000;
const PHYSICAL = 0x1fff_ffff;
/** What is mapped is mapped by pages of at least this. */
const SMALLEST_PAGE = 0x1000;
/** The kernel's data ends less than this behind the start of its text. */
const MOST_IMAGE = 24 << 20;
/** The list is looked for again after so many instructions. */
const PATIENCE = 50e6;

/** Mapped memory as the kernel would reach it: by the TLB, else by its page table. */
class MappedMemory implements VirtualMemory {
  readonly #cpu: MipsCpu;
  readonly #root: number | undefined;
  #table: LinuxPageTable | undefined;

  constructor(cpu: MipsCpu, root: number | undefined) {
    this.#cpu = cpu;
    this.#root = root;
  }

  #physical(address: number): number | undefined {
    const physical = this.#cpu.physicalAddress(address) ?? this.#byTable(address);
    return physical !== undefined && physical < this.#cpu.ramBytes ? physical : undefined;
  }

  #byTable(address: number): number | undefined {
    try {
      this.#table ??= new LinuxPageTable(this.#cpu, this.#root);
    } catch {
      return undefined; // its refill handler is not there yet
    }
    const page = this.#table.page(address);
    return page?.valid ? page.physical + (address & (this.#table.pageSize - 1)) : undefined;
  }

  word(address: number): number | undefined {
    const physical = address % 4 === 0 ? this.#physical(address) : undefined;
    return physical === undefined ? undefined : this.#cpu.view.getUint32(physical, this.#cpu.littleEndian);
  }

  bytes(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const at = address + done;
      const count = Math.min(length - done, SMALLEST_PAGE - (at % SMALLEST_PAGE));
      const physical = at <= 0xffff_ffff ? this.#physical(at) : undefined;
      if (physical === undefined) return bytes.subarray(0, done);
      bytes.set(this.#cpu.ram.subarray(physical, physical + count), done);
      done += count;
    }
    return bytes;
  }
}

export class KernelModules {
  readonly #cpu: MipsCpu;
  readonly #memory: VirtualMemory;
  readonly #text: number;
  #head: number | undefined;
  #looked = -Infinity;
  /** Of `kallsyms` in a struct module. */
  #offset: number | undefined;
  /** Which modules, with which tables, the functions are those of. */
  #loaded = '';
  #functions: ModuleSymbol[] = [];

  /**
   * @param text where the kernel's own text starts, in kseg0 @param head address of `modules` where it is known: kernels without KALLSYMS_ALL do not tell
   * @param root address of swapper_pg_dir where it is known
   */
  constructor(cpu: MipsCpu, text: number, head: number | undefined, root: number | undefined) {
    this.#cpu = cpu;
    this.#text = text;
    this.#head = head;
    this.#memory = new MappedMemory(cpu, root);
  }

  /** The word at an address where modules are. */
  word(address: number): number | undefined {
    return address >= KSEG2 ? this.#memory.word(address) : undefined;
  }

  /** The function of a module that holds an address. */
  lookup(address: number): { name: string; start: number; end: number; module: string } | undefined {
    if (address < KSEG2) return undefined;
    this.#look();
    const functions = this.#functions;
    let [low, high] = [0, functions.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (functions[middle]!.address <= address) low = middle + 1;
      else high = middle;
    }
    const found = functions[low - 1];
    if (!found) return undefined;
    const next = functions[low]?.address ?? Infinity;
    const end = found.size > 0 ? found.address + found.size : next;
    return address < end ? { name: found.name, start: found.address, end, module: found.module } : undefined;
  }

  #look(): void {
    const head = (this.#head ??= this.#findHead());
    if (head === undefined) return;
    const modules = listModules(this.#memory, head).map(({ address, name }) => {
      this.#offset ??= kallsymsOffset(this.#memory, address);
      return { name, table: (this.#offset !== undefined && this.#memory.word(address + this.#offset)) || 0 };
    });
    const loaded = modules.map(({ name, table }) => `${name} ${table}`).join();
    if (loaded === this.#loaded) return;
    this.#loaded = loaded;
    this.#functions = modules
      .flatMap(({ name, table }) => moduleFunctions(this.#memory, name, table))
      .sort((a, b) => a.address - b.address);
  }

  /** The words of the kernel's data that head a list of modules: there is one such list. */
  #findHead(): number | undefined {
    const { view, littleEndian, ramBytes, instructions } = this.#cpu;
    if (instructions - this.#looked < PATIENCE) return undefined;
    this.#looked = instructions;
    const start = this.#text & PHYSICAL;
    const kseg0 = this.#text - start;
    for (let at = start & ~3; at + 4 <= Math.min(ramBytes, start + MOST_IMAGE); at += 4) {
      const word = view.getUint32(at, littleEndian);
      if (word >= KSEG2 && word % SMALLEST_PAGE !== 0 && isModuleList(this.#memory, kseg0 + at)) return kseg0 + at;
    }
    return undefined;
  }
}
