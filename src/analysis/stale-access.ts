// What the checker records: accesses through translations that the page table no longer has.
import type { Victim } from './victim.js';

/** Neighbouring accesses of one kind by one function through one translation. Addresses are virtual unless they say otherwise. */
export interface StaleAccess {
  /** The log's last event before the first of them, and time of the first, microseconds. */
  after: number;
  t: number;
  pid: number;
  write: boolean;
  /** First address, and bytes from there on. */
  va: number;
  bytes: number;
  /** Bytes of the first single access. */
  size: number;
  /** Physical address behind va. */
  physical: number;
  /** Whether every store wrote 0; false for loads. */
  zeros: boolean;
  /** Frame that was hit, and the one the page table named: -1 for none. */
  frame: number;
  mapped: number;
  /** Whose memory that was, in order of address; at least one. */
  victims: Victim[];
  /** Of the first of them: instruction, and return addresses from there outwards. */
  pc: number;
  trace: number[];
  /** TLB index and whether that is a shadow (thrown out by tlbwr, still translating, invisible to the guest). */
  entry: number;
  shadow: boolean;
  /** The tlb_refill event that loaded the translation; -1: none. */
  filled: number;
  /** The event of the per-CPU area the address lies in: allocated last over it; -1: none. */
  area: number;
}

/** What a stale access did to whom. */
export type StaleKind =
  | 'stale read from a freed page'
  | 'stale write to a freed page'
  | "stale read from another owner's page"
  | "stale write to another owner's page";

export function staleKind({ write, victims }: Pick<StaleAccess, 'write' | 'victims'>): StaleKind {
  const free = victims.every(({ kind }) => kind === 'free');
  if (free) return write ? 'stale write to a freed page' : 'stale read from a freed page';
  return write ? "stale write to another owner's page" : "stale read from another owner's page";
}

/** Whose memory a physical address was that the access went to. */
export function victimAt({ victims }: StaleAccess, physical: number): Victim {
  return victims.findLast(({ start }) => start <= physical) ?? victims[0]!;
}
