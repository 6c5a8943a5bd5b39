// Instructions as text, by capstone (compiled to WebAssembly).
import { createRequire } from 'node:module';

interface Capstone {
  ARCH_MIPS: number;
  MODE_MIPS32: number;
  MODE_BIG_ENDIAN: number;
  Capstone: new (arch: number, mode: number) => Decoder;
}

interface Decoder {
  disasm(bytes: readonly number[], address: number): { mnemonic: string; op_str: string }[];
  close(): void;
}

/** CP0 registers by number and select: MD00090 table of coprocessor 0 registers. */
// prettier-ignore
const CP0_NAMES: Readonly<Record<string, string>> = {
  '0.0': 'Index', '1.0': 'Random', '2.0': 'EntryLo0', '3.0': 'EntryLo1', '4.0': 'Context', '4.2': 'UserLocal', '5.0': 'PageMask',
  '6.0': 'Wired', '7.0': 'HWREna', '8.0': 'BadVAddr', '9.0': 'Count', '10.0': 'EntryHi', '11.0': 'Compare', '12.0': 'Status',
  '12.1': 'IntCtl', '13.0': 'Cause', '14.0': 'EPC', '15.0': 'PRId', '15.1': 'EBase', '16.0': 'Config', '16.1': 'Config1',
  '16.2': 'Config2', '16.3': 'Config3', '17.0': 'LLAddr', '18.0': 'WatchLo', '19.0': 'WatchHi', '23.0': 'Debug', '26.0': 'ErrCtl',
  '28.0': 'TagLo', '30.0': 'ErrorEPC', '31.0': 'DESAVE',
};

export class Disassembler {
  readonly #decoder: Decoder;

  private constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  static async load(): Promise<Disassembler> {
    const start = createRequire(import.meta.url)('@alexaltea/capstone-js') as () => Promise<Capstone>;
    const cs = await start();
    // words are decoded, whatever the guest's byte order: their bytes are given most significant first
    return new Disassembler(new cs.Capstone(cs.ARCH_MIPS, cs.MODE_MIPS32 | cs.MODE_BIG_ENDIAN));
  }

  /** `addiu $sp, $sp, -0x18`; `.word 0x...` for what is no instruction. */
  text(address: number, word: number): string {
    const bytes = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255];
    try {
      const [instruction] = this.#decoder.disasm(bytes, address);
      if (instruction) return `${instruction.mnemonic} ${this.#operands(word, instruction.op_str)}`.trim();
    } catch {
      // capstone throws for what it cannot decode
    }
    return `.word 0x${word.toString(16).padStart(8, '0')}`;
  }

  /** Capstone calls the registers of coprocessor 0 by the names of general ones. */
  #operands(word: number, operands: string): string {
    const move = word >>> 26 === 0x10 && (((word >>> 21) & 31) === 0 || ((word >>> 21) & 31) === 4);
    if (!move) return operands;
    const name = CP0_NAMES[`${(word >>> 11) & 31}.${word & 7}`];
    return name === undefined ? operands : `${operands.split(',')[0]}, ${name}`;
  }
}
