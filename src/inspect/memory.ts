// The guest's memory by virtual address, as its own loads would find it, read from outside: no TLB entry is drawn, no device asked.
import type { TlbEntry } from '../../emu/mips/cpu.js';
import type { Subject } from '../moments/subject.js';

export interface Translation {
  physical: number;
  /** kseg0 and kseg1 need none; where the TLB has no entry, what a refill would load. */
  by: 'segment' | 'tlb' | 'page table';
}

const KSEG0 = 0x8000_0000;
const KSEG2 = 0xc000_0000;

/** The half of a TLB entry that an address selects. */
export function halfOf(entry: TlbEntry, virtual: number): TlbEntry['even'] {
  return (virtual & entry.pageSize) === 0 ? entry.even : entry.odd;
}

/** @param match finds the TLB entry of an address; default the TLB as it is now @returns undefined where nothing is mapped */
export function translate(
  subject: Subject,
  virtual: number,
  match: (virtual: number) => TlbEntry | undefined = (address) => subject.cpu.tlbMatch(address),
): Translation | undefined {
  if (virtual >= KSEG0 && virtual < KSEG2) return { physical: virtual & 0x1fff_ffff, by: 'segment' };
  const entry = match(virtual);
  const half = entry && !entry.invalid ? halfOf(entry, virtual) : undefined;
  if (entry && half?.v) return { physical: half.physical + (virtual & (entry.pageSize - 1)), by: 'tlb' };
  const pte = subject.pte(virtual);
  if (pte === undefined || pte.frame < 0) return undefined;
  return { physical: pte.frame * subject.pageSize + (virtual % subject.pageSize), by: 'page table' };
}

/** Pages of this size are translated at once. */
const STEP = 0x1000;

/** Up to `length` bytes of RAM from a virtual address on: fewer where the mapping or RAM ends. A copy. */
export function readMemory(
  subject: Subject,
  virtual: number,
  length: number,
  match?: (virtual: number) => TlbEntry | undefined,
): Uint8Array {
  const { ram } = subject.cpu;
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const at = (virtual + done) % 0x1_0000_0000;
    const found = translate(subject, at, match);
    const count = Math.min(length - done, STEP - (at % STEP));
    if (found === undefined || found.physical + count > ram.length) break;
    bytes.set(ram.subarray(found.physical, found.physical + count), done);
    done += count;
  }
  return bytes.subarray(0, done);
}

/** The aligned word at a virtual address; undefined where there is none. */
export function wordAt(subject: Subject, virtual: number): number | undefined {
  if (virtual % 4 !== 0) return undefined;
  const bytes = readMemory(subject, virtual, 4);
  if (bytes.length < 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, !subject.bigEndian);
}
