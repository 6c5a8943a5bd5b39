// The text report of a decoded console.
import { architectureNamed } from './architecture.js';
import type { DecodedBoot, DecodedConsole } from './console.js';
import type { CrashReport } from './crash-report.js';
import { MIPS_REGISTERS, MIPS_REGISTERS_PRINTED, foreignArchitecture } from './crash-report.js';
import { exceptionName, oopsFamily, warningPlace } from './families.js';
import { signature } from './record.js';
import type { UserFault } from './user-fault.js';
import type { Victim } from './victims.js';

const MAX_OOPSES = 6;
const MAX_TRACE = 8;
const MAX_VICTIMS = 12;
const MAX_FAULTS = 6;

/** Lines of the report on `file`, without line ends. */
export function reportLines(file: string, decoded: DecodedConsole): string[] {
  const { boots } = decoded;
  const crashed = boots.filter(({ verdict }) => verdict !== 'ok');
  if (boots.length > 1 && crashed.length > 1) return severalBoots(file, decoded, crashed);
  const lines = [`${file}: ${heading(decoded)}`];
  if (boots.length > 1) lines.push(`  ${boots.length} boots in this log; the others show no crash`);
  lines.push(...bootLines(decoded, decoded, decoded.oopsCount));
  lines.push(...victimLines(decoded));
  return lines;
}

function severalBoots(file: string, decoded: DecodedConsole, crashed: readonly DecodedBoot[]): string[] {
  const clean = decoded.boots.length - crashed.length;
  const oopses = decoded.oopsCount === 1 ? '1 oops' : `${decoded.oopsCount} oopses`;
  const lines = [
    `${file}: ${decoded.boots.length} boots in this log${clean > 0 ? `, ${clean} of them without a crash` : ''}, ${oopses}`,
  ];
  decoded.boots.forEach((boot, i) => {
    if (boot.verdict === 'ok') return;
    lines.push('', `boot ${i + 1} of ${decoded.boots.length}: ${heading(boot)}`);
    lines.push(...bootLines(decoded, boot, boot.oopses.length));
  });
  lines.push(...victimLines(decoded));
  return lines;
}

function heading(boot: DecodedBoot): string {
  return `${boot.outcome}${boot.outcome === 'clean' ? '' : `, ${signature(boot)}`}`;
}

function bootLines(decoded: DecodedConsole, boot: DecodedBoot, oopsCount: number): string[] {
  const lines = [`  ends: ${ending(boot, decoded.lines)}`];
  const { firstLine, firstSymptom, family, oopses, panic } = boot;
  const faults = faultLines(boot, boot.userFaults.length);
  if (firstSymptom === undefined || firstLine === undefined) {
    if (faults.length > 0) lines.push('  no crash of the kernel');
    return [...lines, ...faults];
  }
  const foreign = oopses.map(foreignArchitecture).find((name) => name !== undefined);
  if (foreign !== undefined) lines.push(`  not MIPS: ${foreign}`);
  lines.push(`  first symptom: ${firstSymptom}, ${place(firstLine.number, firstLine.time, firstLine.clock)}`);
  lines.push(`    ${firstLine.text.trim()}`);
  if (family !== undefined) {
    lines.push(`  family: ${family.name}`, `    ${family.zeroed}`);
    for (const { value, line } of family.reasons) lines.push(`    because ${value} (line ${line})`);
  }
  lines.push(...complaintLines(boot));
  const numbers = oopses.flatMap(({ number }) => number ?? []);
  const missing = numbers.length === 0 ? 0 : Math.min(...numbers) - 1;
  oopses.slice(0, MAX_OOPSES).forEach((oops, i) => lines.push(...oopsLines(oops, i, oopsCount, missing)));
  if (oopsCount > MAX_OOPSES) lines.push(`  ... and ${oopsCount - MAX_OOPSES} more oopses`);
  if (panic !== undefined) lines.push(`  panic: ${panic.value || 'no reason given'} (line ${panic.line})`);
  return [...lines, ...faults];
}

function place(line: number, time: string, clock = ''): string {
  if (time !== '') return `line ${line} at ${time} s`;
  return clock === '' ? `line ${line}` : `line ${line} at ${clock} by the capture's clock`;
}

function ending({ end, phase, lastLine }: DecodedBoot, lines: number): string {
  const where = lastLine === undefined ? `line ${lines}` : place(lastLine.number, lastLine.time, lastLine.clock);
  const when =
    phase === 'boot' ? ', before user space spoke' : phase === 'after-init' ? ', after user space started' : '';
  switch (end) {
    case 'panic':
      return `in a panic${when}`;
    case 'exit':
      return `by switching off or restarting, ${where}`;
    case 'running':
      return `at a login prompt, ${where}`;
    case 'silent-stall':
      return `in silence${when}; last kernel message: ${where}`;
    case 'open':
      return `unknown: the log is an excerpt, up to ${where}`;
  }
}

/** @param missing number of oopses that the kernel counted before those of the log */
function oopsLines(oops: CrashReport, index: number, count: number, missing: number): string[] {
  const family = oopsFamily(oops).name;
  const lines = [
    `  oops ${index + 1} of ${count}: ${place(oops.line, oops.time, oops.clock)}${who(oops, count > 1)}: ${family}`,
  ];
  if (index === 0 && missing > 0)
    lines.push(
      `    the kernel counted ${missing} before ${count === 1 ? 'it' : 'these'}: ${missing === 1 ? 'it is' : 'they are'} not in this log`,
    );
  lines.push(...whereLines(oops));
  if (oops.isTangled) lines.push("    lines of two CPUs' dumps ran together: what cannot be told apart is left out");
  else if (!oops.hasDump) lines.push('    no register dump of it in the log');
  else lines.push(...registersRead(oops));
  lines.push(...traceLines(oops));
  for (const { value, line } of oops.notes) lines.push(`    ${value} (line ${line})`);
  return lines;
}

function who({ process, pid, cpu }: CrashReport, withCpu = false): string {
  const on = withCpu && cpu !== undefined ? `, CPU ${cpu}` : '';
  if (process === undefined) return on;
  return `${on}, ${process.value}${pid === undefined ? '' : ` (pid ${pid})`}`;
}

function whereLines(report: CrashReport): string[] {
  const isX86 = report.architecture === 'x86';
  const foreign = architectureNamed(foreignArchitecture(report));
  const [pc, returned, fault] = foreign?.names ?? (isX86 ? ['RIP', 'ra', 'CR2'] : ['epc', 'ra', 'BadVA']);
  const address = (symbol: typeof report.epc, raw: typeof report.epc) =>
    [raw?.value, symbol?.value].filter((part) => part !== undefined).join(' ') || 'not in the log';
  const lines = [`    ${pc.padEnd(4)} ${address(report.epcSymbol, report.epc)}`];
  if (!isX86 && (foreign === undefined || report.ra !== undefined || report.raSymbol !== undefined))
    lines.push(`    ${returned.padEnd(4)} ${address(report.raSymbol, report.ra)}`);
  const exccode = report.exccode?.value;
  const meaning = exccode === undefined || isX86 ? '' : exceptionName(exccode);
  const cause =
    exccode === undefined || foreign !== undefined
      ? ''
      : `${isX86 ? 'error code' : 'ExcCode'} ${exccode}${meaning === '' ? '' : ` (${meaning})`}, `;
  lines.push(`    ${cause}${fault} ${report.badva?.value ?? 'not in the log'}`);
  return lines;
}

/** A dump prints 30 registers: what is missing of them was cut out or lost. */
function registersRead({ registers, architecture }: CrashReport): string[] {
  if (architecture !== 'MIPS' || registers.size >= MIPS_REGISTERS_PRINTED) return [];
  return [`    ${registers.size} of ${MIPS_REGISTERS} registers read`];
}

function traceLines({ callTrace }: CrashReport): string[] {
  const names = callTrace.map(({ symbol, address: at }) => (symbol ?? at ?? '?').replace(/\+0x.*$/, ''));
  if (names.length === 0) return [];
  const more = names.length > MAX_TRACE ? ` < ... ${names.length - MAX_TRACE} more` : '';
  return [`    called: ${names.slice(0, MAX_TRACE).join(' < ')}${more}`];
}

/** The warning, BUG or lockup that the first symptom stands in. */
function complaintLines({ reports, firstLine, family }: DecodedBoot): string[] {
  const report = reports.find(({ line }) => line === firstLine?.number) ?? family?.report;
  if (report === undefined || report.kind === 'oops') return [];
  const lines = [`  ${report.kind}: ${place(report.line, report.time, report.clock)}${who(report)}`];
  const at = report.kind === 'warning' ? warningPlace(report.headline) : undefined;
  if (at !== undefined) lines.push(`    at ${at.at}${at.symbol === undefined ? '' : ` in ${at.symbol}`}`);
  if (report.epc !== undefined || report.epcSymbol !== undefined)
    lines.push(...whereLines(report), ...registersRead(report));
  lines.push(...traceLines(report));
  const said = new Set((family?.reasons ?? []).map(({ line }) => line));
  for (const { value, line } of report.notes) if (!said.has(line)) lines.push(`    ${value} (line ${line})`);
  return lines;
}

function faultLines({ userFaults }: DecodedBoot, count: number): string[] {
  const lines = userFaults.slice(0, MAX_FAULTS).flatMap(faultStory);
  return count > MAX_FAULTS ? [...lines, `  ... and ${count - MAX_FAULTS} more signals`] : lines;
}

function faultStory(fault: UserFault): string[] {
  const { process, pid, signal, access, badva, epc, epcIn, ra, raIn, line, time } = fault;
  const to = badva === undefined ? '' : `: ${access ?? 'access'} ${access === 'write' ? 'to' : 'of'} ${badva}`;
  const name = pid === undefined ? process : `${process} (pid ${pid})`;
  const at = (register: string, address: string | undefined, file: string | undefined) =>
    address === undefined ? [] : [`    ${register.padEnd(4)} ${address}${file === undefined ? '' : ` in ${file}`}`];
  return [
    `  user space: process ${name} got ${signal}${to}, ${place(line, time)}`,
    ...at('epc', epc, epcIn),
    ...at('ra', ra, raIn),
  ];
}

function victimLines(decoded: DecodedConsole): string[] {
  if (decoded.events === 0 || decoded.reports.length === 0) return [];
  if (decoded.victims.length === 0)
    return [
      `  per-CPU pages: no register points into a depopulated page or a per-CPU area (${decoded.events} events looked at)`,
    ];
  const lines = [`  per-CPU pages (${decoded.events} events looked at):`];
  for (const victim of decoded.victims.slice(0, MAX_VICTIMS)) lines.push(...victimStory(victim));
  if (decoded.victims.length > MAX_VICTIMS)
    lines.push(`    ... and ${decoded.victims.length - MAX_VICTIMS} more addresses`);
  return lines;
}

function victimStory({ source, address, page, area }: Victim): string[] {
  const hex = (value: number) => value.toString(16);
  const head = source.includes(address) ? `${address} in "${source}"` : `${source} = ${address}`;
  if (page === undefined) {
    if (area === undefined) return [];
    const of = `${area.size} bytes at ${hex(area.base + area.offset)}, event ${area.event} at ${area.time} s, ${area.caller}`;
    return [`    ${head}: in the per-CPU area of ${of}`];
  }
  const { freed, repopulated, flushed, zeroedBy, staleStore } = page;
  const lines = [
    `    ${head}: physical page ${hex(freed.pfn)} backed per-CPU address ${hex(freed.va)} until event ${freed.event} at ${freed.time} s depopulated it`,
  ];
  if (repopulated === undefined)
    return [...lines, `      ${hex(freed.va)} has not been populated again: nothing was zeroed there since`];
  lines.push(
    `      ${hex(freed.va)} was populated again with page ${hex(repopulated.pfn)}, event ${repopulated.event} at ${repopulated.time} s`,
  );
  if (staleStore !== undefined)
    return [
      ...lines,
      `      ${staleStore.size} bytes at ${hex(staleStore.va)} were zeroed through the translation to the old page, so here: ` +
        `event ${staleStore.event} at ${staleStore.time} s, ${staleStore.caller}`,
    ];
  if (flushed !== undefined) {
    const how =
      flushed.how === 'flush'
        ? 'the TLB was flushed'
        : 'the chunk was destroyed, and vmalloc flushes before it reuses addresses';
    return [
      ...lines,
      `      between the two ${how} (event ${flushed.event} at ${flushed.time} s): no stale translation`,
    ];
  }
  if (zeroedBy === undefined) return [...lines, `      no area allocated there since covers the address`];
  lines.push(
    `      a stale translation would send the memset of the last area allocated over it here: ${zeroedBy.size} bytes at ${hex(zeroedBy.va)}, ` +
      `event ${zeroedBy.event} at ${zeroedBy.time} s, ${zeroedBy.caller}`,
  );
  return lines;
}
