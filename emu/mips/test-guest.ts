// For tests only: MIPS32 instruction words by name, and a CPU with a program and exception handlers in its RAM.
import type { EngineLibrary } from '../unicorn/engine.js';
import { type CpuModel, type ExceptionRecord, MipsCpu, type MipsCpuOptions } from './cpu.js';

const i = (op: number, rs: number, rt: number, imm: number): number =>
  ((op << 26) | (rs << 21) | (rt << 16) | (imm & 0xffff)) >>> 0;

/** Registers are numbers; offsets of branches count instructions from the delay slot. */
export const asm = {
  nop: 0,
  ehb: 0xc0,
  lui: (rt: number, imm: number) => i(0x0f, 0, rt, imm),
  ori: (rt: number, rs: number, imm: number) => i(0x0d, rs, rt, imm),
  addiu: (rt: number, rs: number, imm: number) => i(0x09, rs, rt, imm),
  /** Two instructions: any 32-bit constant. */
  li: (rt: number, value: number) => [i(0x0f, 0, rt, value >>> 16), i(0x0d, rt, rt, value)],
  lw: (rt: number, offset: number, base: number) => i(0x23, base, rt, offset),
  lb: (rt: number, offset: number, base: number) => i(0x20, base, rt, offset),
  sw: (rt: number, offset: number, base: number) => i(0x2b, base, rt, offset),
  sh: (rt: number, offset: number, base: number) => i(0x29, base, rt, offset),
  sb: (rt: number, offset: number, base: number) => i(0x28, base, rt, offset),
  b: (offset: number) => i(0x04, 0, 0, offset),
  bnez: (rs: number, offset: number) => i(0x05, rs, 0, offset),
  jr: (rs: number) => (rs << 21) | 0x08,
  jalr: (rs: number) => ((rs << 21) | (31 << 11) | 0x09) >>> 0,
  addu: (rd: number, rs: number, rt: number) => (rs << 21) | (rt << 16) | (rd << 11) | 0x21,
  add: (rd: number, rs: number, rt: number) => (rs << 21) | (rt << 16) | (rd << 11) | 0x20,
  syscall: 0x0000_000c,
  break: 0x0000_000d,
  teq00: 0x0000_0034,
  mfc1: 0x4408_0000,
  /** Major opcode 0x1f, function 0x3f of SPECIAL: dsra32, 64-bit only. */
  reserved: 0x0000_003f,
  mfc0: (rt: number, rd: number) => (0x4000_0000 | (rt << 16) | (rd << 11)) >>> 0,
  mtc0: (rt: number, rd: number) => (0x4080_0000 | (rt << 16) | (rd << 11)) >>> 0,
  tlbr: 0x4200_0001,
  tlbwi: 0x4200_0002,
  tlbwr: 0x4200_0006,
  eret: 0x4200_0018,
  wait: 0x4200_0020,
};

/** CP0 register numbers. */
export const CP0 = { Index: 0, Random: 1, EntryLo0: 2, EntryLo1: 3, PageMask: 5, Wired: 6, EntryHi: 10, EPC: 14 };

export const PROGRAM = 0x8000_1000;

/** Both vectors: skip the instruction at fault (`mfc0 k0, EPC; addiu k0, 4; mtc0; eret`). */
const SKIP = [asm.mfc0(26, CP0.EPC), asm.addiu(26, 26, 4), asm.mtc0(26, CP0.EPC), asm.ehb, asm.eret];

export class TestGuest {
  readonly cpu: MipsCpu;
  readonly exceptions: ExceptionRecord[] = [];

  constructor(engine: EngineLibrary, options: Partial<MipsCpuOptions> & { model?: CpuModel } = {}) {
    this.cpu = new MipsCpu({ engine, ramBytes: 1 << 20, ...options });
    this.cpu.onException = (exception) => this.exceptions.push(exception);
    this.put(0x8000_0000, SKIP);
    this.put(0x8000_0180, SKIP);
  }

  /** Puts instructions at a kseg0 address. */
  put(address: number, program: readonly (number | readonly number[])[]): void {
    const words = program.flat();
    words.forEach((word, k) => this.cpu.view.setUint32((address & 0x1fff_ffff) + 4 * k, word));
    this.cpu.codeChanged(address, 4 * words.length);
  }

  /** Runs a program that ends with `wait`. */
  run(program: readonly (number | readonly number[])[]): void {
    this.put(PROGRAM, [...program, asm.wait]);
    const end = this.cpu.run(PROGRAM);
    if (end !== 'wait') throw new Error(`the program ended with ${end}`);
  }
}
