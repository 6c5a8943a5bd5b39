// The blocks a kernel prints when something is wrong (oops, warning, BUG, lockup), read line by line.
import type { LogLine } from './line.js';

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
  readonly headline: string;
  readonly architecture: 'mips' | 'x86' | undefined;
  /** The kernel's own number: `Oops[#2]`. */
  readonly number: number | undefined;
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
  /** `$4`, `RAX` ... */
  readonly registers: ReadonlyMap<string, string>;
  /** Innermost first. */
  readonly callTrace: readonly TraceEntry[];
  /** Message lines of a warning or BUG, and what the kernel says of the object at fault (slab cache, offset). */
  readonly notes: readonly Found[];
}

export interface TraceEntry {
  readonly address: string | undefined;
  /** `function+0xoffset/0xsize`, undefined when the kernel has no symbols. */
  readonly symbol: string | undefined;
  readonly line: number;
}

/** The name in `name+0x12/0x34`: offsets change with every build. `undefined` for an address. */
export function functionOf(symbol: string | undefined): string | undefined {
  if (symbol === undefined) return undefined;
  const name = /^([A-Za-z_][\w.$]*?)(?:\+0x[0-9a-f]+.*)?$/.exec(symbol);
  // What gcc cloned is still the same function to a reader: blk_mq_rq_ctx_init.constprop.0.isra.0.
  return name === null ? undefined : name[1].replace(/\.(?:constprop|isra|part|cold|llvm)\b.*$/, '');
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface OpenReport extends Mutable<Omit<CrashReport, 'registers' | 'callTrace' | 'notes'>> {
  registers: Map<string, string>;
  callTrace: TraceEntry[];
  notes: Found[];
  inTrace: boolean;
  /** Starts at a register dump: the log lost the beginning. */
  headless: boolean;
}

const HEX = '[0-9a-f]{8}(?:[0-9a-f]{8})?';
const MIPS_FAULT = new RegExp(
  `Unable to handle kernel paging request at virtual address(?:\\s+(${HEX})(?:, epc == (${HEX}), ra == (${HEX}))?)?`,
);
const X86_FAULT =
  /BUG: (?:kernel NULL pointer dereference, address:|unable to handle (?:page fault for address:|kernel (?:NULL pointer dereference|paging request) at)) ?([0-9a-f]{8,16})|general protection fault/;
const DIE =
  /(Oops(?: - [^[]*)?(?:: ([0-9a-f]{4}))?|(?:invalid opcode|divide error|stack segment): [0-9a-f]{4}|[A-Z][A-Za-z ,:-]{3,60}?) ?\[#(\d+)\]/;
const WARNING = /WARNING: (?:CPU: \d+ PID: (\d+) )?/;
const BUG = /(?<![A-Z])BUG: /;
const LOCKUP =
  /BUG: soft lockup|hard LOCKUP|detected (?:expedited )?stalls? on |INFO: task .{1,40} blocked for more than/i;
const REGISTER_ROW = new RegExp(`^\\$ ?(\\d{1,2})\\s*:((?: ${HEX})+)`);
const EPC = new RegExp(`\\bepc\\s*:\\s*(${HEX})(?: (\\S.*?))?\\s*$`);
const RA = new RegExp(`(?:^|[^\\w$])ra\\s*:\\s*(${HEX})(?: (\\S.*?))?\\s*$`);
const CAUSE = /\bCause\s*:\s*([0-9a-f]{8})(?: \(ExcCode ([0-9a-f]{2})\))?/;
const BADVA = new RegExp(`\\bBadVA\\s*:\\s*(${HEX})`);
const PROCESS = /\bProcess (.{1,64}?) \(pid: (\d+), /;
const COMM = /\bCPU: \d+ PID: (\d+) Comm: (.{1,64}?) (?:Not t|T)ainted/;
const RIP = /\bRIP: [0-9a-f]{4}:(?:\[<[0-9a-f]+>\] )?(\S+)/;
const CR2 = /\bCR2: ([0-9a-f]{16})\b/;
const X86_REGISTER = /\b(R[A-D]X|R[SD]I|R[BS]P|R\d\d): ([0-9a-f]{16})\b/g;
const PF_ERROR = /#PF: error_code\(0x([0-9a-f]{4})\)/;
const TRACE_ENTRY = new RegExp(`\\[<(${HEX})>\\](?: (\\(\\S+\\)|\\S+))?`);
const X86_TRACE_ENTRY = /^ {1,2}([A-Za-z_][\w.]*\+0x[0-9a-f]+\/0x[0-9a-f]+)/;
const OBJECT_NOTE = /^ ?(?:slab \S+ start |slab-out|non-slab|.*pointer offset \d+ size \d+)/;
const MESSAGE = /refcount_t: |kobject: |ODEBUG: |percpu ref |^\s*lock: |\.magic: |list_(?:add|del) corruption/;
const DUMP =
  /epc|ra |Cause|BadVA|Process|Comm:|RIP|CR2|R[A-Z0-9]{2}: |\$|#PF|\[<|\+0x|slab|offset|Call Trace|Code:|kobject|refcount|ODEBUG|percpu ref|lock|magic|list_/;

/** Blocks whose fields are kept; a log with more is counted, not stored. */
const MAX_REPORTS = 256;
const MAX_TRACE = 64;

/** Collects the blocks of one log. Lines that belong to no block, also in the middle of one, are passed over. */
export class CrashReportReader {
  readonly reports: CrashReport[] = [];
  /** Oopses, stored or not. */
  oopses = 0;
  #open: OpenReport | undefined;
  /** The last line with a time stamp that the next one without may continue: the last, or what another cut in two. */
  #torn: LogLine | undefined;
  #previous: LogLine | undefined;

  add(line: LogLine): void {
    this.#read(line);
    const torn = this.#torn;
    if (line.time !== '') {
      this.#torn = this.#previous?.number === line.number ? this.#previous : line;
    } else if (torn !== undefined) {
      const follows = this.#previous?.number === line.number - 1;
      this.#torn = follows ? { ...torn, text: torn.text + line.text } : undefined;
      if (follows && this.#open !== undefined && DUMP.test(this.#torn!.text)) mend(this.#open, this.#torn!);
    }
    this.#previous = line;
  }

  #read(line: LogLine): void {
    const { text } = line;
    if (this.#opens(line)) return;
    const open = this.#open;
    if (open === undefined) return;
    if (/---\[ end trace|------------\[ cut here|Kernel panic - not syncing/.test(text)) this.close();
    else if (DUMP.test(text)) readField(open, line);
  }

  close(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    if (open.headless) {
      // A register dump alone is no oops: SysRq and lockup reports print one too.
      if (open.badva === undefined || !/^0[1-7]$/.test(open.exccode?.value ?? '')) return;
    }
    if (open.kind === 'oops') this.oopses++;
    if (this.reports.length < MAX_REPORTS) this.reports.push(open);
  }

  /** True when the line was the first of a block or numbered one. */
  #opens(line: LogLine): boolean {
    const { text, number } = line;
    if (text.length < 8) return false;
    // A line that was printed twice opens nothing new.
    if (number === (this.#open?.line ?? 0) + 1 && text.trim() === this.#open?.headline) return true;
    const fault = text.includes('Unable to handle') ? MIPS_FAULT.exec(text) : null;
    if (fault !== null) {
      const open = this.#start('oops', line, 'mips');
      if (fault[1] !== undefined) {
        open.badva = { value: fault[1], line: number };
      }
      if (fault[2] !== undefined) {
        open.epc = { value: fault[2], line: number };
        open.ra = { value: fault[3], line: number };
      }
      return true;
    }
    const x86 = X86_FAULT.exec(text);
    if (x86 !== null) {
      const open = this.#start('oops', line, 'x86');
      if (x86[1] !== undefined) open.badva = { value: x86[1], line: number };
      return true;
    }
    const die = text.includes('[#') ? DIE.exec(text) : null;
    if (die !== null) {
      let open = this.#open;
      if (open?.kind === 'oops' && open.number === Number(die[3])) return true;
      if (open?.kind !== 'oops' || open.number !== undefined) open = this.#start('oops', line, undefined);
      open.number = Number(die[3]);
      open.headless = false;
      if (die[2] !== undefined) {
        open.architecture = 'x86';
        open.exccode ??= { value: die[2], line: number };
      }
      return true;
    }
    if (LOCKUP.test(text)) {
      this.#start('lockup', line, undefined);
      return true;
    }
    const warning = text.includes('WARNING: ') ? WARNING.exec(text) : null;
    if (warning !== null) {
      const open = this.#start('warning', line, undefined);
      if (warning[1] !== undefined) open.pid = Number(warning[1]);
      return true;
    }
    if (BUG.test(text)) {
      this.#start('bug', line, undefined);
      return true;
    }
    if (this.#open === undefined && (REGISTER_ROW.test(text) || /^epc\s*: /.test(text))) {
      this.#start('oops', line, 'mips').headless = true;
      readField(this.#open!, line);
      return true;
    }
    return false;
  }

  #start(kind: ReportKind, line: LogLine, architecture: CrashReport['architecture']): OpenReport {
    this.close();
    const nothing = undefined;
    this.#open = {
      ...{ kind, line: line.number, time: line.time, headline: line.text.trim(), architecture, number: nothing },
      ...{ epc: nothing, ra: nothing, epcSymbol: nothing, raSymbol: nothing, exccode: nothing, badva: nothing },
      ...{ process: nothing, pid: nothing, registers: new Map(), callTrace: [], notes: [] },
      ...{ inTrace: false, headless: false },
    };
    return this.#open;
  }
}

const WHOLE_SYMBOL = /^\S+\+0x[0-9a-f]+\/0x[0-9a-f]+$/;

/** Reads a line again that was torn in two: fills in what its first part left out. */
function mend(open: OpenReport, whole: LogLine): void {
  const isPart = (found: Found | undefined): boolean =>
    found?.line === whole.number && !WHOLE_SYMBOL.test(found.value) && found.value !== '0x0';
  const { epcSymbol, raSymbol } = open;
  if (isPart(epcSymbol)) open.epcSymbol = undefined;
  if (isPart(raSymbol)) open.raSymbol = undefined;
  const entry = open.callTrace.at(-1);
  if (entry?.line === whole.number && !WHOLE_SYMBOL.test(entry.symbol ?? '')) open.callTrace.pop();
  else if (entry?.line === whole.number) return;
  open.notes = open.notes.filter(({ line }) => line !== whole.number);
  readField(open, whole);
  open.epcSymbol ??= epcSymbol;
  open.raSymbol ??= raSymbol;
}

/** Takes what the line says about `open`; of a value printed twice the first counts. */
function readField(open: OpenReport, { text, number: line }: LogLine): void {
  let match: RegExpExecArray | null;
  const found = (value: string): Found => ({ value, line });
  if ((match = REGISTER_ROW.exec(text)) !== null) {
    const first = Number(match[1]);
    const values = match[2].trim().split(' ');
    // $26 and $27 belong to the exception handlers and are not printed: row $24 has two values, row $28 the other four.
    values.forEach((value, i) => {
      if (first + i < 32 && !open.registers.has(`$${first + i}`)) open.registers.set(`$${first + i}`, value);
    });
  } else if ((match = EPC.exec(text)) !== null) {
    open.architecture ??= 'mips';
    open.epc = open.epcSymbol === undefined ? found(match[1]) : open.epc;
    if (match[2] !== undefined) open.epcSymbol ??= found(match[2]);
  } else if ((match = RA.exec(text)) !== null) {
    open.ra = open.raSymbol === undefined ? found(match[1]) : open.ra;
    if (match[2] !== undefined) open.raSymbol ??= found(match[2]);
  } else if ((match = CAUSE.exec(text)) !== null) {
    // Older kernels print the register alone.
    const exccode = (parseInt(match[1], 16) >> 2) & 0x1f;
    open.exccode ??= found(match[2] ?? exccode.toString(16).padStart(2, '0'));
  } else if ((match = BADVA.exec(text)) !== null) {
    open.badva ??= found(match[1]);
  } else if ((match = PROCESS.exec(text)) !== null) {
    open.process = found(match[1]);
    open.pid = Number(match[2]);
  } else if ((match = COMM.exec(text)) !== null) {
    open.process ??= found(match[2]);
    open.pid ??= Number(match[1]);
  } else if ((match = RIP.exec(text)) !== null) {
    open.architecture ??= 'x86';
    open.epcSymbol ??= found(match[1]);
    open.inTrace = false;
  } else if ((match = PF_ERROR.exec(text)) !== null) {
    open.exccode ??= found(match[1]);
  } else if ((match = CR2.exec(text)) !== null) {
    if (open.kind === 'oops') open.badva ??= found(match[1]);
  } else if (open.architecture === 'x86' && X86_REGISTER.test(text)) {
    for (const [, name, value] of text.matchAll(X86_REGISTER))
      if (!open.registers.has(name)) open.registers.set(name, value);
  } else if (/Call Trace:/.test(text)) {
    open.inTrace = open.callTrace.length === 0;
  } else if (/^Code\s*:/.test(text)) {
    open.inTrace = false;
  } else if (open.inTrace && (match = TRACE_ENTRY.exec(text)) !== null) {
    const symbol = match[2]?.replace(/^\((.*)\)$/, '$1');
    if (open.callTrace.length < MAX_TRACE) open.callTrace.push({ address: match[1], symbol, line });
  } else if (open.inTrace && (match = X86_TRACE_ENTRY.exec(text)) !== null) {
    if (open.callTrace.length < MAX_TRACE) open.callTrace.push({ address: undefined, symbol: match[1], line });
  } else if ((MESSAGE.test(text) || OBJECT_NOTE.test(text)) && open.notes.length < 8) {
    open.notes.push(found(text.trim()));
  }
  // X86_REGISTER is global: test() above leaves its position behind.
  X86_REGISTER.lastIndex = 0;
}
