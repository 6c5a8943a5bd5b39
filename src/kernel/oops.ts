// What the kernel prints when it dies: arch/mips/kernel/traps.c die(), show_registers(), arch/mips/mm/fault.c.
import type { Machine } from '../../emu/malta/machine.js';
import type { Printk } from './printk.js';
import type { Task } from './scheduler.js';
import { rawTrace, THREAD_SIZE, unwind } from './unwind.js';

/** struct pt_regs (emu/guest/include/ptrace.h), byte offsets. */
export const PT_REGS = { REGS: 32, STATUS: 160, HI: 164, LO: 168, BADVADDR: 172, CAUSE: 176, EPC: 180 } as const;
const { REGS, STATUS, HI, LO, BADVADDR, CAUSE, EPC } = PT_REGS;
const RA = 31;

const KERNEL_RELEASE = '6.1.192-percpu-malta #1';
const PR_EMERG = 0;
const PR_ALERT = 1;
const PR_DEFAULT = 4;

export interface OopsInfo {
  epc: number;
  ra: number;
  badva: number;
  exccode: number;
  epcSym: string;
  raSym: string;
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** `sym+0xoff/0xsize` as %pS prints; 0x0 and the like outside the text. */
export function symbolName(machine: Machine, address: number): string {
  return machine.symbols.symbolize(address);
}

/** First line: why it died. */
function reason(exccode: number, badva: number, epc: number, ra: number): string {
  const where = `epc == ${hex(epc)}, ra == ${hex(ra)}`;
  if (exccode >= 1 && exccode <= 3)
    return `CPU 0 Unable to handle kernel paging request at virtual address ${hex(badva)}, ${where}`;
  if (exccode === 6) return `Instruction bus error, ${where}`;
  if (exccode === 7) return `Data bus error, ${where}`;
  return '';
}

/** Second line: the name that die() is given. */
function oopsName(exccode: number): string {
  if (exccode === 4 || exccode === 5) return 'Unhandled kernel unaligned access';
  if (exccode === 9) return 'Break instruction in kernel code';
  if (exccode === 10) return 'Reserved instruction in kernel code';
  if (exccode === 12) return 'Integer overflow';
  if (exccode === 13) return 'Trap instruction in kernel code';
  return 'Oops';
}

export class Oops {
  count = 0;
  readonly #machine: Machine;
  readonly #printk: Printk;
  readonly #prid: number;

  /** @param prid processor id of the CPU model */
  constructor(machine: Machine, printk: Printk, prid: number) {
    this.#machine = machine;
    this.#printk = printk;
    this.#prid = prid;
  }

  /** What the exception whose frame (struct pt_regs) lies at `frame` is about. */
  examine(frame: number): OopsInfo {
    const read = (at: number): number => this.#machine.peek32(frame + at);
    const [epc, badva, cause, ra] = [read(EPC), read(BADVADDR), read(CAUSE), read(REGS + 4 * RA)];
    return {
      epc,
      ra,
      badva,
      exccode: (cause >>> 2) & 31,
      epcSym: symbolName(this.#machine, epc),
      raSym: symbolName(this.#machine, ra),
    };
  }

  /** Prints its oops. */
  die(frame: number, task: Task, workqueue: string | undefined): void {
    const read = (at: number): number => this.#machine.peek32(frame + at);
    const reg = (n: number): number => read(REGS + 4 * n);
    const { epc, ra, badva, exccode, epcSym, raSym } = this.examine(frame);
    const first = reason(exccode, badva, epc, ra);
    if (first) this.#printk.line(PR_ALERT, first);
    this.#printk.line(PR_EMERG, `${oopsName(exccode)}[#${++this.count}]:`);
    this.#identify(task, workqueue);
    for (let row = 0; row < 8; row++) {
      const values = [0, 1, 2, 3].map((i) => 4 * row + i).map((n) => (n === 26 || n === 27 ? '        ' : hex(reg(n))));
      this.#put(`$${String(4 * row).padStart(2)}   : ${values.join(' ')}`);
    }
    this.#put(`Hi    : ${hex(read(HI))}`);
    this.#put(`Lo    : ${hex(read(LO))}`);
    this.#put(`epc   : ${hex(epc)} ${epcSym}`);
    this.#put(`ra    : ${hex(ra)} ${raSym}`);
    const status = read(STATUS);
    this.#put(
      `Status: ${hex(status)}\tKERNEL ${status & 4 ? 'ERL ' : ''}${status & 2 ? 'EXL ' : ''}${status & 1 ? 'IE ' : ''}`,
    );
    this.#put(`Cause : ${hex(read(CAUSE))} (ExcCode ${exccode.toString(16).padStart(2, '0')})`);
    if (exccode >= 1 && exccode <= 5) this.#put(`BadVA : ${hex(badva)}`);
    this.#put(`PrId  : ${hex(this.#prid)} (${this.#prid === 0x0001_9300 ? 'MIPS 24Kc' : 'MIPS P5600'})`);
    this.#put(
      `Process ${task.comm} (pid: ${task.pid}, threadinfo=${hex(task.stack)}, task=${hex(task.address)}, tls=00000000)`,
    );
    const sp = reg(29);
    this.#stack(sp, task.stack + THREAD_SIZE);
    this.#trace(epc, sp, ra, task.stack + THREAD_SIZE);
    this.#code(epc);
    this.#put('');
    this.#put('---[ end trace 0000000000000000 ]---');
  }

  #put(text: string): void {
    this.#printk.line(PR_DEFAULT, text);
  }

  #identify(task: Task, workqueue: string | undefined): void {
    const tainted = this.count > 1 ? 'Tainted: G      D           ' : 'Not tainted';
    this.#put(`CPU: 0 PID: ${task.pid} Comm: ${task.comm} ${tainted} ${KERNEL_RELEASE} `);
    if (workqueue !== undefined) this.#put(`Workqueue: ${workqueue}`);
  }

  /** dump_stack(): from inside a host call of `task`, whose stack pointer and caller are given. */
  dumpStack(task: Task, workqueue: string | undefined, pc: number, sp: number, ra: number): void {
    this.#identify(task, workqueue);
    this.#stack(sp, task.stack + THREAD_SIZE);
    this.#trace(pc, sp, ra, task.stack + THREAD_SIZE);
    this.#put('');
  }

  #stack(sp: number, end: number): void {
    const words: string[] = [];
    for (let at = sp; at < end && words.length < 40; at += 4) words.push(hex(this.#machine.peek32(at)));
    for (let i = 0; i < words.length; i += 8)
      this.#put(`${i === 0 ? 'Stack : ' : '        '}${words.slice(i, i + 8).join(' ')}`);
    if (words.length === 40) this.#put('        ...');
  }

  #trace(pc: number, sp: number, ra: number, stackEnd: number): void {
    this.#put('Call Trace:');
    const text = this.#machine.symbols.lookup(pc) !== undefined;
    const trace = text ? unwind(this.#machine, pc, sp, ra, stackEnd) : rawTrace(this.#machine, sp, stackEnd);
    if (!text) this.#put('');
    for (const address of trace) this.#put(`[<${hex(address)}>] ${symbolName(this.#machine, address)}`);
    this.#put('');
  }

  #code(epc: number): void {
    if (!this.#machine.symbols.lookup(epc) || epc & 3) return this.#put('Code: (Bad address in epc)\n');
    let code = 'Code:';
    for (let i = -3; i < 6; i++) {
      const word = hex(this.#machine.peek32(epc + 4 * i));
      code += i === 0 ? `<${word}>` : ` ${word} `;
    }
    this.#put(code);
  }
}
