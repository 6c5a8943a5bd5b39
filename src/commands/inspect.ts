// `percpu-malta inspect`: boots to a moment and shows where the guest is, its TLB against its page table, whose memory is where.
import { Command } from 'commander';
import type { TlbMode } from '../../emu/mips/cpu.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { UsageError } from '../errors.js';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { chunkReports, chunksText } from '../inspect/chunks.js';
import { Disassembler } from '../inspect/disassembly.js';
import { dumpText } from '../inspect/dump.js';
import { Evidence } from '../inspect/evidence.js';
import { readMemory } from '../inspect/memory.js';
import { addressReport, addressText, tlbHalves, tlbText } from '../inspect/translations.js';
import { where, whereText } from '../inspect/where.js';
import { locate } from '../moments/locate.js';
import { type Moment, momentText } from '../moments/moment.js';
import { bootRerun } from '../moments/own-guest.js';
import type { Subject } from '../moments/subject.js';
import { visit } from '../moments/visit.js';
import { addBootOptions, type BootFlags, bootOptions, setupFromFlags } from './boot-options.js';
import { addressArgument, momentOption } from './moment-option.js';
import { addScriptOption } from './script-option.js';

interface InspectFlags extends Omit<BootFlags, 'tlb'> {
  at: Moment;
  dump?: string[];
  pte?: number[];
  /** True: show it. */
  tlb: TlbMode | true;
  chunks?: boolean;
  json?: boolean;
}

/** Bytes that `--dump` prints at most. */
const MAX_DUMP = 1 << 20;

export function inspectCommand(): Command {
  const command = new Command('inspect').description('boot to a moment and show the guest there');
  return addScriptOption(addBootOptions(command, { tlb: '--tlb [mode]' }))
    .addOption(momentOption('the moment').makeOptionMandatory())
    .option('--dump <address...>', 'only show memory: --dump ADDRESS LENGTH, may be repeated')
    .option('--pte <address>', 'only show what TLB and page table say of this address, may be repeated', collectAddress)
    .option('--chunks', 'only show the per-CPU chunks; --tlb without a mode: only the TLB, also what is not valid')
    .option('--json', 'print one JSON object')
    .action(async (options: InspectFlags) => {
      const showTlb = options.tlb === true;
      const flags = { ...options, tlb: showTlb ? DEFAULT_SETUP.tlb : (options.tlb as TlbMode) };
      const dumps = dumpArguments(flags.dump ?? []);
      const engine = await loadEngine(flags.engine);
      const disassembler = await Disassembler.load();
      const rerun = bootRerun(bootOptions(flags, engine));
      const position = locate(rerun, flags.at);
      let evidence: Evidence | undefined;
      const output = visit(
        rerun,
        position,
        (subject, pc) => report(subject, pc, flags, showTlb, dumps, evidence, disassembler),
        ({ boot }) => {
          evidence = boot && new Evidence(boot, true);
        },
      );
      process.stdout.write(output);
    });
}

function collectAddress(text: string, before: number[] | undefined): number[] {
  return [...(before ?? []), addressArgument(text)];
}

function dumpArguments(words: readonly string[]): { address: number; length: number }[] {
  if (words.length % 2 !== 0) throw new UsageError('--dump: need ADDRESS LENGTH');
  const dumps: { address: number; length: number }[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const length = Number(words[i + 1]);
    if (!/^(\d+|0x[0-9a-f]+)$/i.test(words[i + 1]!) || length < 1 || length > MAX_DUMP)
      throw new UsageError(`--dump: the length is a whole number from 1 to ${MAX_DUMP}, not '${words[i + 1]}'`);
    if (!/^(0x)?[0-9a-f]{1,8}$/i.test(words[i]!))
      throw new UsageError(`--dump: '${words[i]}' is no hexadecimal address`);
    dumps.push({ address: parseInt(words[i]!.replace(/^0x/i, ''), 16), length });
  }
  return dumps;
}

function report(
  subject: Subject,
  pc: number,
  flags: BootFlags & Pick<InspectFlags, 'at' | 'dump' | 'pte' | 'chunks' | 'json'>,
  showTlb: boolean,
  dumps: readonly { address: number; length: number }[],
  evidence: Evidence | undefined,
  disassembler: Disassembler,
): string {
  const { cpu, boot } = subject;
  const at = where(subject, pc, cpu.pc, disassembler);
  const halves = tlbHalves(subject);
  const asked = flags.pte ?? [];
  const all = !showTlb && !flags.dump && !flags.pte && !flags.chunks;
  const addresses = at.access && (all || flags.json) ? [...new Set([at.access.address, ...asked])] : asked;
  const reports = addresses.map((address) => addressReport(subject, address, evidence));
  const memory = dumps.map(({ address, length }) => ({ address, length, bytes: readMemory(subject, address, length) }));
  if (flags.json)
    return `${JSON.stringify({
      options: { ...setupFromFlags(flags), seed: flags.seed },
      moment: momentText(flags.at),
      ...at,
      tlb: halves,
      addresses: reports,
      ...(flags.chunks ? { chunks: boot ? chunkReports(boot, halves) : null } : {}),
      ...(memory.length > 0
        ? { memory: memory.map(({ address, bytes }) => ({ address, hex: Buffer.from(bytes).toString('hex') })) }
        : {}),
    })}\n`;
  const lines = all ? whereText(at) : whereText(at).slice(0, 2);
  for (const report of reports) lines.push('', ...addressText(report, subject));
  if (all || showTlb) lines.push('', 'TLB:', ...tlbText(halves, showTlb));
  if (flags.chunks)
    lines.push(
      '',
      ...(boot ? chunksText(chunkReports(boot, halves)) : ['chunks: known for boots of our own guest only']),
    );
  for (const { address, length, bytes } of memory) lines.push('', ...dumpText(address, bytes, length));
  return `${lines.join('\n')}\n`;
}
