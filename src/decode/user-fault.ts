// Processes that the kernel sends a signal for an access of theirs: no crash of the kernel, unless the process is init.
import type { LogLine } from './line.js';

/** Addresses are hexadecimal as printed. */
export interface UserFault {
  readonly line: number;
  readonly time: string;
  readonly headline: string;
  readonly process: string;
  readonly pid: number | undefined;
  readonly signal: string;
  readonly access: 'read' | 'write' | undefined;
  readonly badva: string | undefined;
  readonly epc: string | undefined;
  readonly ra: string | undefined;
  /** File that the address is mapped from: `libc.so`. */
  readonly epcIn: string | undefined;
  readonly raIn: string | undefined;
}

type Line = Partial<Omit<UserFault, 'line' | 'time' | 'headline'>>;

const HEX = '[0-9a-f]{8}(?:[0-9a-f]{8})?';
/** arch/mips/mm/fault.c, from 2.6 on. */
const MIPS = new RegExp(
  `^(?:CPU \\d+: )?do_page_fault\\(\\)(?: #\\d+)?: sending (SIG[A-Z]+) to (.{1,64}?)(?:\\((\\d{1,10})\\))? for(?:\\s+invalid(?:\\s+(read|write)(?:\\s+access(?:\\s+(?:from|to)(?:\\s+(${HEX}))?)?)?)?)?(?:\\s+\\(epc == (${HEX}), ra == (${HEX})\\))?`,
);
const ADDRESS = new RegExp(`^(epc|ra)\\s{0,2} = (${HEX}) in(?: (\\S{1,200}?)(?:\\[[0-9a-f]+\\+[0-9a-f]+\\])?)?$`);
/** Its second half before 3.19, a line of its own. */
const MIPS_REST = new RegExp(`^(${HEX}) \\(epc == (${HEX}), ra == (${HEX})\\)$`);
const OTHER = /^(\S{1,16})\[(\d{1,10})\]: (?:segfault at ([0-9a-f]{1,16}) ip ([0-9a-f]{1,16})|unhandled signal (\d+))/;

function readLine(line: string): Line | undefined {
  const text = line.trim();
  let match: RegExpExecArray | null;
  if (text.includes('sending SIG') && (match = MIPS.exec(text)) !== null) {
    const [, signal, process, pid, access, badva, epc, ra] = match;
    return {
      signal,
      process,
      pid: pid === undefined ? undefined : Number(pid),
      access: access as Line['access'],
      badva,
      epc,
      ra,
    };
  }
  if (text.includes(']: ') && (match = OTHER.exec(text)) !== null) {
    const [, process, pid, badva, epc] = match;
    return { signal: match[5] === undefined ? 'SIGSEGV' : `signal ${match[5]}`, process, pid: Number(pid), badva, epc };
  }
  if (text.includes('(epc == ') && (match = MIPS_REST.exec(text)) !== null)
    return { badva: match[1], epc: match[2], ra: match[3] };
  if (text.includes(' in') && (match = ADDRESS.exec(text)) !== null)
    return match[1] === 'epc' ? { epc: match[2], epcIn: match[3] } : { ra: match[2], raIn: match[3] };
  return undefined;
}

/** What the line says; a headline has a process. Undefined for any other line. */
export function readUserFault(text: string): Line | undefined {
  return /sending SIG|segfault at|unhandled signal|\(epc == |^\s*(?:epc|ra) {0,2} = /.test(text)
    ? readLine(text)
    : undefined;
}

/** As fieldsOf of a dump line. */
export function userFaultFields(line: Line): number {
  return Object.values(line).filter((value) => value !== undefined).length;
}

/** Faults kept of a log. */
const MAX_FAULTS = 64;

/** Collects the faults of one log. */
export class UserFaultReader {
  readonly faults: UserFault[] = [];
  /** All of them, kept or not. */
  count = 0;
  #open: { -readonly [K in keyof UserFault]: UserFault[K] } | undefined;

  /** @returns the fault when the line is the first of one */
  add({ text, number, time }: LogLine): UserFault | undefined {
    const said = readUserFault(text);
    if (said === undefined) return undefined;
    if (said.process === undefined) {
      const open = this.#open;
      if (open === undefined || number - open.line > 16) return undefined;
      open.badva ??= said.badva;
      open.epc ??= said.epc;
      open.epcIn ??= said.epcIn;
      open.ra ??= said.ra;
      open.raIn ??= said.raIn;
      return undefined;
    }
    const fault = {
      ...{ pid: undefined, access: undefined, badva: undefined, epc: undefined, ra: undefined },
      ...{ epcIn: undefined, raIn: undefined, signal: 'SIGSEGV' },
      ...said,
      ...{ line: number, time, headline: text.trim(), process: said.process },
    };
    this.#open = fault;
    this.count++;
    if (this.faults.length < MAX_FAULTS) this.faults.push(fault);
    return fault;
  }
}
