// A block while it is read: takes lines, says which it cannot take, and becomes a CrashReport.
import { architectureNamed, architectureOf, readAddress } from './architecture.js';
import type { CrashReport, Found, ReportKind, TraceEntry } from './crash-report.js';
import type { DumpLine, DumpPart } from './dump-line.js';
import { MODULE, readDumpLine } from './dump-line.js';
import type { LogLine } from './line.js';
import { TlbDumpReader } from './tlb-dump.js';

/** Order in which a kernel prints the parts of a dump; what comes out of turn is of another dump. */
const ORDER: readonly DumpPart[] = [
  ...(['comm', 'registers', 'hi', 'lo', 'epc', 'ra', 'status', 'cause', 'badva', 'prid'] as const),
  ...(['modules', 'process', 'stack', 'trace', 'entries', 'code'] as const),
];
const EPC_RANK = ORDER.indexOf('epc');

const MAX_TRACE = 64;
const MAX_NOTES = 8;

const CR2 = /\bCR2: ([0-9a-f]{8,16})\b/;
const RIP = new RegExp(`\\bRIP: [0-9a-f]{4}:(?:\\[<[0-9a-f]+>\\] )?(\\S+(?: ${MODULE})?)`);
const X86_REGISTER = /\b(R[A-D]X|R[SD]I|R[BS]P|R\d\d): ([0-9a-f]{16})\b/g;
const PF_ERROR = /#PF: error_code\(0x([0-9a-f]{4})\)/;
/** Traces without addresses: x86, arm64, RISC-V, PowerPC since 4.x. */
const BARE_ENTRY = new RegExp(
  `^(?:\\[[0-9a-f]{8,16}\\] )?(?:\\[<?[0-9a-f]{8,16}>?\\] )?(?:\\? )?\\(?([A-Za-z_.][\\w.]*\\+0x[0-9a-f]+/0x[0-9a-f]+(?: ${MODULE})?)\\)?`,
);
/** Of a cache error: where the CPU was, and what it found. */
const ERROR_EPC = /^cp0_errorepc == ([0-9a-f]{8}(?:[0-9a-f]{8})?)$/;
const CACHE_NOTE = /^Decoded c0_cacheerr: |^(?:c0_cacheerr|cp0_ecc) == |^Error bits: /;
const OBJECT_NOTE = /^(?:slab \S+ start |slab-out|non-slab|.*pointer offset \d+ size \d+)/;
const MESSAGE =
  /refcount_t: |kobject: |ODEBUG: |percpu ref |^lock: |\.magic: |list_(?:add|del) corruption|^(?:INFO: )?0x[0-9a-f]{8,16}-0x[0-9a-f]{8,16}|First byte 0x|^(?:INFO: )?(?:Allocated|Freed) in |^(?:INFO: )?(?:Slab|Object) 0x|^(?:Read|Write) of size \d+ at addr|^index -?\d+ is out of range|^(?:load|store) of |^shift exponent|^Last potentially related|is trying to acquire|already holding lock|already depends on|possible unsafe locking|invalid-access/i;

export class OpenReport {
  readonly kind: ReportKind | 'inspection';
  readonly start: LogLine;
  /** Begins at a dump's line: the log lost the headline. */
  readonly isHeadless: boolean;
  number: number | undefined;
  architecture: string | undefined;
  isMachineCheck = false;
  /** A fault's headline without epc began it: the line with the oops' number is still to come. */
  awaitsNumber = false;
  isTangled = false;
  /** Nothing more can be told to be of this dump. */
  isLost = false;
  epc: Found | undefined;
  ra: Found | undefined;
  exccode: Found | undefined;
  badva: Found | undefined;
  process: Found | undefined;
  pid: number | undefined;
  cpu: number | undefined;
  release: string | undefined;
  epcSymbol: Found | undefined;
  raSymbol: Found | undefined;
  isUserProcess = false;
  mode: 'kernel' | 'user' | undefined;
  readonly registers = new Map<string, string>();
  readonly callTrace: TraceEntry[] = [];
  readonly notes: Found[] = [];
  readonly #tlb = new TlbDumpReader();
  #inTrace = false;
  /** Parts of the dump that were read, in ORDER's ranks; -1 before the first. */
  rank = -1;
  lastLine: number;
  #lastText = '';

  constructor(kind: OpenReport['kind'], start: LogLine, isHeadless = false) {
    this.kind = kind;
    this.start = start;
    this.isHeadless = isHeadless;
    this.lastLine = start.number;
  }

  get hasDump(): boolean {
    return this.rank >= 0 || this.callTrace.length > 0;
  }

  /** The dump has not come to its epc: another one that begins now interrupts it. */
  get isUnfinished(): boolean {
    return this.rank < EPC_RANK;
  }

  /** The dump has come to its call trace. */
  get isAtTrace(): boolean {
    return this.rank >= ORDER.indexOf('trace');
  }

  /** True when `dump` cannot be of this block: it says otherwise, or it comes out of turn. */
  contradicts(dump: DumpLine, text: string): boolean {
    if (this.rank < 0 || text.trim() === this.#lastText) return false;
    const differs = (known: Found | undefined, value: string) => known !== undefined && known.value !== value;
    switch (dump.part) {
      case 'comm':
        // A warning in the middle of its trace, a lockup: dumps name the task once.
        return (
          (this.pid !== undefined && dump.pid !== undefined && this.rank > 0 && dump.pid !== this.pid) ||
          (this.cpu !== undefined && dump.cpu !== undefined && dump.cpu !== this.cpu) ||
          (this.registers.size > 0 && dump.comm !== undefined)
        );
      case 'registers':
        if (dump.registers.some(([name, value]) => (this.registers.get(name) ?? value) !== value)) return true;
        if (dump.registers.every(([name]) => this.registers.has(name))) return false;
        return this.rank >= EPC_RANK || Number(dump.registers[0][0].slice(1)) < this.#lastRegister();
      case 'epc':
        return differs(this.epc, dump.address) && this.rank >= EPC_RANK;
      case 'ra':
        return differs(this.ra, dump.address) && this.rank > EPC_RANK;
      case 'cause':
        return differs(this.exccode, dump.exccode) && this.architecture !== 'x86';
      case 'badva':
        return differs(this.badva, dump.address);
      default:
        return false;
    }
  }

  /** True when this dump prints just that line next, as far as it has come. */
  isNext(dump: DumpLine): boolean {
    const rank = ORDER.indexOf(dump.part);
    switch (dump.part) {
      case 'comm':
        return this.rank < 0;
      case 'registers': {
        const last = this.#lastRegister();
        const first = Number(dump.registers[0][0].slice(1));
        return this.rank <= rank && (first === last + 1 || (last === 25 && first === 28));
      }
      case 'hi':
        return this.rank < rank && this.#lastRegister() === 31;
      case 'lo':
      case 'epc':
      case 'ra':
      case 'status':
      case 'cause':
      case 'badva':
        return this.rank === rank - 1;
      default:
        return this.rank >= ORDER.indexOf('cause') && rank >= this.rank;
    }
  }

  #lastRegister(): number {
    return Math.max(-1, ...[...this.registers.keys()].map((name) => Number(name.slice(1))));
  }

  /** Takes what the line says; of a value printed twice the first counts. False when it says nothing of a block. */
  add(line: LogLine, dump = readDumpLine(line.text)): boolean {
    const text = line.text.trim();
    const named = architectureOf(text);
    // A warning's trace names no architecture; marks of a later line are as good as those of the first.
    if (named !== undefined) this.architecture ??= named;
    // SuperH has taken over x86's headline.
    if (named === 'SuperH' && this.registers.size === 0) this.architecture = named;
    const isForeign = this.architecture !== undefined && this.architecture !== 'MIPS';
    const taken =
      (dump !== undefined && (!isForeign || /^(?:comm|trace|entries|modules|code|process)$/.test(dump.part))
        ? this.#addDump(dump, line)
        : isForeign && this.#addForeign(text, line.number)) || this.#addOther(text, line);
    if (taken) {
      this.lastLine = line.number;
      this.#lastText = text;
    }
    return taken;
  }

  #addDump(dump: DumpLine, { number: line }: LogLine): boolean {
    const found = (value: string): Found => ({ value, line });
    // Reports of lockups and warnings list the modules first.
    if (dump.part !== 'modules') this.rank = Math.max(this.rank, ORDER.indexOf(dump.part));
    switch (dump.part) {
      case 'comm':
        if (dump.comm !== undefined) this.process ??= found(dump.comm);
        this.pid ??= dump.pid;
        this.cpu ??= dump.cpu;
        this.release ??= dump.release;
        break;
      case 'registers':
        for (const [name, value] of dump.registers) if (!this.registers.has(name)) this.registers.set(name, value);
        break;
      case 'epc':
        this.epc ??= found(dump.address);
        if (dump.symbol !== undefined) this.epcSymbol ??= found(dump.symbol);
        break;
      case 'ra':
        this.ra ??= found(dump.address);
        if (dump.symbol !== undefined) this.raSymbol ??= found(dump.symbol);
        break;
      case 'status':
        this.mode ??= dump.mode;
        break;
      case 'cause':
        this.exccode ??= found(dump.exccode);
        break;
      case 'badva':
        this.badva ??= found(dump.address);
        break;
      case 'process':
        this.process = found(dump.comm);
        this.pid = dump.pid;
        this.isUserProcess ||= dump.isUser;
        break;
      case 'trace':
        this.#inTrace = this.callTrace.length === 0;
        this.#addEntries(dump.entries, line);
        break;
      case 'entries':
        this.#addEntries(dump.entries, line);
        break;
      case 'code':
        this.#inTrace = false;
        break;
    }
    return true;
  }

  #addEntries(entries: readonly Omit<TraceEntry, 'line'>[], line: number): void {
    if (!this.#inTrace) return;
    for (const entry of entries) if (this.callTrace.length < MAX_TRACE) this.callTrace.push({ ...entry, line });
  }

  /** Lines of dumps that are no MIPS kernel's. */
  #addForeign(text: string, line: number): boolean {
    const found = (value: string): Found => ({ value, line });
    if (this.architecture === 'x86' && this.#addX86(text, found)) return true;
    const architecture = architectureNamed(this.architecture);
    if (architecture === undefined) return false;
    let taken = false;
    const pc = readAddress(text, architecture.pc);
    if (pc !== undefined) {
      taken = true;
      if (pc.address !== undefined) this.epc ??= found(pc.address);
      if (pc.symbol !== undefined) this.epcSymbol ??= found(pc.symbol);
    }
    const ra = readAddress(text, architecture.ra);
    if (ra !== undefined) {
      taken = true;
      if (ra.address !== undefined) this.ra ??= found(ra.address);
      if (ra.symbol !== undefined) this.raSymbol ??= found(ra.symbol);
    }
    const badva = readAddress(text, architecture.badva)?.address;
    if (badva !== undefined && this.kind === 'oops') {
      taken = true;
      this.badva ??= found(badva);
    }
    if (taken) this.rank = Math.max(this.rank, EPC_RANK);
    return taken;
  }

  #addX86(text: string, found: (value: string) => Found): boolean {
    let match: RegExpExecArray | null;
    if ((match = RIP.exec(text)) !== null) {
      this.epcSymbol ??= found(match[1]);
      this.#inTrace = false;
    } else if ((match = PF_ERROR.exec(text)) !== null) {
      this.exccode ??= found(match[1]);
    } else if ((match = CR2.exec(text)) !== null) {
      if (this.kind === 'oops') this.badva ??= found(match[1]);
    } else {
      const registers = [...text.matchAll(X86_REGISTER)];
      for (const [, name, value] of registers) if (!this.registers.has(name)) this.registers.set(name, value);
      if (registers.length === 0) return false;
    }
    this.rank = Math.max(this.rank, EPC_RANK);
    return true;
  }

  #addOther(text: string, { number: line }: LogLine): boolean {
    if (this.kind !== 'inspection' && this.#tlb.add(text, line)) return true;
    if (/^(?:Call [Tt]race|Backtrace|stack backtrace|Call Trace):/.test(text)) {
      this.#inTrace = this.callTrace.length === 0;
      return true;
    }
    // KASAN's own traces: where the object came from and went.
    if (/^(?:Allocated by task|Freed by task|The buggy address|Memory state around)/.test(text)) this.#inTrace = false;
    const bare = this.#inTrace ? BARE_ENTRY.exec(text) : null;
    if (bare !== null) {
      this.#addEntries([{ address: undefined, symbol: bare[1] }], line);
      return true;
    }
    const errorEpc = ERROR_EPC.exec(text)?.[1];
    if (errorEpc !== undefined) {
      this.epc ??= { value: errorEpc, line };
      return true;
    }
    if ((MESSAGE.test(text) || OBJECT_NOTE.test(text) || CACHE_NOTE.test(text)) && this.notes.length < MAX_NOTES) {
      this.notes.push({ value: text, line });
      return true;
    }
    return false;
  }

  /** Two dumps' lines ran together here: what may be the other's is dropped. */
  tangle(): void {
    this.isTangled = true;
    this.isLost = true;
    this.registers.clear();
    this.callTrace.length = 0;
    for (const field of ['epc', 'ra', 'exccode', 'badva', 'process', 'epcSymbol', 'raSymbol', 'pid', 'cpu'] as const)
      this[field] = undefined;
  }

  close(): CrashReport & { readonly kind: ReportKind } {
    const { start, number, cpu, release, epc, ra, exccode, badva, process, pid } = this;
    const tlbMatches = this.#tlb.matches();
    return {
      kind: this.kind === 'inspection' ? 'lockup' : this.kind,
      ...{ line: start.number, time: start.time, clock: start.clock, headline: start.text.trim() },
      ...{ lastLine: this.lastLine, marked: start.marked, quoted: start.quoted === true },
      ...{ architecture: this.architecture, number, cpu, release },
      ...{ hasDump: this.hasDump, isTangled: this.isTangled, epc, ra, exccode, badva, process, pid },
      ...{ epcSymbol: this.epcSymbol, raSymbol: this.raSymbol, isUserProcess: this.isUserProcess },
      ...{ registers: this.registers, callTrace: this.callTrace, notes: this.notes, tlbMatches },
    };
  }
}
