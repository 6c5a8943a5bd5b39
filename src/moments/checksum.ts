// A checksum of a guest: RAM, all registers (HI, LO, coprocessor 0 and FPU too) and TLB.
import type { Subject } from './subject.js';

const FNV_PRIME = 0x0100_0193;

/** 32 bits. The same guest before the same instruction, at `pc`, of the same run has the same. */
export function checksum({ cpu }: Subject, pc: number): number {
  const { ram } = cpu;
  // four sums side by side: one would wait for its own multiplication at each word
  let [a, b, c, d] = [1, 2, 3, 4];
  const words = new Uint32Array(ram.buffer, ram.byteOffset, ram.byteLength >> 2);
  for (let i = 0; i < words.length; i += 4) {
    a = Math.imul(a ^ words[i]!, FNV_PRIME) ^ (a >>> 15);
    b = Math.imul(b ^ words[i + 1]!, FNV_PRIME) ^ (b >>> 15);
    c = Math.imul(c ^ words[i + 2]!, FNV_PRIME) ^ (c >>> 15);
    d = Math.imul(d ^ words[i + 3]!, FNV_PRIME) ^ (d >>> 15);
  }
  const tlb = cpu.saveTlb();
  const others = [[a, b, c, d], tlb.words, cpu.registers.all(cpu.registers.save()), [tlb.asid, cpu.instructions, pc]];
  let sum = 0x811c_9dc5;
  for (const list of others) for (const word of list) sum = Math.imul(sum ^ word, FNV_PRIME) ^ (sum >>> 15);
  return sum >>> 0;
}
