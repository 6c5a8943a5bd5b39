// The text report of a decoded console.
import type { DecodedConsole } from './console.js';
import type { CrashReport } from './crash-report.js';
import { exceptionName, oopsFamily } from './families.js';
import { signature } from './record.js';
import type { Victim } from './victims.js';

const MAX_OOPSES = 6;
const MAX_TRACE = 8;
const MAX_VICTIMS = 12;

/** Lines of the report on `file`, without line ends. */
export function reportLines(file: string, decoded: DecodedConsole): string[] {
  const lines = [`${file}: ${decoded.outcome}${decoded.outcome === 'clean' ? '' : `, ${signature(decoded)}`}`];
  lines.push(`  ends: ${ending(decoded)}`);
  const { firstLine, firstSymptom, family } = decoded;
  if (firstSymptom === undefined || firstLine === undefined) return lines;
  lines.push(
    `  first symptom: ${firstSymptom}, ${place(firstLine.number, firstLine.time)}`,
    `    ${firstLine.text.trim()}`,
  );
  if (family !== undefined) {
    lines.push(`  family: ${family.name}`, `    ${family.zeroed}`);
    for (const { value, line } of family.reasons) lines.push(`    because ${value} (line ${line})`);
  }
  decoded.oopses.slice(0, MAX_OOPSES).forEach((oops, i) => lines.push(...oopsLines(oops, i + 1, decoded.oopsCount)));
  if (decoded.oopsCount > MAX_OOPSES) lines.push(`  ... and ${decoded.oopsCount - MAX_OOPSES} more oopses`);
  if (decoded.panic !== undefined) lines.push(`  panic: ${decoded.panic.value} (line ${decoded.panic.line})`);
  lines.push(...victimLines(decoded));
  return lines;
}

function place(line: number, time: string): string {
  return time === '' ? `line ${line}` : `line ${line} at ${time} s`;
}

function ending({ end, phase, lastLine, lines }: DecodedConsole): string {
  const where = lastLine === undefined ? `line ${lines}` : place(lastLine.number, lastLine.time);
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

function oopsLines(oops: CrashReport, number: number, count: number): string[] {
  const who =
    oops.process === undefined ? '' : `, ${oops.process.value}${oops.pid === undefined ? '' : ` (pid ${oops.pid})`}`;
  const lines = [`  oops ${number} of ${count}: ${place(oops.line, oops.time)}${who}: ${oopsFamily(oops).name}`];
  const isX86 = oops.architecture === 'x86';
  const address = (symbol: typeof oops.epc, raw: typeof oops.epc) =>
    [raw?.value, symbol?.value].filter((part) => part !== undefined).join(' ') || 'not in the log';
  lines.push(`    ${isX86 ? 'RIP' : 'epc'}  ${address(oops.epcSymbol, oops.epc)}`);
  if (!isX86) lines.push(`    ra   ${address(oops.raSymbol, oops.ra)}`);
  const exccode = oops.exccode?.value;
  const meaning = exccode === undefined || isX86 ? '' : exceptionName(exccode);
  const cause =
    exccode === undefined
      ? ''
      : `${isX86 ? 'error code' : 'ExcCode'} ${exccode}${meaning === '' ? '' : ` (${meaning})`}, `;
  lines.push(`    ${cause}${isX86 ? 'CR2' : 'BadVA'} ${oops.badva?.value ?? 'not in the log'}`);
  const names = oops.callTrace.map(({ symbol, address: at }) => (symbol ?? at ?? '?').replace(/\+0x.*$/, ''));
  if (names.length > 0) {
    const more = names.length > MAX_TRACE ? ` < ... ${names.length - MAX_TRACE} more` : '';
    lines.push(`    called: ${names.slice(0, MAX_TRACE).join(' < ')}${more}`);
  }
  for (const { value, line } of oops.notes) lines.push(`    ${value} (line ${line})`);
  return lines;
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
