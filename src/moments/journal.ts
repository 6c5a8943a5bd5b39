// The last some hundred instructions before a position, recorded on the way there: registers, TLB and what stores have overwritten.
// Steps back inside it are looks into the record, not runs from the start.
import { hasDelaySlot } from '../../emu/mips/branches.js';
import type { AnyAccess, SavedTlb } from '../../emu/mips/cpu.js';
import { translate } from '../inspect/memory.js';
import type { Subject } from './subject.js';

export interface JournalEntry {
  /** Before the instruction that starts when so many have. */
  readonly position: number;
  readonly pc: number;
  /** The instruction is in a delay slot. */
  readonly slot: boolean;
  /** MipsCpu.registers.save(). */
  readonly registers: Uint32Array;
  readonly tlb: SavedTlb;
  /** Bytes of RAM overwritten from here on: position in `overwritten`. */
  readonly overwrittenFrom: number;
  readonly accesses: JournalAccess[];
}

export interface JournalAccess {
  readonly write: boolean;
  readonly virtual: number;
  readonly physical: number;
  readonly size: number;
  /** Whether a store changed what was there. */
  readonly changed: boolean;
}

export class Journal {
  readonly #subject: Subject;
  readonly #overwritten: { physical: number; bytes: Uint8Array }[] = [];
  #end: (() => void) | undefined;
  /** In order of position, without gaps. */
  entries: JournalEntry[] = [];

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  get recording(): boolean {
    return this.#end !== undefined;
  }

  /** Records the instruction that the guest waits before, at `pc`, after the one at `before`. @returns false where it cannot */
  record(pc: number, before: number): boolean {
    const { cpu } = this.#subject;
    this.#end ??= cpu.observeAccesses(0, 0xffff_ffff, (access) => this.#access(access));
    if (!this.#end) return false;
    this.entries.push({
      position: cpu.instructions,
      pc,
      slot: isSlot(this.#subject, pc, before),
      registers: cpu.registers.save(),
      tlb: cpu.saveTlb(),
      overwrittenFrom: this.#overwritten.length,
      accesses: [],
    });
    return true;
  }

  #access({ write, virtual, size, value }: AnyAccess): void {
    const { cpu } = this.#subject;
    const entry = this.entries.at(-1);
    const found = translate(this.#subject, virtual, (address) => cpu.tlbMatch(address));
    if (entry === undefined || found === undefined || found.by === 'page table') return; // it will fault
    const { physical } = found;
    if (physical + size > cpu.ramBytes) {
      // a device: whatever it does to RAM was not seen, so there is no way back over it
      if (write) this.entries = [];
      return;
    }
    const bytes = cpu.ram.slice(physical, physical + size);
    entry.accesses.push({
      write,
      virtual,
      physical,
      size,
      changed: write && storeChanges(bytes, value, this.#subject),
    });
    if (write) this.#overwritten.push({ physical, bytes });
  }

  /** RAM as it was before an entry: `bytes`, a copy of physical RAM from `physical` on as it is now, is put back. */
  rewind(entry: JournalEntry, physical: number, bytes: Uint8Array): void {
    for (let i = this.#overwritten.length - 1; i >= entry.overwrittenFrom; i--) {
      const old = this.#overwritten[i]!;
      for (let k = 0; k < old.bytes.length; k++) {
        const at = old.physical + k - physical;
        if (at >= 0 && at < bytes.length) bytes[at] = old.bytes[k]!;
      }
    }
  }

  /** There is no way back from here: RAM was changed without anybody seeing how. */
  forget(): void {
    this.entries = [];
  }

  /** Forgets all and stops recording. */
  clear(): void {
    this.#end?.();
    this.#end = undefined;
    this.entries = [];
    this.#overwritten.length = 0;
  }
}

/** Whether a store of `value` (its low 32 bits) over `bytes` changes them. */
export function storeChanges(bytes: Uint8Array, value: number, { bigEndian }: Subject): boolean {
  if (bytes.length > 4) return true; // the high half is not known
  for (let i = 0; i < bytes.length; i++) {
    const shift = 8 * (bigEndian ? bytes.length - 1 - i : i);
    if (bytes[i] !== ((value >>> shift) & 255)) return true;
  }
  return false;
}

/** Whether the instruction at `pc` is in the delay slot of the one at `before`, which ran last. */
export function isSlot({ cpu }: Subject, pc: number, before: number): boolean {
  if (before !== pc - 4) return false;
  const word = cpu.instructionAt(before);
  return word !== undefined && hasDelaySlot(word);
}
