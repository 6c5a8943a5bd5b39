// What `decode --json` prints of a log: the columns of a classification table, then the evidence.
import type { DecodedConsole } from './console.js';
import { symptomList } from './console.js';
import type { CrashReport, Found } from './crash-report.js';
import { functionOf } from './crash-report.js';
import { oopsFamily } from './families.js';
import type { Area } from './page-history.js';
import type { Victim } from './victims.js';

/** Table columns are text, empty when the log does not say; addresses are hexadecimal as the kernel printed them. */
export interface ConsoleRecord {
  readonly name: string;
  readonly outcome: string;
  readonly end: string;
  readonly verdict: string;
  readonly phase: string;
  readonly first_symptom: string;
  readonly exccode: string;
  readonly badva: string;
  readonly epc_sym: string;
  readonly ra_sym: string;
  readonly process: string;
  readonly time_s: string;
  readonly oops_count: number;
  readonly panic: string;
  readonly all_symptoms: string;
  readonly family: string;
  readonly zeroed: string;
  readonly signature: string;
  readonly first_line: number;
  readonly reasons: ReadonlyArray<{ line: number; text: string }>;
  readonly oopses: readonly object[];
  readonly victims: readonly object[];
  readonly lines: number;
}

/** Name of a log in tables: the file name without folders and endings. */
export function logName(file: string): string {
  return file.replace(/^.*[/\\]/, '').replace(/(?:\.console)?(?:\.(?:log|txt))?(?:\.gz)?$/, '');
}

const text = (found: Found | undefined): string => found?.value ?? '';

export function consoleRecord(file: string, decoded: DecodedConsole): ConsoleRecord {
  const [first] = decoded.oopses;
  return {
    name: logName(file),
    outcome: decoded.outcome,
    end: decoded.end,
    verdict: decoded.verdict,
    phase: decoded.phase ?? '',
    first_symptom: decoded.firstSymptom ?? '',
    exccode: text(first?.exccode),
    badva: text(first?.badva),
    epc_sym: first === undefined ? '' : ((first.epcSymbol ?? first.epc)?.value ?? ''),
    ra_sym: first === undefined ? '' : ((first.raSymbol ?? first.ra)?.value ?? ''),
    process: text(first?.process),
    time_s: first?.time ?? '',
    oops_count: decoded.oopsCount,
    panic: text(decoded.panic),
    all_symptoms: symptomList(decoded),
    family: decoded.family?.name ?? '',
    zeroed: decoded.family?.zeroed ?? '',
    signature: signature(decoded),
    first_line: decoded.firstLine?.number ?? 0,
    reasons: (decoded.family?.reasons ?? []).map(({ line, value }) => ({ line, text: value })),
    oopses: decoded.oopses.map(oopsRecord),
    victims: decoded.victims.map(victimRecord),
    lines: decoded.lines,
  };
}

function oopsRecord(oops: CrashReport): object {
  return {
    line: oops.line,
    time_s: oops.time,
    exccode: text(oops.exccode),
    badva: text(oops.badva),
    epc: text(oops.epc),
    epc_sym: text(oops.epcSymbol),
    ra: text(oops.ra),
    ra_sym: text(oops.raSymbol),
    process: text(oops.process),
    pid: oops.pid ?? null,
    family: oopsFamily(oops).name,
    registers: Object.fromEntries(oops.registers),
    call_trace: oops.callTrace.map(({ symbol, address }) => symbol ?? address),
    notes: oops.notes.map(({ value }) => value),
  };
}

function victimRecord({ source, address, line, page, area }: Victim): object {
  const hex = (value: number) => value.toString(16);
  const areaRecord = (of: Pick<Area, 'event' | 'time' | 'size' | 'caller'>, va: number) => ({
    event: of.event,
    time_s: of.time,
    va: hex(va),
    size: of.size,
    caller: of.caller,
  });
  if (page === undefined) return { source, address, line, area: area && areaRecord(area, area.base + area.offset) };
  const { freed, repopulated, flushed, zeroedBy, staleStore } = page;
  return {
    source,
    address,
    line,
    pfn: hex(freed.pfn),
    freed: { va: hex(freed.va), event: freed.event, time_s: freed.time },
    repopulated: repopulated && { pfn: hex(repopulated.pfn), event: repopulated.event, time_s: repopulated.time },
    flushed: flushed && { how: flushed.how, event: flushed.event, time_s: flushed.time },
    zeroed_by: zeroedBy && areaRecord(zeroedBy, zeroedBy.va),
    stale_store: staleStore && areaRecord(staleStore, staleStore.va),
  };
}

/**
 * A short name of how a log ends, the same for every crash of one kind and every build: `rcu-callback-null epc=0x0 ra=rcu_core`;
 * without an oops the family alone, `clean` when nothing is wrong.
 */
export function signature(decoded: DecodedConsole): string {
  const { family } = decoded;
  if (family === undefined) return 'clean';
  const [oops] = decoded.oopses;
  if (oops === undefined) return family.name;
  const name = (symbol: Found | undefined) => functionOf(symbol?.value) ?? (symbol?.value === '0x0' ? '0x0' : '?');
  return `${family.name} epc=${name(oops.epcSymbol)} ra=${name(oops.raSymbol)}`;
}
