// What `decode --json` prints of a log: the columns of a classification table, then the evidence. docs/json.md has the style.
import type { DecodedBoot, DecodedConsole } from './console.js';
import { symptomList } from './console.js';
import type { CrashReport, Found } from './crash-report.js';
import { functionOf } from './crash-report.js';
import { oopsFamily } from './families.js';
import type { Area } from './page-history.js';
import type { UserFault } from './user-fault.js';
import type { Victim } from './victims.js';

/** Table columns are text, empty when the log does not say; addresses are `0x` and the digits that the kernel printed. */
export interface ConsoleRecord {
  readonly name: string;
  readonly outcome: string;
  readonly end: string;
  readonly verdict: string;
  readonly phase: string;
  /** 'MIPS', the name of another, or empty. */
  readonly architecture: string;
  readonly firstSymptom: string;
  /** Cause.ExcCode, two hexadecimal digits. */
  readonly exccode: string;
  readonly badva: string;
  /** `function+0xoffset/0xsize`, or the address when there is no name for it. */
  readonly epcSym: string;
  readonly raSym: string;
  readonly process: string;
  readonly pid: number | null;
  /** printk's stamp of the crash, seconds. */
  readonly time: string;
  readonly oopsCount: number;
  readonly panic: string;
  /** Number of lines by symptom: `warning:3,unable_paging:1`. */
  readonly allSymptoms: string;
  readonly family: string;
  readonly zeroed: string;
  readonly signature: string;
  /** Line of the first symptom; 0 when there is none. */
  readonly firstLine: number;
  readonly reasons: ReadonlyArray<{ line: number; text: string }>;
  readonly oopses: readonly object[];
  /** Warnings, BUGs and lockups. */
  readonly complaints: readonly object[];
  /** Processes that got a signal. */
  readonly userFaults: readonly object[];
  /** One record per boot in the log. */
  readonly boots: readonly object[];
  readonly victims: readonly object[];
  readonly lines: number;
}

/** Name of a log in tables: the file name without folders and endings. */
export function logName(file: string): string {
  return file.replace(/^.*[/\\]/, '').replace(/(?:\.console)?(?:\.(?:log|txt))?(?:\.gz)?$/, '');
}

const text = (found: Found | undefined): string => found?.value ?? '';
/** An address as JSON has it. */
const hex = (digits: string | undefined): string => (digits === undefined ? '' : `0x${digits}`);

/** What the columns are taken from: the first oops, else the block or the fault that the first symptom is. */
function crashOf(boot: DecodedBoot): CrashReport | UserFault | undefined {
  const { oopses, reports, userFaults, firstLine, firstSymptom, outcome } = boot;
  if (oopses.length > 0) return oopses[0];
  if (firstSymptom === 'segv_init') return userFaults.find(({ line }) => line === firstLine?.number);
  const report = reports.find(({ line }) => line === firstLine?.number);
  // Of x86 lockups the columns stay empty, as recorded.
  return outcome === 'bug' || (report?.kind === 'lockup' && report.architecture !== 'x86') ? report : undefined;
}

function columns(boot: DecodedBoot): {
  exccode: string;
  badva: string;
  epcSym: string;
  raSym: string;
  process: string;
  pid: number | null;
  time: string;
} {
  const crash = crashOf(boot);
  if (crash === undefined) return { exccode: '', badva: '', epcSym: '', raSym: '', process: '', pid: null, time: '' };
  if ('signal' in crash) {
    const { badva, epc, ra, epcIn, raIn, process, pid, time } = crash;
    const at = (address: string | undefined, file: string | undefined) =>
      address === undefined ? '' : `${hex(address)}${file === undefined ? '' : ` in ${file}`}`;
    return {
      exccode: '',
      badva: hex(badva),
      epcSym: at(epc, epcIn),
      raSym: at(ra, raIn),
      process,
      pid: pid ?? null,
      time,
    };
  }
  const where = (symbol: Found | undefined, address: Found | undefined) => symbol?.value ?? hex(address?.value);
  return {
    exccode: text(crash.exccode),
    badva: hex(crash.badva?.value),
    epcSym: where(crash.epcSymbol, crash.epc),
    raSym: where(crash.raSymbol, crash.ra),
    process: text(crash.process),
    pid: crash.pid ?? null,
    time: crash.time,
  };
}

export function consoleRecord(file: string, decoded: DecodedConsole): ConsoleRecord {
  const main = mainBoot(decoded);
  const { exccode, badva, epcSym, raSym, process, pid, time } = columns(main);
  return {
    ...{ name: logName(file), outcome: decoded.outcome, end: decoded.end, verdict: decoded.verdict },
    ...{ phase: decoded.phase ?? '', architecture: decoded.architecture ?? '' },
    ...{ firstSymptom: decoded.firstSymptom ?? '', exccode, badva, epcSym, raSym, process, pid, time },
    oopsCount: decoded.oopsCount,
    panic: text(decoded.panic),
    allSymptoms: symptomList(decoded),
    family: decoded.family?.name ?? '',
    zeroed: decoded.family?.zeroed ?? '',
    signature: signature(decoded),
    firstLine: decoded.firstLine?.number ?? 0,
    reasons: (decoded.family?.reasons ?? []).map(({ line, value }) => ({ line, text: value })),
    oopses: decoded.oopses.map(reportRecord),
    complaints: decoded.reports.filter(({ kind }) => kind !== 'oops').map(reportRecord),
    userFaults: decoded.userFaults.map(userFaultRecord),
    boots: decoded.boots.map(bootRecord),
    victims: decoded.victims.map(victimRecord),
    lines: decoded.lines,
  };
}

/** The boot that a log's own fields are of. */
function mainBoot(decoded: DecodedConsole): DecodedBoot {
  return decoded.boots.find(({ verdict }) => verdict === 'CRASH') ?? decoded.boots.at(-1)!;
}

function bootRecord(boot: DecodedBoot): object {
  return {
    ...{ outcome: boot.outcome, end: boot.end, verdict: boot.verdict, phase: boot.phase ?? '' },
    ...{ firstSymptom: boot.firstSymptom ?? '', firstLine: boot.firstLine?.number ?? 0, ...columns(boot) },
    ...{ oopsCount: boot.oopses.length, panic: text(boot.panic), family: boot.family?.name ?? '' },
    signature: signature(boot),
  };
}

function reportRecord(report: CrashReport): object {
  const trace = report.callTrace.map(({ symbol, address }) => symbol ?? hex(address));
  return {
    ...{ kind: report.kind, line: report.line, headline: report.headline, time: report.time, clock: report.clock },
    ...{ number: report.number ?? null, cpu: report.cpu ?? null, architecture: report.architecture ?? '' },
    release: report.release ?? '',
    exccode: text(report.exccode),
    badva: hex(report.badva?.value),
    epc: hex(report.epc?.value),
    epcSym: text(report.epcSymbol),
    ra: hex(report.ra?.value),
    raSym: text(report.raSymbol),
    process: text(report.process),
    pid: report.pid ?? null,
    ...(report.kind === 'oops' ? { family: oopsFamily(report).name } : {}),
    hasDump: report.hasDump,
    isTangled: report.isTangled,
    registersRead: report.registers.size,
    registers: Object.fromEntries([...report.registers].map(([name, value]) => [name, hex(value)])),
    callTrace: trace,
    notes: report.notes.map(({ value }) => value),
    tlbMatches: report.tlbMatches.map(({ va, entries }) => ({
      va: hex(va),
      entries: entries.map(({ index, va: at, asid, pageSize, isGlobal, pages, line }) => ({
        ...{ index, va: hex(at), asid: hex(asid), pageSize, isGlobal, pages: pages.map(hex), line },
      })),
    })),
  };
}

function userFaultRecord(fault: UserFault): object {
  const { line, time, process, pid, signal, access, badva, epc, epcIn, ra, raIn } = fault;
  return {
    ...{ line, time, process, pid: pid ?? null, signal, access: access ?? '', badva: hex(badva) },
    ...{ epc: hex(epc), epcIn: epcIn ?? '', ra: hex(ra), raIn: raIn ?? '' },
  };
}

function victimRecord({ source, address, line, page, area }: Victim): object {
  const toHex = (value: number) => `0x${value.toString(16)}`;
  const areaRecord = (of: Pick<Area, 'event' | 'time' | 'size' | 'caller'>, va: number) => ({
    event: of.event,
    time: of.time,
    va: toHex(va),
    size: of.size,
    caller: of.caller,
  });
  const start = { source, address: hex(address), line };
  if (page === undefined) return { ...start, area: area && areaRecord(area, area.base + area.offset) };
  const { freed, repopulated, flushed, zeroedBy, staleStore } = page;
  return {
    ...start,
    pfn: toHex(freed.pfn),
    freed: { va: toHex(freed.va), event: freed.event, time: freed.time },
    repopulated: repopulated && { pfn: toHex(repopulated.pfn), event: repopulated.event, time: repopulated.time },
    flushed: flushed && { how: flushed.how, event: flushed.event, time: flushed.time },
    zeroedBy: zeroedBy && areaRecord(zeroedBy, zeroedBy.va),
    staleStore: staleStore && areaRecord(staleStore, staleStore.va),
  };
}

/**
 * A short name of how a log ends, the same for every crash of one kind and every build: `rcu-callback-null epc=0x0 ra=rcu_core`;
 * without an oops the family alone, `clean` when nothing is wrong.
 */
export function signature(decoded: Pick<DecodedBoot, 'family' | 'oopses'>): string {
  const { family } = decoded;
  if (family === undefined) return 'clean';
  const [oops] = decoded.oopses;
  if (oops === undefined) return family.name;
  const name = (symbol: Found | undefined) => functionOf(symbol?.value) ?? (symbol?.value === '0x0' ? '0x0' : '?');
  return `${family.name} epc=${name(oops.epcSymbol)} ra=${name(oops.raSymbol)}`;
}
