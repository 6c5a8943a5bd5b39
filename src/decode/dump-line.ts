// What one line of a MIPS kernel's register dump says (show_regs, show_stacktrace and show_code of arch/mips/kernel/traps.c, from 2.4 on).

/** An entry of a call trace. */
export interface TraceLineEntry {
  readonly address: string | undefined;
  /** `function+0xoffset/0xsize`, with ` [module]` for a module's; undefined when the kernel has no symbols. */
  readonly symbol: string | undefined;
}

/** Addresses and values are hexadecimal as printed. */
export type DumpLine =
  | {
      readonly part: 'comm';
      readonly cpu?: number;
      readonly pid?: number;
      readonly comm?: string;
      readonly release?: string;
    }
  | { readonly part: 'registers'; readonly registers: ReadonlyArray<readonly [name: string, value: string]> }
  | { readonly part: 'epc' | 'ra'; readonly address: string; readonly symbol: string | undefined }
  | { readonly part: 'status'; readonly mode: 'kernel' | 'user' | undefined }
  | { readonly part: 'cause'; readonly exccode: string }
  | { readonly part: 'badva'; readonly address: string }
  | { readonly part: 'process'; readonly comm: string; readonly pid: number; readonly isUser: boolean }
  | { readonly part: 'trace' | 'entries'; readonly entries: readonly TraceLineEntry[] }
  | { readonly part: 'hi' | 'lo' | 'prid' | 'modules' | 'stack' | 'code' };

export type DumpPart = DumpLine['part'];

const HEX = '[0-9a-f]{8}(?:[0-9a-f]{8})?';
/** A module's name in brackets: since 5.14 its build id may follow, and OpenWrt adds where it was loaded, `mac80211@87000000+0x7c3c0`. */
export const MODULE = '\\[[\\w-]+(?:@[0-9a-f]{8,16}\\+0x[0-9a-f]+)?(?: [0-9a-f]{8,64})?\\]';
const SYMBOL = `(?:\\(\\S+\\)|\\S+)(?: ${MODULE})?`;
/** `Not tainted` stands behind the epc of kernels before 3.2. */
const TAINT = '(?:\\s+(?:Not tainted|Tainted: .*))?';

const REGISTERS = new RegExp(`^\\$ ?(\\d{1,2})\\s{0,8}:((?:\\s+${HEX}(?![0-9a-z]))+)`);
const EPC = new RegExp(
  `^epc\\s{0,8}:\\s{0,4}(${HEX})(?![0-9a-f])(?:\\s+(?!Not tainted|Tainted:|ra\\b)(${SYMBOL}))?${TAINT}(?:\\s.*)?$`,
);
const RA = new RegExp(`^ra\\s{0,8}:\\s{0,4}(${HEX})(?![0-9a-f])(?:\\s+(${SYMBOL}))?(?:\\s.*)?$`);
const STATUS = /^Status\s{0,4}:\s{0,4}[0-9a-f]{8}(?:[0-9a-f]{8})?(?![0-9a-f])(.*)$/;
const CAUSE = /^Cause\s{0,4}:\s{0,4}((?:[0-9a-f]{8})?[0-9a-f]{8})(?![0-9a-f])(?:\s{1,4}\(ExcCode ([0-9a-f]{2})\))?/;
const BADVA = new RegExp(`^BadVA\\s{0,4}:\\s{0,4}(${HEX})(?![0-9a-f])`);
const PROCESS = /^Process (.{1,64}?) \(pid: (\d{1,10})(?:, |\))(?:.{0,80}\btls=([0-9a-f]+))?/;
const COMM =
  /^(?:CPU: (\d{1,5}) (?:UID: \d+ )?PID: (\d{1,10}) Comm: (.{1,64}?)|Pid: (\d{1,10}), comm: (.{1,64}?)) (?:Kdump: \w+ )?(?:Not t|T)ainted(?:: [A-Z\s]{1,40})?\s*(\d+\.\d\S{0,80} #\S{1,40})?/;
const CPU_ONLY = /^(?:Cpu|CPU) (\d{1,5})$/;
const TRACE = /^(?:Call )?Trace\s{0,4}:/;
const ENTRY = new RegExp(
  `\\[<(${HEX}|\\(ptrval\\))>\\](?: (?!\\[<)(?:\\? )?((?:\\([\\w.$+/]+\\)|[\\w.$]+(?:\\+[\\w/]*)?(?![\\w:]))(?: ${MODULE})?))?`,
  'g',
);
const WHOLE_SYMBOL = new RegExp(`^\\S+\\+0x[0-9a-f]+/0x[0-9a-f]+(?: ${MODULE})?$`);
const VALUE = new RegExp(HEX, 'g');

/** What may stand at the start of such a line; most lines of a log need no more than this. */
const START =
  /^(?:\$ ?\d|epc|ra\b|Status|Cause|BadVA|PrId|Hi|Lo|Acx|Process|C[Pp][Uu]|Pid:|Call|Trace|\[<|Modules|Stack|Code|Hardware)/;

/** What `text` (without stamps and prefixes) says; undefined for a line that belongs to no dump. */
export function readDumpLine(text: string): DumpLine | undefined {
  const line = text.trim();
  if (!START.test(line)) return undefined;
  let match: RegExpExecArray | null;
  switch (line[0]) {
    case '$':
      return (match = REGISTERS.exec(line)) === null ? undefined : { part: 'registers', registers: registersOf(match) };
    case 'e':
      return (match = EPC.exec(line)) === null ? undefined : { part: 'epc', address: match[1], symbol: bare(match[2]) };
    case 'r':
      return (match = RA.exec(line)) === null ? undefined : { part: 'ra', address: match[1], symbol: bare(match[2]) };
    case 'B':
      return (match = BADVA.exec(line)) === null ? undefined : { part: 'badva', address: match[1] };
    case 'H':
      return /^Hi\s{0,6}:\s{0,4}[0-9a-f]{8}/.test(line) ? { part: 'hi' } : undefined;
    case 'L':
      return /^Lo\s{0,6}:\s{0,4}[0-9a-f]{8}/.test(line) ? { part: 'lo' } : undefined;
    case 'M':
      return /^Modules linked in:/.test(line) ? { part: 'modules' } : undefined;
    case '[':
      return entriesOf(line, 'entries');
    case 'T':
      return TRACE.test(line) ? entriesOf(line, 'trace') : undefined;
    case 'S':
      if ((match = STATUS.exec(line)) !== null) return { part: 'status', mode: modeOf(match[1]) };
      return /^Stack\s{0,4}:/.test(line) ? { part: 'stack' } : undefined;
    case 'P':
      if (/^PrId\s{0,4}:\s{0,4}[0-9a-f]{8}/.test(line)) return { part: 'prid' };
      if ((match = PROCESS.exec(line)) !== null) {
        const isUser = match[3] !== undefined && /[1-9a-f]/.test(match[3]);
        return { part: 'process', comm: match[1], pid: Number(match[2]), isUser };
      }
      return commOf(line);
    case 'C':
      if ((match = CAUSE.exec(line)) !== null) {
        // Kernels before 3.2 print the register alone.
        const exccode = (parseInt(match[1].slice(-8), 16) >> 2) & 0x1f;
        return { part: 'cause', exccode: match[2] ?? exccode.toString(16).padStart(2, '0') };
      }
      if (/^Code\s{0,4}:/.test(line)) return { part: 'code' };
      return TRACE.test(line) ? entriesOf(line, 'trace') : commOf(line);
    default:
      return undefined;
  }
}

/** Number of fields that a line gives: more when it is whole. Decides whether two pieces belong together. */
export function fieldsOf(line: DumpLine): number {
  switch (line.part) {
    case 'registers':
      return line.registers.length;
    case 'epc':
    case 'ra':
      return 1 + symbolFields(line.symbol);
    case 'entries':
    case 'trace':
      return line.entries.reduce((sum, { symbol }) => sum + 1 + symbolFields(symbol), 1);
    case 'process':
      return line.isUser ? 3 : 2;
    case 'comm':
      return line.comm === undefined ? 1 : line.release === undefined ? 2 : 3;
    default:
      return 1;
  }
}

function symbolFields(symbol: string | undefined): number {
  if (symbol === undefined) return 0;
  return isWholeSymbol(symbol) ? (symbol.endsWith(']') ? 3 : 2) : 1;
}

/** `function+0x12/0x34`, with or without a module. */
export function isWholeSymbol(symbol: string): boolean {
  return WHOLE_SYMBOL.test(symbol);
}

/**
 * $26 and $27 belong to the exception handlers and are not printed: row $24 has two values and row $28 the other four. Linux 2.4 prints
 * eight in a row, and the last row is $24, $25, a gap, $28 to $31.
 */
function registersOf(match: RegExpExecArray): Array<[string, string]> {
  const first = Number(match[1]);
  const values = match[2].match(VALUE)!;
  return values.flatMap((value, i): Array<[string, string]> => {
    const register = first === 24 && i >= 2 ? first + i + 2 : first + i;
    return register < 32 ? [[`$${register}`, value]] : [];
  });
}

function entriesOf<P extends 'trace' | 'entries'>(line: string, part: P): DumpLine | undefined {
  const entries: TraceLineEntry[] = [];
  for (const [, address, symbol] of line.matchAll(ENTRY))
    entries.push({ address: address === '(ptrval)' ? undefined : address, symbol: bare(symbol) });
  return part === 'entries' && entries.length === 0 ? undefined : { part, entries };
}

function commOf(line: string): DumpLine | undefined {
  const match = COMM.exec(line);
  if (match === null) {
    const cpu = CPU_ONLY.exec(line);
    return cpu === null ? undefined : { part: 'comm', cpu: Number(cpu[1]) };
  }
  const [, cpu, pid, comm, oldPid, oldComm, release] = match;
  return {
    part: 'comm',
    ...(cpu === undefined ? {} : { cpu: Number(cpu) }),
    pid: Number(pid ?? oldPid),
    comm: comm ?? oldComm,
    ...(release === undefined ? {} : { release }),
  };
}

function modeOf(flags: string): 'kernel' | 'user' | undefined {
  return /\bUSER\b/.test(flags) ? 'user' : /\bKERNEL\b/.test(flags) ? 'kernel' : undefined;
}

/** Kernels before 2.6.39 put the symbol in parentheses where it is a guess. */
function bare(symbol: string | undefined): string | undefined {
  return symbol?.replace(/^\((.*)\)$/, '$1');
}
