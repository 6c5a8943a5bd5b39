// gdb's `monitor` commands: what inspect shows, at the place where the guest waits.
import { hex, seconds } from '../analysis/addresses.js';
import { chunkReports, chunksText } from '../inspect/chunks.js';
import type { Disassembler } from '../inspect/disassembly.js';
import { Evidence } from '../inspect/evidence.js';
import { addressReport, addressText, tlbHalves, tlbText } from '../inspect/translations.js';
import { placeOf, where, whereText } from '../inspect/where.js';
import { UsageError } from '../errors.js';
import { placeAddress } from './locate.js';
import { MOMENT_FORMS } from './moment.js';
import type { Subject } from './subject.js';

const HELP = [
  'where              task, registers, calls, instructions around pc',
  'tlb [all]          the TLB against the page table, stale entries marked',
  'stale              its stale entries only',
  'pte ADDRESS        what TLB and page table say of an address',
  'page ADDRESS       the same with whose memory it is, and what became of it',
  'chunk              the per-CPU chunks',
  'watch-frame PFN    stop at stores to a physical page, whatever address they use; unwatch-frame PFN',
  `goto MOMENT        go to ${MOMENT_FORMS}`,
  '                   then say: maintenance flush register-cache',
  'help               this list',
];

const OURS_ONLY = 'known for boots of our own guest only';

export class Monitor {
  readonly #subject: Subject;
  readonly #disassembler: Disassembler;
  readonly #evidence: Evidence | undefined;

  /** Attaches to a guest before its first instruction. */
  constructor(subject: Subject, disassembler: Disassembler) {
    this.#subject = subject;
    this.#disassembler = disassembler;
    this.#evidence = subject.boot && new Evidence(subject.boot, false);
  }

  /** One line: instruction, time, pc. */
  place(pc: number): string {
    const { symbol, source } = placeOf(this.#subject, pc);
    const { cpu } = this.#subject;
    return `insn ${cpu.instructions}, ${seconds(this.#subject.now())} s, pc ${hex(pc)} ${symbol}${source ? ` (${source})` : ''}\n`;
  }

  /** @param pc of the instruction that the guest waits before */
  answer(command: string, pc: number): string {
    const [name = '', argument = ''] = command.split(/\s+/);
    try {
      return `${this.#lines(name, argument, pc).join('\n')}\n`;
    } catch (error) {
      if (error instanceof UsageError) return `${error.message}\n`;
      throw error;
    }
  }

  #lines(name: string, argument: string, pc: number): string[] {
    const subject = this.#subject;
    const { boot } = subject;
    switch (name) {
      case 'where':
        return whereText(where(subject, pc, subject.cpu.pc, this.#disassembler));
      case 'tlb':
        return tlbText(tlbHalves(subject), argument === 'all');
      case 'stale':
        return tlbText(tlbHalves(subject).filter(({ stale }) => stale));
      case 'pte':
        return addressText({ ...this.#report(argument), owners: [], history: [] }, subject);
      case 'page':
        return addressText(this.#report(argument), subject);
      case 'chunk':
        return boot ? chunksText(chunkReports(boot, tlbHalves(subject))) : [`chunk: ${OURS_ONLY}`];
      case 'help':
      case '':
        return HELP;
      default:
        return [`no such command: '${name}'; there are:`, ...HELP];
    }
  }

  #report(text: string) {
    if (text === '') throw new UsageError('need an address: a symbol, or hexadecimal digits');
    const digits = text.replace(/^0x/i, '');
    const address = /^[0-9a-f]{1,8}$/i.test(digits) ? parseInt(digits, 16) : placeAddress(this.#subject, text);
    return addressReport(this.#subject, address, this.#evidence);
  }
}
