// A guest in the middle of a run, as those see it who stop it and look: whatever kernel runs on the board.
import type { SourceLines } from '../../emu/elf/line-table.js';
import type { MipsCpu } from '../../emu/mips/cpu.js';
import type { BootParts } from '../kernel/boot.js';
import type { KernelRun } from '../run/kernel-run.js';

/** Names of a kernel's addresses. */
export interface Names {
  /** The function that holds an address, with its bounds. */
  lookup(address: number): { readonly name: string; readonly start: number; readonly end: number } | undefined;
  /** `name+0xoffset/0xsize`, or plain `0x...`. */
  symbolize(address: number): string;
  has(name: string): boolean;
  address(name: string): number;
}

/** A task of the guest. */
export interface GuestTask {
  readonly pid: number;
  readonly comm: string;
  readonly state: string;
  /** Lowest address of its stack, and its size in bytes. */
  readonly stack: number;
  readonly stackBytes: number;
  /** What a task that does not run has saved, by register number; undefined for the one that runs. */
  readonly saved: ReadonlyMap<number, number> | undefined;
}

export interface Subject {
  readonly cpu: MipsCpu;
  readonly names: Names;
  readonly lines: SourceLines;
  readonly bigEndian: boolean;
  /** Bytes. */
  readonly pageSize: number;
  /** Tasks, the one that runs first; empty where they are not known (yet). */
  tasks(): GuestTask[];
  /** Simulated time, microseconds. */
  now(): number;
  /** Whether the kernel's page table is known: without it nothing is called stale. */
  readonly knowsPageTable: boolean;
  /** The word of the kernel's page table for a virtual address: where it lies (kseg0) and what it says; undefined without one. */
  pte(virtual: number): { address: number; value: number; frame: number } | undefined;
  /** What only a boot of our own guest knows. */
  readonly boot: BootParts | undefined;
  /** What only a run of somebody's kernel has. */
  readonly run: KernelRun | undefined;
}

/** A run that can be made again, the same to the byte, as often as wanted. */
export interface Rerun<R> {
  /**
   * Runs; `attach` gets the guest before its first instruction. What an observer throws comes out of here.
   * @param stops false: quicker, but nobody can wait for an instruction (MipsCpu.stops)
   * @param check look for stale translations (MipsCpu.translations), without stops
   */
  run(attach: (subject: Subject) => void, stops?: boolean, check?: boolean): R;
}
