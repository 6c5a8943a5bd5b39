// Decodes a console log: what went wrong, where, in which family of crashes, and whether the victims lie in freed per-CPU pages.
import type { CrashReport, Found } from './crash-report.js';
import { CrashReportReader } from './crash-report.js';
import type { Family } from './families.js';
import { complaintFamily, oopsFamily } from './families.js';
import type { LogLine } from './line.js';
import { kernelLines } from './line.js';
import { PageHistory } from './page-history.js';
import type { KernelSymbols } from './symbols.js';
import type { Symptom } from './symptoms.js';
import { SymptomCounts } from './symptoms.js';
import type { Victim } from './victims.js';
import { findVictims } from './victims.js';

export type Outcome = 'clean' | 'oops' | 'bug' | 'panic' | 'stall';

/**
 * How the log ends: in a panic, by switching off, in nothing at all (a boot that stopped without a word), at a login prompt, or open: an
 * excerpt that does not start at the boot, whose end says nothing.
 */
export type End = 'panic' | 'exit' | 'silent-stall' | 'running' | 'open';

export type FirstSymptom = Symptom | 'pure_stall' | 'artefact_rtc_calibration_stall';

/** A family of a log; clean logs have none. */
export interface LogFamily extends Family {
  /** The block it was taken from, when there is one. */
  readonly report: CrashReport | undefined;
}

export interface DecodedConsole {
  readonly outcome: Outcome;
  readonly end: End;
  /** As the recorded boots were judged: ARTEFACT is a stall that is QEMU's, not the kernel's. */
  readonly verdict: 'CRASH' | 'ok' | 'ARTEFACT';
  /** Of a crash: before or after the first process of user space spoke. */
  readonly phase: 'boot' | 'after-init' | undefined;
  readonly firstSymptom: FirstSymptom | undefined;
  /** Line of the first symptom; of a stall, the last line. */
  readonly firstLine: LogLine | undefined;
  /** Number of lines by symptom, in order of appearance; empty when the log is clean. */
  readonly symptoms: ReadonlyMap<string, number>;
  readonly oopses: readonly CrashReport[];
  readonly oopsCount: number;
  /** All blocks: oopses, warnings, BUGs, lockups. */
  readonly reports: readonly CrashReport[];
  /** The panic's reason. */
  readonly panic: Found | undefined;
  readonly family: LogFamily | undefined;
  readonly victims: readonly Victim[];
  /** Events that victims were looked up in. */
  readonly events: number;
  readonly lines: number;
  /** Lines that the kernel certainly printed. */
  readonly kernelLines: number;
  readonly lastLine: LogLine | undefined;
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
const POWER_OFF = /reboot: (?:Power down|Restarting system|System halted)|System halted\.$/;
const PANIC_END = /---\[ end Kernel panic - not syncing: (.*?) \]---/;
const PANIC = /Kernel panic - not syncing: (.*?)(?:\s*\]---)?\s*$/;
/** First words of user space: the recorded boots' init, and what common init programs say. */
const USER_SPACE =
  /=====GT-INIT |^INIT: version |systemd\[1\]: |^Welcome to |\blogin: ?$|^(?:Starting|Please press Enter) .*/;
const LOGIN = /\blogin: ?$/;
/**
 * Set-up of the Malta's clock (estimate_frequencies), which can wait for ever for the RTC in QEMU: a boot with one of these lines, or
 * with a time stamp other than 0, is beyond it.
 */
const CLOCK_KNOWN = /^CPU frequency |clocksource: MIPS|^Calibrating delay loop/;
const MALTA = /MIPS: machine is mti,malta/;
/** Lines only a kernel prints: a log without time stamps is told from other text by them. */
const KERNEL_LINE =
  /^Linux version |^Kernel command line: |^Memory: \d+K\/|^percpu: |^Call Trace:|^Oops|Unable to handle kernel|Kernel panic|^\[<[0-9a-f]{8}|^RIP: |^BUG: |WARNING: CPU: |^epc\s*: [0-9a-f]{8}|^Cause\s*: [0-9a-f]{8}|^reboot: |^(?:scsi|sd|pci|NET|VFS|clocksource|rcu|printk)\b.*: |^CPU\d revision is/;

/** A report that `boot --check` prints among the kernel's lines, without a time, between two lines like this. */
const CHECK_FRAME = /^={60,}$/;
const CHECK_HEAD = /^BUG: stale (?:read|write) /;

/** Reads a log line by line; memory does not grow with the log. */
export class ConsoleDecoder {
  readonly #symptoms = new SymptomCounts();
  readonly #reports = new CrashReportReader();
  #ownEvents = new PageHistory();
  /** Of earlier boots in the same log. */
  readonly #earlierVictims: Victim[] = [];
  #earlierEvents = 0;
  #earlierReports = 0;
  readonly #options: DecodeOptions;
  #lines = 0;
  #kernelLines = 0;
  #isBoot = false;
  #isMalta = false;
  #clockKnown = false;
  #userSpace = false;
  #off = false;
  #login = false;
  #panic: Found | undefined;
  #last: LogLine | undefined;
  #inCheckReport = false;
  #previous: LogLine | undefined;

  constructor(options: DecodeOptions = {}) {
    this.#options = options;
  }

  /** The next line, without its line end. */
  add(raw: string): void {
    this.#lines++;
    for (const line of kernelLines(raw, this.#lines)) this.#addLine(line);
  }

  #addLine(line: LogLine): void {
    const { text } = line;
    // Two consoles on one line (earlycon stays on besides ttyS0) print everything twice.
    const previous = this.#previous;
    this.#previous = line;
    if (line.time !== '' && line.time === previous?.time && text === previous.text) return;
    if (this.#passesCheckReport(line, previous)) return;
    if (line.time !== '' || KERNEL_LINE.test(text)) {
      this.#kernelLines++;
      this.#last = line;
      this.#login = false;
    }
    if (BOOT_START.test(text)) {
      this.#startBoot();
    } else if (MALTA.test(text)) this.#isMalta = true;
    else if (!this.#userSpace && USER_SPACE.test(text)) this.#userSpace = true;
    if (!this.#clockKnown) this.#clockKnown = /[1-9]/.test(line.time) || CLOCK_KNOWN.test(text);
    if (LOGIN.test(text)) this.#login = true;
    if (POWER_OFF.test(text)) this.#off = true;
    if (text.includes('Kernel panic')) this.#addPanic(line);
    this.#symptoms.add(line);
    this.#reports.add(line);
    this.#ownEvents.addConsoleLine(text);
  }

  #passesCheckReport({ text, time }: LogLine, previous: LogLine | undefined): boolean {
    const was = this.#inCheckReport;
    if (was) this.#inCheckReport = time === '' && !CHECK_FRAME.test(text);
    else this.#inCheckReport = CHECK_HEAD.test(text) && CHECK_FRAME.test(previous?.text ?? '');
    return this.#inCheckReport || (was && time === '');
  }

  #addPanic({ text, number }: LogLine): void {
    const first = this.#panic;
    if (first === undefined) {
      const reason = PANIC.exec(text)?.[1];
      if (reason !== undefined) this.#panic = { value: reason, line: number };
    } else {
      // The last line of a panic repeats the reason: the whole of it, where the first line was torn.
      const reason = PANIC_END.exec(text)?.[1];
      if (reason?.startsWith(first.value)) this.#panic = { value: reason, line: first.line };
    }
  }

  /** A log may hold several boots: addresses and events of one say nothing of the next. */
  #startBoot(): void {
    this.#isBoot = true;
    this.#isMalta = false;
    this.#clockKnown = false;
    this.#off = false;
    if (this.#options.events !== undefined) return;
    this.#reports.close();
    this.#earlierVictims.push(...this.#victimsSince());
    this.#earlierEvents += this.#ownEvents.events;
    this.#earlierReports = this.#reports.reports.length;
    this.#ownEvents = new PageHistory();
  }

  #victimsSince(): Victim[] {
    return findVictims(this.#reports.reports.slice(this.#earlierReports), this.#options.events ?? this.#ownEvents);
  }

  finish(): DecodedConsole {
    this.#reports.close();
    const reports = this.#reports.reports.map((report) => this.#withSymbols(report));
    const oopses = reports.filter(({ kind }) => kind === 'oops');
    const end = this.#end();
    const symptoms = new Map<string, number>(this.#symptoms.counts);
    let first: FirstSymptom | undefined = this.#symptoms.first?.kind;
    let firstLine = this.#symptoms.first?.line;
    // A log that starts in the middle of an oops, or a noisy line, shows only its registers.
    if (oopses.length > 0 && (firstLine === undefined || oopses[0].line < firstLine.number)) {
      first = symptomOf(oopses[0]);
      firstLine = { number: oopses[0].line, time: oopses[0].time, text: oopses[0].headline };
      symptoms.set(first, Math.max(oopses.length, symptoms.get(first) ?? 0));
    }
    const isArtefact = first === undefined && end === 'silent-stall' && this.#isMalta && !this.#clockKnown;
    if (first === undefined && end === 'silent-stall') {
      first = isArtefact ? 'artefact_rtc_calibration_stall' : 'pure_stall';
      firstLine = this.#last;
      symptoms.clear();
      symptoms.set(first, 1);
    }
    if (first === undefined) symptoms.clear();
    const verdict = first === undefined ? 'ok' : isArtefact ? 'ARTEFACT' : 'CRASH';
    return {
      outcome: this.#outcome(first, end),
      end,
      verdict,
      phase: verdict === 'ok' ? undefined : this.#userSpace ? 'after-init' : 'boot',
      firstSymptom: first,
      firstLine,
      symptoms,
      oopses,
      oopsCount: this.#reports.oopses,
      reports,
      panic: this.#panic,
      family: this.#family(reports, first),
      victims: [...this.#earlierVictims, ...this.#victimsSince()],
      events: this.#earlierEvents + (this.#options.events ?? this.#ownEvents).events,
      lines: this.#lines,
      kernelLines: this.#kernelLines,
      lastLine: this.#last,
    };
  }

  #end(): End {
    if (this.#panic !== undefined) return 'panic';
    if (this.#off) return 'exit';
    if (this.#login) return 'running';
    return this.#isBoot ? 'silent-stall' : 'open';
  }

  #outcome(first: FirstSymptom | undefined, end: End): Outcome {
    const has = (...kinds: Symptom[]) => kinds.some((kind) => this.#symptoms.count(kind) > 0);
    if (this.#panic !== undefined) return 'panic';
    if (this.#reports.oopses > 0) return first === 'kernel_bug' ? 'bug' : 'oops';
    if (has('kernel_bug', 'bug_spinlock', 'bad_page', 'list_corruption', 'bug_other')) return 'bug';
    if (end === 'silent-stall' || has('soft_lockup', 'rcu_stall', 'hung_task')) return 'stall';
    return first === undefined ? 'clean' : 'bug';
  }

  #family(reports: readonly CrashReport[], first: FirstSymptom | undefined): LogFamily | undefined {
    if (first === undefined) return undefined;
    const oops = reports.find(({ kind }) => kind === 'oops');
    if (oops !== undefined) return { ...oopsFamily(oops), report: oops };
    // What follows a panic (a warning from stopping the other CPUs) says nothing of its cause.
    const beforePanic = reports.filter(({ line }) => this.#panic === undefined || line < this.#panic.line);
    for (const report of beforePanic) {
      const family = report.kind === 'lockup' ? undefined : complaintFamily(report);
      if (family !== undefined) return { ...family, report };
    }
    return this.#familyWithoutObject(beforePanic, first);
  }

  #familyWithoutObject(reports: readonly CrashReport[], first: FirstSymptom): LogFamily {
    const last = this.#last;
    const lastWords = {
      value: `the last line of the log${last?.time ? `, at ${last.time} s` : ''}: ${last?.text.trim() ?? ''}`,
      line: last?.number ?? 0,
    };
    const family = (name: string, zeroed: string, reasons: Found[], report?: CrashReport): LogFamily => ({
      name,
      zeroed,
      reasons,
      report,
    });
    const isRootMissing = this.#panic !== undefined && /Unable to mount root/.test(this.#panic.value);
    if (this.#panic !== undefined) {
      if (isRootMissing) return family('root-device-missing', 'Unknown: the root disk never appeared.', [this.#panic]);
      return family('panic', 'Unknown: the kernel gave up without an oops.', [this.#panic]);
    }
    const lockup = reports.find(({ kind }) => kind === 'lockup');
    if (lockup !== undefined) {
      const reasons = [{ value: lockup.headline, line: lockup.line }];
      const epc = lockup.epcSymbol ?? lockup.epc;
      if (epc !== undefined) reasons.push({ value: `it runs in ${epc.value}`, line: epc.line });
      return family('lockup', 'Unknown: a task loops or waits for what never comes.', reasons, lockup);
    }
    const complaint = reports[0];
    if (complaint !== undefined)
      return family('warning', 'Unknown object.', [{ value: complaint.headline, line: complaint.line }], complaint);
    if (first === 'artefact_rtc_calibration_stall')
      return family(
        'clock-calibration-stall',
        "Nothing: QEMU's clock never ticked, before any per-CPU page was freed.",
        [lastWords],
      );
    return family('stall', 'Unknown: the boot stopped without a word.', [lastWords]);
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

/** What the line in front of an oops would have said, by the exception. */
function symptomOf(oops: CrashReport): Symptom {
  const exccode = oops.exccode?.value ?? '02';
  if (oops.architecture === 'x86' || /^0[1-3]$/.test(exccode)) return 'unable_paging';
  if (/^0[45]$/.test(exccode)) return 'unaligned';
  return /^0[67]$/.test(exccode) ? 'bus_error' : 'exception';
}

/** Symptom counts as classification tables write them: `warning:3,unable_paging:1`. */
export function symptomList(decoded: DecodedConsole): string {
  return [...decoded.symptoms].map(([kind, count]) => `${kind}:${count}`).join(',');
}
