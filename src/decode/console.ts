// Decodes a console log: what went wrong, where, in which family of crashes, and whether the victims lie in freed per-CPU pages.
import { architectureOf } from './architecture.js';
import { Stretch, bootsOf, isBeyondPanic, markBootStarts } from './boots.js';
import type { CrashReport, Found } from './crash-report.js';
import { functionOf } from './crash-report.js';
import { readDumpLine } from './dump-line.js';
import type { Family } from './families.js';
import { logFamily } from './log-family.js';
import { readHeadline } from './headline.js';
import { LineJoiner } from './joined-lines.js';
import type { LogLine } from './line.js';
import { kernelLines } from './line.js';
import { MailSource } from './mail-source.js';
import { PageHistory } from './page-history.js';
import { readPanic } from './panic.js';
import { PrefixLearner } from './prefix.js';
import { withoutRepeats } from './repeats.js';
import { CrashReportReader } from './report-reader.js';
import type { KernelSymbols } from './symbols.js';
import type { Symptom } from './symptoms.js';
import { SymptomCounts, symptomsOf } from './symptoms.js';
import type { UserFault } from './user-fault.js';
import { UserFaultReader, readUserFault } from './user-fault.js';
import type { Victim } from './victims.js';
import { findVictims } from './victims.js';

export type Outcome = 'clean' | 'oops' | 'bug' | 'panic' | 'stall';

/**
 * How the log ends: in a panic, by switching off, in nothing at all (a boot that stopped without a word), at a login prompt, or open: an
 * excerpt that does not start at the boot, whose end says nothing, or a boot that another follows.
 */
export type End = 'panic' | 'exit' | 'silent-stall' | 'running' | 'open';

export type FirstSymptom = Symptom | 'pure_stall' | 'artefact_rtc_calibration_stall';

/** Of a crash: before or after the first process of user space spoke; undefined when the log does not say. */
export type Phase = 'boot' | 'after-init' | undefined;

/** A family of a log; clean logs have none. */
export interface LogFamily extends Family {
  /** The block it was taken from, when there is one. */
  readonly report: CrashReport | undefined;
}

/** What the log says of one boot. */
export interface DecodedBoot {
  readonly outcome: Outcome;
  readonly end: End;
  /** As the recorded boots were judged: ARTEFACT is a stall that is QEMU's, not the kernel's. */
  readonly verdict: 'CRASH' | 'ok' | 'ARTEFACT';
  readonly phase: Phase;
  readonly firstSymptom: FirstSymptom | undefined;
  /** Line of the first symptom; of a stall, the last line. */
  readonly firstLine: LogLine | undefined;
  /** Number of lines by symptom, in order of appearance; empty when the boot is clean. */
  readonly symptoms: ReadonlyMap<string, number>;
  readonly oopses: readonly CrashReport[];
  /** All blocks: oopses, warnings, BUGs, lockups. */
  readonly reports: readonly CrashReport[];
  /** Processes that got a signal for an access of theirs. */
  readonly userFaults: readonly UserFault[];
  /** The panic's reason. */
  readonly panic: Found | undefined;
  readonly family: LogFamily | undefined;
  /** The last line that the kernel certainly printed. */
  readonly lastLine: LogLine | undefined;
}

/** A log: what it says of its first boot that went wrong, or else of its last; oopses and reports are those of all boots. */
export interface DecodedConsole extends DecodedBoot {
  readonly oopsCount: number;
  /** The boots of the log; more than one when it holds several. */
  readonly boots: readonly DecodedBoot[];
  readonly userFaultCount: number;
  /** 'MIPS' or another that the crashes, or else other lines, name. */
  readonly architecture: string | undefined;
  readonly victims: readonly Victim[];
  /** Events that victims were looked up in. */
  readonly events: number;
  readonly lines: number;
  /** Lines that the kernel certainly printed. */
  readonly kernelLines: number;
}

export interface DecodeOptions {
  /** Names addresses that the log leaves raw. */
  readonly symbols?: KernelSymbols | undefined;
  /** Events of the same boot; without it those that the console itself holds are used. */
  readonly events?: PageHistory | undefined;
}

/** Decodes a whole log: its text, or its lines without line ends. */
export function decodeConsole(log: string | Iterable<string>, options: DecodeOptions = {}): DecodedConsole {
  const decoder = new ConsoleDecoder(options);
  for (const line of typeof log === 'string' ? log.split('\n') : log) decoder.add(line);
  return decoder.finish();
}

const BOOT_START = /\bLinux version \d+\.\d+\S* \(/;
/** The log so far is printed again when the real console takes over from an early one. */
const CONSOLE_HANDOVER = /\bconsole \[\w+\] (?:enabled|disabled)/;
const POWER_OFF = /reboot: (?:Power down|Restarting system|System halted)|System halted\.$/;
/** First words of user space: the recorded boots' init, and what common init programs say. */
const USER_SPACE =
  /=====GT-INIT |^INIT: version |systemd\[1\]: |^Welcome to |\blogin: ?$|^Starting (?!kernel)|^Please press Enter |^procd: |^init: (?:Console is alive|- )|^kmodloader: /;
const LOGIN = /\blogin: ?$/;
/**
 * Set-up of the Malta's clock (estimate_frequencies), which can wait for ever for the RTC in QEMU: a boot with one of these lines, or
 * with a time stamp other than 0, is beyond it.
 */
const CLOCK_KNOWN = /^CPU frequency |clocksource: MIPS|^Calibrating delay loop/;
const MALTA = /MIPS: machine is mti,malta/;
/** Lines only a kernel prints: a log without time stamps is told from other text by them. */
const KERNEL_LINE =
  /^Linux version |^Kernel command line: |^Memory: \d+K\/|^percpu: |^RIP: |^reboot: |^(?:scsi|sd|pci|NET|VFS|clocksource|rcu|printk)\b.*: |^CPU\d revision is/;

/** A report that `boot --check` prints among the kernel's lines, without a time, between two lines like this. */
const CHECK_FRAME = /^={60,}$/;
const CHECK_HEAD = /^BUG: stale (?:read|write) /;

/** Pieces of a log that are kept apart; behind them a log's boots are told by `Linux version` alone. */
const MAX_STRETCHES = 1024;
/** Reports of earlier boots whose registers were looked up already. */
const MAX_VICTIMS = 4096;

/** Functions between a system call of user space and the kernel's own. */
const SYSTEM_CALL =
  /^(?:syscall_common\w*|handle_sys\w*|stack_done|syscall_trace_entry|syscall_exit\w*|sys_\w+|SyS_\w+|__sys_\w+|__se_sys_\w+|ksys_\w+|do_syscall_64)$/;

/** Reads a log line by line; memory does not grow with the log. */
export class ConsoleDecoder {
  readonly #mail = new MailSource();
  readonly #prefixes = new PrefixLearner();
  readonly #joiner = new LineJoiner();
  readonly #reports = new CrashReportReader();
  readonly #userFaults = new UserFaultReader();
  readonly #stretches: Stretch[] = [new Stretch(0)];
  #ownEvents = new PageHistory();
  /** Of earlier boots in the same log. */
  readonly #earlierVictims: Victim[] = [];
  #earlierEvents = 0;
  #eventsSince = 0;
  readonly #options: DecodeOptions;
  #lines = 0;
  #kernelLines = 0;
  #blocks = 0;
  #architecture: string | undefined;
  #handover = false;
  #inCheckReport = false;
  #previous: LogLine | undefined;

  constructor(options: DecodeOptions = {}) {
    this.#options = options;
  }

  /** The next line, without its line end. */
  add(raw: string): void {
    this.#lines++;
    const text = this.#mail.add(raw);
    if (text !== undefined) this.#addText(text, this.#lines);
  }

  #addText(text: string, number: number): void {
    for (const line of kernelLines(text, number)) this.#addLines(this.#prefixes.add(line));
  }

  #addLines(lines: readonly LogLine[]): void {
    for (const line of lines) for (const whole of this.#joiner.add(line)) this.#addLine(whole);
  }

  get #stretch(): Stretch {
    return this.#stretches.at(-1)!;
  }

  #addLine(line: LogLine): void {
    const { text } = line;
    // Two consoles on one line (earlycon stays on besides ttyS0) print everything twice.
    const previous = this.#previous;
    this.#previous = line;
    if (line.time !== '' && line.time === previous?.time && text === previous.text) return;
    if (this.#passesCheckReport(line, previous)) return;
    if (BOOT_START.test(text)) this.#startBoot(line);
    this.#reports.add(line);
    if (this.#reports.blocks > this.#blocks || (this.#stretch.panic !== undefined && isBeyondPanic(text))) {
      this.#blocks = this.#reports.blocks;
      if (this.#stretches.length < MAX_STRETCHES) this.#stretches.push(new Stretch(line.number));
    }
    this.#addToStretch(line);
    this.#userFaults.add(line);
    this.#ownEvents.addConsoleLine(text);
  }

  #addToStretch(line: LogLine): void {
    const { text, number } = line;
    const stretch = this.#stretch;
    if (line.time !== '' || isKernelLine(text)) {
      this.#kernelLines++;
      stretch.last = line;
      stretch.login = false;
      this.#architecture ??= architectureOf(text);
    }
    if (CONSOLE_HANDOVER.test(text)) this.#handover = true;
    if (MALTA.test(text)) stretch.isMalta = true;
    if (stretch.userSpace === undefined && USER_SPACE.test(text)) stretch.userSpace = number;
    if (!stretch.clockKnown) stretch.clockKnown = /[1-9]/.test(line.time) || CLOCK_KNOWN.test(text);
    if (LOGIN.test(text)) stretch.login = true;
    if (POWER_OFF.test(text)) stretch.off = true;
    if (text.includes('Kernel panic')) this.#addPanic(line);
    const counts = line.marked ? stretch.marked : stretch.unmarked;
    for (const kind of symptomsOf(text)) counts.add(kind, line);
  }

  #passesCheckReport({ text, time }: LogLine, previous: LogLine | undefined): boolean {
    const was = this.#inCheckReport;
    if (was) this.#inCheckReport = time === '' && !CHECK_FRAME.test(text);
    else this.#inCheckReport = CHECK_HEAD.test(text) && CHECK_FRAME.test(previous?.text ?? '');
    return this.#inCheckReport || (was && time === '');
  }

  #addPanic({ text, number }: LogLine): void {
    const panic = readPanic(text);
    if (panic === undefined) return;
    const first = this.#stretch.panic;
    // The last line of a panic repeats the reason: the whole of it, where the first line was torn.
    if (first === undefined) this.#stretch.panic = { value: panic.reason, line: number };
    else if (panic.isEnd && panic.reason.startsWith(first.value))
      this.#stretch.panic = { value: panic.reason, line: first.line };
  }

  /** A log may hold several boots: addresses and events of one say nothing of the next. */
  #startBoot(line: LogLine): void {
    const stretch = this.#stretch;
    // The same boot: its first line printed twice, or all of its lines again.
    if (stretch.hasVersion && (stretch.last?.text === line.text || this.#handover)) {
      this.#handover = false;
      return;
    }
    this.#handover = false;
    this.#reports.close();
    const next = new Stretch(line.number, true);
    next.hasVersion = true;
    this.#stretches.push(next);
    this.#blocks = this.#reports.blocks;
    if (this.#options.events !== undefined) return;
    if (this.#earlierVictims.length < MAX_VICTIMS) this.#earlierVictims.push(...this.#victimsSince());
    this.#earlierEvents += this.#ownEvents.events;
    this.#eventsSince = line.number;
    this.#ownEvents = new PageHistory();
  }

  #victimsSince(): Victim[] {
    const reports = this.#reports.reports.filter(({ line }) => line >= this.#eventsSince);
    return findVictims(reports, this.#options.events ?? this.#ownEvents);
  }

  finish(): DecodedConsole {
    this.#addText(this.#mail.finish(), this.#lines);
    this.#addLines(this.#prefixes.finish());
    for (const line of this.#joiner.finish()) this.#addLine(line);
    this.#reports.close();
    const all = this.#reports.reports;
    const bootStarts = this.#stretches.filter(({ isBootStart }) => isBootStart).map(({ start }) => start);
    const reports = withoutRepeats(all, bootStarts).map((report) => this.#withSymbols(report));
    markBootStarts(this.#stretches, reports);
    const stretches = bootsOf(this.#stretches);
    const userFaults = [...this.#userFaults.faults, ...this.#reports.userDumps.map(asUserFault)];
    const boots = stretches.map((stretch, i) => {
      const end = stretches[i + 1]?.start ?? Infinity;
      const isWithin = ({ line }: { line: number }) => (i === 0 || line >= stretch.start) && line < end;
      return decodeBoot(stretch, reports.filter(isWithin), userFaults.filter(isWithin), i === stretches.length - 1);
    });
    const main = boots.find(({ verdict }) => verdict === 'CRASH') ?? boots.at(-1)!;
    const oopses = reports.filter(({ kind }) => kind === 'oops');
    return {
      ...main,
      oopses,
      oopsCount: this.#reports.oopses - all.filter(({ kind }) => kind === 'oops').length + oopses.length,
      reports,
      userFaults,
      boots,
      userFaultCount: this.#userFaults.count + this.#reports.userDumps.length,
      architecture: reports.find(({ architecture }) => architecture !== undefined)?.architecture ?? this.#architecture,
      victims: [...this.#earlierVictims, ...this.#victimsSince()],
      events: this.#earlierEvents + (this.#options.events ?? this.#ownEvents).events,
      lines: this.#lines,
      kernelLines: this.#kernelLines,
    };
  }

  #withSymbols(report: CrashReport): CrashReport {
    const { symbols } = this.#options;
    const name = (address: Found | undefined, symbol: Found | undefined): Found | undefined => {
      if (symbol !== undefined && !/^0x[0-9a-f]{2,}$/.test(symbol.value)) return symbol;
      if (address === undefined) return symbol;
      if (/^0+$/.test(address.value)) return { value: '0x0', line: address.line };
      const value = symbols?.symbolize(address.value);
      return value === undefined ? symbol : { value, line: address.line };
    };
    return {
      ...report,
      epcSymbol: name(report.epc, report.epcSymbol),
      raSymbol: name(report.ra, report.raSymbol),
      callTrace: report.callTrace.map((entry) => {
        const bare = entry.symbol === undefined || /^0x/.test(entry.symbol);
        return bare && entry.address !== undefined
          ? { ...entry, symbol: symbols?.symbolize(entry.address) ?? entry.symbol }
          : entry;
      }),
    };
  }
}

function isKernelLine(text: string): boolean {
  return (
    KERNEL_LINE.test(text) ||
    readDumpLine(text) !== undefined ||
    readHeadline(text) !== undefined ||
    readPanic(text) !== undefined ||
    readUserFault(text) !== undefined
  );
}

function asUserFault(dump: CrashReport): UserFault {
  return {
    ...{ line: dump.line, time: dump.time, headline: dump.headline, signal: 'a fatal signal', access: undefined },
    ...{ process: dump.process?.value ?? 'unknown', pid: dump.pid, badva: dump.badva?.value },
    ...{ epc: dump.epc?.value, ra: dump.ra?.value, epcIn: undefined, raIn: undefined },
  };
}

/** @param reports of this boot @param isLast no other boot follows */
function decodeBoot(
  stretch: Stretch,
  reports: readonly CrashReport[],
  userFaults: readonly UserFault[],
  isLast: boolean,
): DecodedBoot {
  const oopses = reports.filter(({ kind }) => kind === 'oops');
  const counted = countsOf(stretch, reports);
  const end = endOf(stretch, isLast);
  const symptoms = new Map<string, number>(counted.counts);
  let first: FirstSymptom | undefined = counted.first?.kind;
  let firstLine = counted.first?.line;
  // A log that starts in the middle of an oops, or a noisy line, shows only its registers.
  const [oops] = oopses;
  if (oops !== undefined && (firstLine === undefined || oops.line < firstLine.number)) {
    first = symptomOf(oops);
    firstLine = lineOf(oops);
    symptoms.set(first, Math.max(oopses.length, symptoms.get(first) ?? 0));
  }
  const initFault = initFaultOf(stretch, userFaults);
  if (initFault !== undefined && (firstLine === undefined || initFault.line < firstLine.number)) {
    first = 'segv_init';
    firstLine = lineOf(initFault);
  }
  const isArtefact = first === undefined && end === 'silent-stall' && stretch.isMalta && !stretch.clockKnown;
  if (first === undefined && end === 'silent-stall') {
    first = isArtefact ? 'artefact_rtc_calibration_stall' : 'pure_stall';
    firstLine = stretch.last;
    symptoms.clear();
    symptoms.set(first, 1);
  }
  if (first === undefined) symptoms.clear();
  const verdict = first === undefined ? 'ok' : isArtefact ? 'ARTEFACT' : 'CRASH';
  const { panic, last } = stretch;
  const outcome = outcomeOf(stretch, counted, oopses.length, first, end);
  return {
    ...{ outcome, end, verdict, firstSymptom: first, firstLine, symptoms, oopses, reports, userFaults, panic },
    phase:
      verdict === 'ok'
        ? undefined
        : phaseOf(
            stretch,
            reports,
            counted.first === undefined && oops === undefined ? Infinity : (firstLine?.number ?? 0),
            initFault !== undefined,
          ),
    family: first === undefined ? undefined : logFamily({ reports, panic, last, initFault, first }),
    lastLine: last,
  };
}

/** In a log whose crashes have stamps, a line without one that words a crash is somebody's prose. */
function countsOf(stretch: Stretch, reports: readonly CrashReport[]): SymptomCounts {
  const withDump = reports.filter(({ hasDump }) => hasDump);
  if (withDump.some(({ marked }) => marked) && !withDump.some(({ marked }) => !marked)) return stretch.marked;
  const all = new SymptomCounts();
  const [a, b] = [stretch.marked, stretch.unmarked];
  const isFirst = a.first !== undefined && (b.first === undefined || a.first.line.number < b.first.line.number);
  all.append(isFirst || b.first === undefined ? a : b);
  all.append(isFirst || b.first === undefined ? b : a);
  return all;
}

function lineOf({ line, time, headline }: { line: number; time: string; headline: string }): LogLine {
  return { number: line, time, text: headline, clock: '', caller: '', marked: time !== '', width: headline.length };
}

/** The fault of the process whose death is the panic's reason. */
function initFaultOf(stretch: Stretch, faults: readonly UserFault[]): UserFault | undefined {
  const { panic } = stretch;
  if (panic === undefined || !panic.value.includes('Attempted to kill init')) return undefined;
  const before = faults.filter(({ line }) => line < panic.line);
  return (
    before.findLast(({ process, pid }) => pid === 1 || /^(?:init|systemd|procd|linuxrc|sh)$/.test(process)) ??
    before.at(-1)
  );
}

function endOf(stretch: Stretch, isLast: boolean): End {
  if (stretch.panic !== undefined) return 'panic';
  if (stretch.off) return 'exit';
  if (stretch.login) return 'running';
  return stretch.hasVersion && isLast ? 'silent-stall' : 'open';
}

function outcomeOf(
  { panic }: Stretch,
  counts: SymptomCounts,
  oopses: number,
  first: FirstSymptom | undefined,
  end: End,
): Outcome {
  const has = (...kinds: Symptom[]) => kinds.some((kind) => counts.count(kind) > 0);
  if (panic !== undefined) return 'panic';
  if (oopses > 0) return first === 'kernel_bug' ? 'bug' : 'oops';
  if (has('kernel_bug', 'bug_spinlock', 'bad_page', 'list_corruption', 'kasan', 'slab', 'bug_other')) return 'bug';
  if (end === 'silent-stall' || has('soft_lockup', 'rcu_stall', 'hung_task')) return 'stall';
  return first === undefined ? 'clean' : 'bug';
}

function phaseOf(stretch: Stretch, reports: readonly CrashReport[], first: number, isInit: boolean): Phase {
  if ((stretch.userSpace !== undefined && stretch.userSpace < first) || isInit) return 'after-init';
  if (stretch.hasVersion) return 'boot';
  // An excerpt: the task that crashed may tell.
  const [report] = reports.filter(({ line }) => line >= first);
  if (report === undefined) return undefined;
  if (report.pid === 1 && /^swapper/.test(report.process?.value ?? '')) return 'boot';
  const inSystemCall = report.callTrace.some(({ symbol }) => SYSTEM_CALL.test(functionOf(symbol) ?? ''));
  return report.isUserProcess || inSystemCall ? 'after-init' : undefined;
}

/** What the line in front of an oops would have said, by the exception. */
function symptomOf(oops: CrashReport): Symptom {
  if (oops.architecture !== 'MIPS' && oops.architecture !== undefined)
    return oops.badva === undefined && oops.architecture !== 'x86' ? 'exception' : 'unable_paging';
  if (oops.tlbMatches.length > 0) return 'machine_check';
  switch (oops.exccode?.value ?? '02') {
    case '01':
    case '02':
    case '03':
      return 'unable_paging';
    case '04':
    case '05':
      return 'unaligned';
    case '06':
    case '07':
      return 'bus_error';
    case '18':
      return 'machine_check';
    default:
      return 'exception';
  }
}

/** Symptom counts as classification tables write them: `warning:3,unable_paging:1`. */
export function symptomList(decoded: DecodedConsole): string {
  return [...decoded.symptoms].map(([kind, count]) => `${kind}:${count}`).join(',');
}
