// The symbols of a running Linux kernel's modules, out of its memory: each struct module (include/linux/module.h) points to a symbol table that
// the loader has already given its addresses (kernel/module/kallsyms.c). Its fields lie where the configuration puts them, so they are found by what
// they must hold; the first ones (state, list, name) have stood in this order since 2.6.

/** The guest's memory by virtual address; undefined where nothing is mapped. */
export interface VirtualMemory {
  word(address: number): number | undefined;
  /** Up to `length` bytes, fewer where the mapping ends. */
  bytes(address: number, length: number): Uint8Array;
}

export interface ModuleSymbol {
  readonly address: number;
  readonly name: string;
  readonly module: string;
  /** Bytes; 0 where the table does not say. */
  readonly size: number;
}

const WORD = 4;
const KSEG2 = 0xc000_0000;
/** struct module: enum module_state, struct list_head { next, prev }, char name[64 - sizeof(long)]. */
const LIST = 4;
const NAME = 12;
const NAME_BYTES = 60;
/** LIVE, COMING, GOING, UNFORMED. */
const STATES = 4;
/** struct module is not larger; what is looked for in it stands in its first half. */
const MOST_MODULE = 2048;
const MOST_MODULES = 1000;
const MOST_SYMBOLS = 200_000;
/** Elf32_Sym: st_name, st_value, st_size, st_info, st_other, st_shndx. */
const SYMBOL_BYTES = 16;
const MOST_NAME = 512;

/** struct mod_kallsyms: symtab, num_symtab, strtab, typetab. */
interface SymbolTable {
  readonly symtab: number;
  readonly count: number;
  readonly strtab: number;
  readonly typetab: number;
}

const isModuleName = (name: string): boolean => /^[a-zA-Z0-9_]+$/.test(name);

function text(memory: VirtualMemory, address: number, length: number): string | undefined {
  const bytes = memory.bytes(address, length);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : String.fromCharCode(...bytes.subarray(0, end));
}

/** The name of the module that starts there; undefined where none does. */
function moduleName(memory: VirtualMemory, module: number): string | undefined {
  const state = memory.word(module);
  if (state === undefined || state >= STATES) return undefined;
  const name = text(memory, module + NAME, NAME_BYTES);
  return name !== undefined && isModuleName(name) ? name : undefined;
}

/** A list_head whose first entry is a module that points back to it. */
export function isModuleList(memory: VirtualMemory, head: number): boolean {
  const first = memory.word(head);
  if (first === undefined || first < KSEG2 || first % WORD !== 0) return false;
  return memory.word(first + WORD) === head && moduleName(memory, first - LIST) !== undefined;
}

/** The modules of a list, the last loaded first. @param head address of `modules` */
export function listModules(memory: VirtualMemory, head: number): { address: number; name: string }[] {
  const found: { address: number; name: string }[] = [];
  for (
    let at = memory.word(head);
    at !== undefined && at !== head && found.length < MOST_MODULES;
    at = memory.word(at)
  ) {
    const name = moduleName(memory, at - LIST);
    if (name === undefined) break;
    found.push({ address: at - LIST, name });
  }
  return found;
}

function tableAt(memory: VirtualMemory, address: number): SymbolTable | undefined {
  const [symtab, count, strtab, typetab] = [0, 1, 2, 3].map((i) => memory.word(address + WORD * i));
  if (symtab === undefined || count === undefined || strtab === undefined || typetab === undefined) return undefined;
  if (symtab < KSEG2 || strtab < KSEG2 || typetab < KSEG2 || count < 2 || count > MOST_SYMBOLS) return undefined;
  // the first symbol of a table is the empty one, with the empty name
  const first = memory.bytes(symtab, SYMBOL_BYTES);
  if (first.length < SYMBOL_BYTES || memory.bytes(strtab, 1)[0] !== 0) return undefined;
  return first.subarray(WORD, WORD + 8).every((byte) => byte === 0) ? { symtab, count, strtab, typetab } : undefined;
}

/**
 * Where in a struct module `kallsyms` stands, which points to the table that is in use; behind it stands `core_kallsyms`, what stays of that once the
 * module is initialised. The same in all modules of a kernel. Undefined for a module that is not loaded yet.
 */
export function kallsymsOffset(memory: VirtualMemory, module: number): number | undefined {
  for (let offset = NAME + NAME_BYTES; offset < MOST_MODULE; offset += WORD) {
    const pointer = memory.word(module + offset);
    if (pointer === undefined) return undefined;
    if (pointer < KSEG2 || pointer % WORD !== 0) continue;
    const core = module + offset + WORD;
    if (tableAt(memory, pointer) && tableAt(memory, core)) return offset;
  }
  return undefined;
}

/** The functions of a module, of its initialisation too as long as they are there. @param address of the table */
export function moduleFunctions(memory: VirtualMemory, module: string, address: number): ModuleSymbol[] {
  const table = tableAt(memory, address);
  if (!table) return [];
  const { symtab, count, strtab, typetab } = table;
  const types = memory.bytes(typetab, count);
  const found: ModuleSymbol[] = [];
  for (let i = 1; i < types.length; i++) {
    if (!/[tTwW]/.test(String.fromCharCode(types[i]!))) continue;
    const at = symtab + SYMBOL_BYTES * i;
    const [offset, value, size] = [0, 1, 2].map((field) => memory.word(at + WORD * field));
    if (offset === undefined || value === undefined || size === undefined || value < KSEG2) continue;
    const name = text(memory, strtab + offset, MOST_NAME);
    if (name !== undefined && /^[\x21-\x7e]+$/.test(name)) found.push({ address: value, name, module, size });
  }
  return found;
}
