import { beforeEach, describe, expect, it } from 'vitest';
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { GuestNames } from './guest-names.js';
import { KernelModules } from './kernel-modules.js';

const KSEG2 = 0xc000_0000;
const TEXT = 0x8010_0000;
const HEAD = 0x8018_0010;
/** Where mapped memory lies in RAM. */
const MAPPED = 0x20_0000;
const MODULE = KSEG2 + 0x5040;
const [KALLSYMS, INIT_TABLE] = [0x120, KSEG2 + 0x9000];
const [PROBE, EXIT, INIT] = [KSEG2 + 0x1000, KSEG2 + 0x1200, KSEG2 + 0x8000];

interface Made {
  address: number;
  name: string;
  type: string;
  size: number;
}
const CORE: Made[] = [
  { address: PROBE, name: 'probe_one', type: 't', size: 0x200 },
  { address: EXIT, name: 'cleanup_module', type: 'T', size: 0x40 },
  { address: KSEG2 + 0x4000, name: 'host_template', type: 'd', size: 0x80 },
];

/** A kernel's memory: its data in kseg0, one struct module and symbol tables in kseg2. */
class Memory {
  readonly ram = new Uint8Array(0x40_0000);
  readonly view = new DataView(this.ram.buffer);
  readonly littleEndian = true;
  readonly ramBytes = this.ram.length;
  instructions = 0;

  physicalAddress(virtual: number): number | undefined {
    if (virtual >>> 30 === 2) return virtual & 0x1fff_ffff;
    const offset = virtual - KSEG2;
    return offset >= 0 && offset < 0x10_0000 ? MAPPED + offset : undefined;
  }

  put(address: number, ...words: number[]): void {
    words.forEach((word, i) => this.view.setUint32(this.physicalAddress(address + 4 * i)!, word, true));
  }

  text(address: number, text: string): void {
    this.ram.set(Buffer.from(`${text}\0`), this.physicalAddress(address));
  }

  /** A struct mod_kallsyms, and what it points to behind it. @returns its words */
  table(at: number, symbols: readonly Made[]): [number, number, number, number] {
    const [symtab, strtab, typetab] = [at + 0x100, at + 0x400, at + 0x800];
    this.put(symtab, 0, 0, 0, 0);
    let offset = 1;
    symbols.forEach(({ address, name, type, size }, i) => {
      this.put(symtab + 16 * (i + 1), offset, address, size, 0);
      this.text(strtab + offset, name);
      this.text(typetab + i + 1, type);
      offset += name.length + 1;
    });
    const words = [symtab, symbols.length + 1, strtab, typetab] as const;
    return [...words];
  }

  load(): void {
    this.put(HEAD, MODULE + 4, MODULE + 4);
    this.put(MODULE, 0, HEAD, HEAD);
    this.text(MODULE + 12, 'megaraid_sas');
    const core = this.table(KSEG2 + 0x6000, CORE);
    const all = this.table(INIT_TABLE, [...CORE, { address: INIT, name: 'init_module', type: 't', size: 0x100 }]);
    this.put(INIT_TABLE, ...all);
    this.put(MODULE + KALLSYMS, INIT_TABLE, ...core);
  }
}

describe("a running kernel's modules", () => {
  let memory: Memory;
  let names: GuestNames;
  const namesWith = (head?: number): GuestNames => {
    const modules = new KernelModules(memory as unknown as MipsCpu, TEXT, head, undefined);
    return GuestNames.fromSystemMap('80100000 T start\n80100040 T do_init_module\n', 'map').with(modules);
  };
  beforeEach(() => {
    memory = new Memory();
    names = namesWith();
  });

  it.each([undefined, HEAD])('name their functions as the kernel prints them (address of the list: %s)', (head) => {
    names = namesWith(head);
    memory.load();
    expect(names.symbolize(PROBE + 0x1c)).toBe('probe_one+0x1c/0x200 [megaraid_sas]');
    expect(names.symbolize(EXIT + 4)).toBe('cleanup_module+0x4/0x40 [megaraid_sas]');
    expect(names.symbolize(TEXT + 4)).toBe('start+0x4/0x40');
  });

  it('have no names for their data, and none behind their functions', () => {
    memory.load();
    expect(names.symbolize(KSEG2 + 0x4000)).toBe('0xc0004000');
    expect(names.symbolize(EXIT + 0x40)).toBe('0xc0001240');
  });

  it('are read again when they are initialised and when they are gone', () => {
    memory.load();
    expect(names.symbolize(INIT)).toBe('init_module+0x0/0x100 [megaraid_sas]');
    memory.put(MODULE + KALLSYMS, MODULE + KALLSYMS + 4);
    expect(names.symbolize(INIT)).toBe('0xc0008000');
    expect(names.symbolize(PROBE)).toBe('probe_one+0x0/0x200 [megaraid_sas]');
    memory.put(HEAD, HEAD, HEAD);
    expect(names.symbolize(PROBE)).toBe('0xc0001000');
  });

  it('are looked for again when there were none at first', () => {
    expect(names.symbolize(PROBE)).toBe('0xc0001000');
    memory.load();
    memory.instructions = 1e9;
    expect(names.symbolize(PROBE)).toBe('probe_one+0x0/0x200 [megaraid_sas]');
  });

  it('that are half written, or no modules at all, have no names', () => {
    memory.load();
    memory.put(MODULE + KALLSYMS, 0, 0, 0, 0, 0);
    expect(names.symbolize(PROBE)).toBe('0xc0001000');
    memory.put(MODULE, 77); // no module_state
    memory.instructions = 1e9;
    expect(namesWith().symbolize(PROBE)).toBe('0xc0001000');
  });

  it('are told from memory where a call trace goes through them', () => {
    memory.put(PROBE, 0x27bd_ffe8);
    expect(names.modules!.word(PROBE)).toBe(0x27bd_ffe8);
    expect(names.modules!.word(TEXT)).toBeUndefined();
    expect(names.modules!.word(0xfff0_0000)).toBeUndefined();
  });
});
