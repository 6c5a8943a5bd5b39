// Collects the blocks of one log (oopses, warnings, BUGs, lockups), line by line.
//
// A MIPS kernel prints the headline of a fault before it takes die_lock and its dump behind it: on two CPUs both headlines come first, and
// a dump belongs to the headline that says the same of CPU, epc, ra or BadVA. Two crashes are never mixed into one: where lines of two
// dumps ran together, what cannot be told apart is left out.
import { architectureOf } from './architecture.js';
import type { CrashReport, Found } from './crash-report.js';
import type { DumpLine } from './dump-line.js';
import { readDumpLine } from './dump-line.js';
import type { Headline } from './headline.js';
import { readHeadline } from './headline.js';
import type { LogLine } from './line.js';
import { OpenReport } from './open-report.js';
import { readPanic } from './panic.js';
import { isTlbEntry } from './tlb-dump.js';

type Fault = Extract<Headline, { kind: 'fault' }>;

/** A fault's headline whose dump has not come yet. */
interface Waiting {
  readonly line: LogLine;
  readonly fault: Fault;
  /** Its dump came, and ran together with another's. */
  isTangled?: boolean;
}

/** Blocks whose fields are kept; a log with more is counted, not stored. */
const MAX_REPORTS = 256;
const MAX_WAITING = 32;
/** Lines without anything of a block after which it is over. */
const MAX_GAP = 200;
/** Lines of a block that are kept to sort two that ran together by their callers. */
const MAX_KEPT = 512;
const MAX_CALLERS = 8;

export class CrashReportReader {
  readonly #reports: CrashReport[] = [];
  /** Oopses, and blocks of any kind, that are over, stored or not. */
  oopses = 0;
  blocks = 0;
  /** Registers of processes in user mode: no crash of the kernel. */
  readonly userDumps: CrashReport[] = [];
  #open: OpenReport | undefined;
  /** An unfinished dump that another's headline interrupted. */
  #interrupted: OpenReport | undefined;
  #waiting: Waiting[] = [];
  #previous: LogLine | undefined;
  /** Names that a tangled dump gave to addresses of waiting headlines: by line and field. */
  readonly #symbols = new Map<string, Found>();
  /** Lines since the first unfinished dump began. */
  #kept: LogLine[] = [];
  /** Readers of those whose lines ran together with others'. */
  readonly #byCaller = new Map<string, CrashReportReader>();

  /** Blocks in the order of their first lines; those not over yet are missing until close(). */
  get reports(): readonly CrashReport[] {
    return this.#reports.sort((a, b) => a.line - b.line);
  }

  add(line: LogLine): void {
    const { text } = line;
    const reader = line.caller === '' ? undefined : this.#byCaller.get(line.caller);
    if (reader !== undefined) {
      reader.add(line);
      return;
    }
    const isRepeated =
      text.trim() !== '' && line.number === (this.#previous?.number ?? 0) + 1 && text === this.#previous?.text;
    this.#previous = line;
    const headline = readHeadline(text);
    if (headline !== undefined) {
      if (!isRepeated) this.#addHeadline(headline, line);
      return;
    }
    if (/---\[ end trace|------------\[ cut here/.test(text) || readPanic(text) !== undefined) {
      this.#finishOpen();
      return;
    }
    this.#addToOpen(line);
  }

  #addHeadline(headline: Headline, line: LogLine): void {
    const open = this.#open;
    switch (headline.kind) {
      case 'fault': {
        if (headline.epc === undefined) {
          this.#finishOpen();
          const report = this.#begin('oops', line);
          report.awaitsNumber = true;
          report.architecture ??= headline.architecture;
          report.cpu = headline.cpu;
          if (headline.badva !== undefined) report.badva = { value: headline.badva, line: line.number };
          return;
        }
        // Another CPU's headline may come in the middle of a dump.
        const isOther =
          open?.kind === 'oops' && headline.cpu !== undefined && open.cpu !== undefined && headline.cpu !== open.cpu;
        if (open !== undefined && !isOther && (open.kind !== 'oops' || open.rank >= 0)) this.#finishOpen();
        if (this.#waiting.length >= MAX_WAITING) this.#emitFault(this.#waiting.shift()!);
        this.#waiting.push({ line, fault: headline });
        return;
      }
      case 'die': {
        if (open?.awaitsNumber) {
          open.awaitsNumber = false;
          open.number = headline.number;
          if (headline.isX86) open.architecture = 'x86';
          if (headline.errorCode !== undefined) open.exccode ??= { value: headline.errorCode, line: line.number };
          return;
        }
        // Printed twice, or the number of a dump that has not begun.
        if (open?.kind === 'oops' && open.rank < 0 && open.number === headline.number) return;
        if (open?.kind === 'oops' && open.isUnfinished && !open.isLost && headline.number !== undefined) {
          this.#finishInterrupted();
          this.#interrupted = open;
          this.#open = undefined;
        } else this.#finishOpen();
        const report = this.#begin('oops', line);
        report.number = headline.number;
        if (headline.isX86) report.architecture = 'x86';
        if (headline.errorCode !== undefined) report.exccode = { value: headline.errorCode, line: line.number };
        return;
      }
      case 'machine-check':
        this.#finishOpen();
        this.#begin('oops', line).isMachineCheck = true;
        return;
      default: {
        // The message of a warning that has just begun.
        if (open !== undefined && open.kind !== 'oops' && !open.hasDump && /^(?:\w+: )?list_/.test(line.text.trim())) {
          open.add(line);
          return;
        }
        // The registers of the CPU that stalls.
        if (headline.kind === 'inspection' && open?.kind === 'lockup' && !open.hasDump) return;
        this.#finishOpen();
        const report = this.#begin(headline.kind, line);
        if (headline.kind === 'inspection') return;
        report.pid = headline.pid;
        if (headline.comm !== undefined) report.process = { value: headline.comm, line: line.number };
      }
    }
  }

  #begin(kind: OpenReport['kind'], line: LogLine, isHeadless = false): OpenReport {
    const report = new OpenReport(kind, line, isHeadless);
    report.architecture = architectureOf(line.text);
    this.#open = report;
    if (this.#interrupted === undefined) this.#kept = [];
    this.#kept.push(line);
    return report;
  }

  #addToOpen(line: LogLine): void {
    const dump = readDumpLine(line.text);
    const open = this.#open;
    if (this.#kept.length < MAX_KEPT && open !== undefined) this.#kept.push(line);
    if (open === undefined) {
      this.#beginHeadless(dump, line);
      return;
    }
    if (line.number - open.lastLine > MAX_GAP) {
      this.#finishOpen();
      this.#beginHeadless(dump, line);
      return;
    }
    if (open.isLost) {
      this.#addTangled(dump, line);
      return;
    }
    const interrupted = this.#interrupted;
    if (dump !== undefined && interrupted !== undefined) {
      this.#addToOneOf(interrupted, open, dump, line);
      return;
    }
    if (dump !== undefined && open.kind !== 'inspection' && open.contradicts(dump, line.text)) {
      this.#contradiction(open, dump, line);
      return;
    }
    open.add(line, dump);
  }

  /** Of two dumps that are under way a line is that one's which prints it next; when both do or none, it is nobody's. */
  #addToOneOf(interrupted: OpenReport, open: OpenReport, dump: DumpLine, line: LogLine): void {
    const [isOld, isNew] = [interrupted.isNext(dump), open.isNext(dump)];
    // An unfinished dump that nothing is left of: the log was cut there.
    const begins = open.rank < 0 && beginsDump(dump);
    if (isOld !== isNew) {
      (isNew ? open : interrupted).add(line, dump);
    } else if (begins && !isOld) {
      open.add(line, dump);
    } else if (!this.#sortByCaller()) {
      interrupted.isTangled = true;
      open.isTangled = true;
      return;
    }
    if (open.isAtTrace && !interrupted.isTangled) this.#finishInterrupted();
  }

  /** A dump's line that is not the open block's. */
  #contradiction(open: OpenReport, dump: DumpLine, line: LogLine): void {
    if (open.isUnfinished) {
      if (this.#sortByCaller()) return;
      open.tangle();
      this.#addTangled(dump, line);
      return;
    }
    this.#finishOpen();
    this.#beginHeadless(dump, line);
  }

  /** From here on each caller's lines are read by themselves, those kept once more; false when the lines name no callers. */
  #sortByCaller(): boolean {
    const kept = this.#kept;
    const callers = new Set(kept.map(({ caller }) => caller));
    // A caller per line or two is no order.
    if (callers.has('') || callers.size < 2 || callers.size > MAX_CALLERS || kept.length >= MAX_KEPT) return false;
    this.#open = undefined;
    this.#interrupted = undefined;
    this.#kept = [];
    for (const caller of callers) {
      const reader = new CrashReportReader();
      reader.#waiting = this.#waiting.filter(({ line }) => line.caller === caller);
      this.#waiting = this.#waiting.filter(({ line }) => line.caller !== caller);
      this.#byCaller.set(caller, reader);
    }
    for (const line of kept) this.#byCaller.get(line.caller)!.add(line);
    return true;
  }

  /** Of a tangled dump only what a headline confirms is sure. */
  #addTangled(dump: DumpLine | undefined, line: LogLine): void {
    this.#open!.lastLine = line.number;
    if (dump?.part !== 'epc' && dump?.part !== 'ra') return;
    const at = this.#waiting.findIndex(({ fault }) => fault[dump.part] === dump.address);
    if (at < 0 || dump.symbol === undefined) return;
    const found: Found = { value: dump.symbol, line: line.number };
    this.#symbols.set(`${this.#waiting[at].line.number} ${dump.part}`, found);
  }

  /** A register dump without a headline; a log may begin in the middle of one. */
  #beginHeadless(dump: DumpLine | undefined, line: LogLine): void {
    if (dump === undefined && isTlbEntry(line.text)) {
      this.#begin('oops', line, true).add(line);
      return;
    }
    if (dump === undefined || !/^(?:comm|registers|epc|cause|badva)$/.test(dump.part)) return;
    if (dump.part === 'comm' && dump.comm === undefined) return;
    this.#begin('oops', line, true).add(line, dump);
  }

  /** All blocks are over: the log, or the boot, is. */
  close(): void {
    this.#finishOpen();
    for (const waiting of this.#waiting) this.#emitFault(waiting);
    this.#waiting = [];
    for (const reader of this.#byCaller.values()) {
      reader.close();
      for (const report of reader.#reports) this.#emit(report);
      this.userDumps.push(...reader.userDumps);
    }
    this.#byCaller.clear();
  }

  #finishInterrupted(): void {
    const interrupted = this.#interrupted;
    this.#interrupted = undefined;
    if (interrupted !== undefined) this.#finish(interrupted);
  }

  #finishOpen(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#finishInterrupted();
    if (open !== undefined) this.#finish(open);
    this.#kept = [];
  }

  #finish(open: OpenReport): void {
    if (open.kind === 'inspection') return;
    const report = open.close();
    if (open.kind !== 'oops') {
      // What interrupts a task for a look at it is an interrupt or a system call; a fault there is a crash that lost its headline.
      const isFault = report.epc !== undefined && !/^(?:00|08|09)?$/.test(report.exccode?.value ?? '');
      this.#emit(
        isFault && open.kind !== 'lockup' && report.architecture === 'MIPS' ? { ...report, kind: 'oops' } : report,
      );
      return;
    }
    const at = this.#headlineOf(report);
    if (at >= 0) {
      const [waiting] = this.#waiting.splice(at, 1);
      this.#emit(this.#withHeadline(report, waiting));
      return;
    }
    // A dump of which nothing could be told apart is that of a headline, whichever it be: no crash more than there are headlines.
    const lost = this.#waiting.find(({ line, isTangled }) => !isTangled && line.number <= report.lastLine);
    if (report.isTangled && report.epc === undefined && lost !== undefined) {
      lost.isTangled = true;
      return;
    }
    if (open.mode === 'user' && open.number === undefined && !open.isMachineCheck) {
      this.userDumps.push(report);
      return;
    }
    if (open.isHeadless && !isCrash(report)) return;
    this.#emit(report);
  }

  /** The waiting headline that the dump belongs to: one that it confirms, or the only one that it does not contradict. */
  #headlineOf(report: CrashReport): number {
    const fits = this.#waiting.map(({ line, fault }) => {
      if (line.number > report.lastLine) return -1;
      let confirmed = 0;
      const pairs: Array<readonly [string | number | undefined, string | number | undefined]> = [
        [fault.cpu, report.cpu],
        [fault.epc, report.epc?.value],
        [fault.ra, report.ra?.value ?? report.registers.get('$31')],
        [fault.badva, report.badva?.value],
      ];
      for (const [ours, theirs] of pairs) {
        if (ours === undefined || theirs === undefined) continue;
        if (ours !== theirs) return -1;
        confirmed++;
      }
      return confirmed;
    });
    const best = Math.max(0, ...fits);
    if (best > 0) return fits.lastIndexOf(best);
    if (report.isTangled) return -1;
    const possible = fits.flatMap((fit, i) => (fit === 0 ? [i] : []));
    return possible.length === 1 ? possible[0] : -1;
  }

  #withHeadline(report: CrashReport, { line, fault }: Waiting): CrashReport {
    const headline = this.#faultReport({ line, fault });
    return {
      ...report,
      ...{ line: headline.line, time: headline.time, clock: headline.clock, headline: headline.headline },
      marked: headline.marked,
      architecture: report.architecture ?? headline.architecture,
      cpu: report.cpu ?? headline.cpu,
      epc: report.epc ?? headline.epc,
      ra: report.ra ?? headline.ra,
      badva: headline.badva ?? report.badva,
    };
  }

  #emitFault(waiting: Waiting): void {
    const report = this.#faultReport(waiting);
    const isSame = ({ epc, ra, badva, hasDump }: CrashReport) =>
      hasDump &&
      epc !== undefined &&
      epc.value === report.epc?.value &&
      ra?.value === report.ra?.value &&
      badva?.value === report.badva?.value;
    // Someone quoted the line of a crash that is in the log.
    if (!report.marked && this.#reports.some(isSame)) return;
    this.#emit(report);
  }

  #faultReport({ line, fault, isTangled = false }: Waiting): CrashReport {
    const found = (value: string | undefined): Found | undefined =>
      value === undefined ? undefined : { value, line: line.number };
    return {
      ...new OpenReport('oops', line).close(),
      architecture: fault.architecture ?? architectureOf(line.text),
      ...{ cpu: fault.cpu, isTangled },
      ...{ epc: found(fault.epc), ra: found(fault.ra), badva: found(fault.badva) },
      epcSymbol: this.#symbols.get(`${line.number} epc`),
      raSymbol: this.#symbols.get(`${line.number} ra`),
    };
  }

  #emit(report: CrashReport): void {
    this.blocks++;
    if (report.kind === 'oops') this.oopses++;
    if (this.#reports.length < MAX_REPORTS) this.#reports.push(report);
  }
}

function beginsDump(dump: DumpLine): boolean {
  return dump.part === 'comm' || (dump.part === 'registers' && dump.registers[0][0] === '$0');
}

/** A register dump with epc and Cause is a crash; without them it is one when the address of a fault is there. */
function isCrash({ epc, exccode, badva, architecture, tlbMatches }: CrashReport): boolean {
  if (architecture !== 'MIPS') return false;
  // No TLB has two entries for an address but at a machine check.
  if (tlbMatches.length > 0) return true;
  return exccode !== undefined && (epc !== undefined || (badva !== undefined && /^0[1-7]$/.test(exccode.value)));
}
