// One block that a kernel prints when something is wrong: what was read of it, and from which lines.
import { ARCHITECTURES } from './architecture.js';
import type { TlbMatch } from './tlb-dump.js';

export type ReportKind = 'oops' | 'warning' | 'bug' | 'lockup';

/** A value the kernel printed and the line it stands in. */
export interface Found {
  readonly value: string;
  readonly line: number;
}

/** One block. Addresses are hexadecimal as printed; fields the log does not show are undefined. */
export interface CrashReport {
  readonly kind: ReportKind;
  /** First line of the block, and its text. */
  readonly line: number;
  readonly time: string;
  /** The capture's own stamp where the kernel printed none. */
  readonly clock: string;
  readonly headline: string;
  /** Last line that something was read from. */
  readonly lastLine: number;
  /** The lines have stamps or prefixes. */
  readonly marked: boolean;
  /** Somebody quotes them. */
  readonly quoted: boolean;
  /** 'MIPS' or another that its lines name; undefined when they name none. */
  readonly architecture: string | undefined;
  /** The kernel's own number: `Oops[#2]`. */
  readonly number: number | undefined;
  readonly cpu: number | undefined;
  /** Release and build that the dump names: `5.13.0 #1`. */
  readonly release: string | undefined;
  /** More was read than the headline. */
  readonly hasDump: boolean;
  /** Lines of two dumps ran together: what could not be told apart was left out. */
  readonly isTangled: boolean;
  /** The program counter and its return address; on other architectures than MIPS those that correspond. */
  readonly epc: Found | undefined;
  readonly ra: Found | undefined;
  /** `function+0xoffset/0xsize`, or `0x0`. */
  readonly epcSymbol: Found | undefined;
  readonly raSymbol: Found | undefined;
  /** MIPS: Cause.ExcCode, two hexadecimal digits; x86: error code of the page fault. */
  readonly exccode: Found | undefined;
  /** MIPS: BadVAddr; x86: CR2. */
  readonly badva: Found | undefined;
  readonly process: Found | undefined;
  readonly pid: number | undefined;
  /** The process has memory of its own: no kernel thread. */
  readonly isUserProcess: boolean;
  /** `$4`, `RAX` ... */
  readonly registers: ReadonlyMap<string, string>;
  /** Innermost first. */
  readonly callTrace: readonly TraceEntry[];
  /** Message lines of a warning or BUG, and what the kernel says of the object at fault (slab cache, offset). */
  readonly notes: readonly Found[];
  /** Entries of the dumped TLB that match one address. */
  readonly tlbMatches: readonly TlbMatch[];
}

export interface TraceEntry {
  readonly address: string | undefined;
  /** `function+0xoffset/0xsize`, undefined when the kernel has no symbols. */
  readonly symbol: string | undefined;
  readonly line: number;
}

/** $1 to $31 and the constant $0; a dump prints 30 of them: $26 and $27 belong to the exception handlers. */
export const MIPS_REGISTERS = 32;
export const MIPS_REGISTERS_PRINTED = 30;

/** The architecture, when it is neither MIPS nor x86, whose crashes are decoded too. */
export function foreignArchitecture(report: CrashReport | undefined): string | undefined {
  const name = report?.architecture;
  return name === 'MIPS' || name === 'x86' ? undefined : ARCHITECTURES.find((known) => known.name === name)?.name;
}

/** The name in `name+0x12/0x34`: offsets change with every build. `undefined` for an address. */
export function functionOf(symbol: string | undefined): string | undefined {
  if (symbol === undefined) return undefined;
  const name = /^\.?([A-Za-z_][\w.$]*?)(?:\+0x[0-9a-f]+.*)?$/.exec(symbol);
  // What gcc cloned is still the same function to a reader: blk_mq_rq_ctx_init.constprop.0.isra.0.
  return name === null ? undefined : name[1].replace(/\.(?:constprop|isra|part|cold|llvm)\b.*$/, '');
}
