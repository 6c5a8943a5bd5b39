// Where the guest is: task, instruction, registers, the calls that led here.
import { hasDelaySlot } from '../../emu/mips/branches.js';
import type { Subject } from '../moments/subject.js';
import { hex, seconds } from '../analysis/addresses.js';
import { backtrace } from './backtrace.js';
import type { Disassembler } from './disassembly.js';
import { wordAt } from './memory.js';

export interface Place {
  address: number;
  /** `name+0xoffset/0xsize`. */
  symbol: string;
  /** `file:line`; '' when unknown. */
  source: string;
}

export interface CodeLine {
  address: number;
  word: number;
  text: string;
}

/** A load or store that is about to run. */
export interface NextAccess {
  address: number;
  write: boolean;
}

export interface Where {
  /** Instructions that have started before. */
  insn: number;
  /** Simulated microseconds. */
  t: number;
  /** The last event of the log; -1 for kernels without one. */
  event: number;
  task: { pid: number; comm: string } | undefined;
  pc: Place;
  /** The instruction is in the delay slot of the branch before it, which has run. */
  delaySlot: boolean;
  /** Status.EXL: in an exception handler that has not saved its registers yet. */
  exception: boolean;
  trace: Place[];
  registers: Record<string, number>;
  code: CodeLine[];
  access: NextAccess | undefined;
}

export function placeOf({ names, lines }: Subject, address: number): Place {
  const line = lines.lookup(address);
  return {
    address,
    symbol: names.symbolize(address),
    source: line && names.lookup(address) ? `${line.file}:${line.line}` : '',
  };
}

// prettier-ignore
const NAMES = [
  'zero', 'at', 'v0', 'v1', 'a0', 'a1', 'a2', 'a3', 't0', 't1', 't2', 't3', 't4', 't5', 't6', 't7',
  's0', 's1', 's2', 's3', 's4', 's5', 's6', 's7', 't8', 't9', 'k0', 'k1', 'gp', 'sp', 'fp', 'ra',
];
// prettier-ignore
const SPECIAL = [
  'hi', 'lo', 'status', 'cause', 'epc', 'badvaddr', 'entryhi', 'entrylo0', 'entrylo1', 'index', 'pagemask', 'wired', 'context',
];

const STATUS_EXL = 2;
/** Instructions shown before and after the one at PC. */
const AROUND = 5;
const OPCODE_CACHE = 0x2f;
const OPCODE_PREF = 0x33;

/** @param pc of the instruction that the guest waits before @param before the one that ran last */
export function where(subject: Subject, pc: number, before: number, disassembler: Disassembler): Where {
  const { cpu, boot } = subject;
  const saved = cpu.registers.save();
  const registers: Record<string, number> = {};
  NAMES.forEach((name, n) => (registers[name] = cpu.reg(n)));
  registers.pc = pc;
  for (const name of SPECIAL) {
    const value = cpu.registers.read(saved, name);
    if (value !== undefined) registers[name] = value;
  }
  const task = subject.tasks()[0];
  const previous = before === pc - 4 ? wordAt(subject, before) : undefined;
  const code: CodeLine[] = [];
  for (let address = pc - 4 * AROUND; address <= pc + 4 * AROUND; address += 4) {
    const word = wordAt(subject, address);
    if (word !== undefined) code.push({ address, word, text: disassembler.text(address, word) });
  }
  return {
    insn: cpu.instructions,
    t: Math.round(subject.now() * 1000) / 1000,
    event: boot ? boot.log.events.length - 1 : -1,
    task: task && { pid: task.pid, comm: task.comm },
    pc: placeOf(subject, pc),
    delaySlot: previous !== undefined && hasDelaySlot(previous),
    exception: (registers.status! & STATUS_EXL) !== 0,
    trace: backtrace(subject, pc, cpu.reg(29), cpu.reg(31), task).map((address) => placeOf(subject, address)),
    registers,
    code,
    access: nextAccess(subject, pc),
  };
}

/** The load or store at `pc`, about to run. */
export function nextAccess(subject: Subject, pc: number): NextAccess | undefined {
  const word = wordAt(subject, pc);
  if (word === undefined) return undefined;
  const opcode = word >>> 26;
  if (opcode < 0x20 || opcode === OPCODE_CACHE || opcode === OPCODE_PREF) return undefined;
  const address = (subject.cpu.reg((word >>> 21) & 31) + ((word << 16) >> 16)) >>> 0;
  return { address, write: (opcode & 0x08) !== 0 };
}

const placeText = ({ symbol, source }: Place): string => (source ? `${symbol} (${source})` : symbol);

export function whereText(at: Where): string[] {
  const task = at.task ? `${at.task.comm} (pid ${at.task.pid})` : 'no task';
  const event = at.event < 0 ? '' : `, after event ${at.event}`;
  const remarks = [
    ...(at.delaySlot ? ['in the delay slot of the branch before it'] : []),
    ...(at.exception ? ['in an exception handler (Status.EXL)'] : []),
  ];
  const lines = [
    `insn ${at.insn}, ${seconds(at.t)} s${event}: ${task}`,
    `pc ${hex(at.pc.address)} ${placeText(at.pc)}${remarks.length > 0 ? `, ${remarks.join(', ')}` : ''}`,
    '',
    'Call Trace:',
    ...at.trace.map((place) => ` [<${hex(place.address)}>] ${placeText(place)}`),
    '',
    ...registerText(at.registers),
    '',
    ...at.code.map(
      ({ address, word, text }) => `${address === at.pc.address ? '=>' : '  '} ${hex(address)}: ${hex(word)}  ${text}`,
    ),
  ];
  if (at.access) lines.push('', `${at.access.write ? 'Stores to' : 'Loads from'} ${hex(at.access.address)} next.`);
  return lines;
}

function registerText(registers: Record<string, number>): string[] {
  const cells = Object.entries(registers).map(([name, value]) => `${name.padStart(8)} ${hex(value)}`);
  const rows: string[] = [];
  for (let i = 0; i < cells.length; i += 4) rows.push(cells.slice(i, i + 4).join(' '));
  return rows;
}
