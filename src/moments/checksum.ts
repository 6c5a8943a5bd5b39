// A checksum of a guest: RAM, registers and TLB.
import type { Subject } from './subject.js';

/** 32 bits. The same guest at the same instruction of the same run has the same. */
export function checksum({ cpu }: Subject): number {
  const { ram } = cpu;
  let sum = 0x811c_9dc5;
  const add = (words: Uint32Array): void => {
    for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ words[i]!, 0x0100_0193) ^ (sum >>> 15);
  };
  add(new Uint32Array(ram.buffer, ram.byteOffset, ram.byteLength >> 2));
  const { words, asid } = cpu.saveTlb();
  add(words);
  const registers = Uint32Array.from({ length: 32 }, (_, n) => cpu.reg(n));
  add(registers);
  add(Uint32Array.of(asid, cpu.instructions));
  return sum >>> 0;
}
