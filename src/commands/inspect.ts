// `percpu-malta inspect`: runs to a moment and shows where the guest is, its TLB against its page table, whose memory is where.
import { Command } from 'commander';
import type { TlbMode } from '../../emu/mips/cpu.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { UsageError } from '../errors.js';
import { DEFAULT_SETUP } from '../experiments/setup.js';
import { report as print } from '../files/stdout.js';
import { chunkReports, chunksText } from '../inspect/chunks.js';
import { Disassembler } from '../inspect/disassembly.js';
import { dumpText } from '../inspect/dump.js';
import { Evidence } from '../inspect/evidence.js';
import { inspectJson } from '../inspect/json.js';
import { readMemory } from '../inspect/memory.js';
import { addressReport, addressText, tlbHalves, tlbText } from '../inspect/translations.js';
import { where, whereText } from '../inspect/where.js';
import { locate } from '../moments/locate.js';
import { type Moment, momentText } from '../moments/moment.js';
import { bootRerun } from '../moments/own-guest.js';
import { kernelRerun } from '../moments/real-kernel.js';
import type { Rerun, Subject } from '../moments/subject.js';
import { visit } from '../moments/visit.js';
import { openRun, refuseWrittenDrives, type RunFlags } from '../run/open-run.js';
import { printableJson } from '../terminal-text.js';
import { addBootOptions, type BootFlags, bootOptions, setupFromFlags } from './boot-options.js';
import { addressArgument, momentOption } from './moment-option.js';
import { requireFastPath } from './fast-path-option.js';
import { addRunOptions } from './run-options.js';
import { addScriptOption } from './script-option.js';

interface ViewFlags {
  at: Moment;
  dump?: string[];
  pte?: number[];
  chunks?: boolean;
  json?: boolean;
}

/** `--tlb` without a mode: show it. */
type ShownTlb<Flags> = Omit<Flags, 'tlb'> & ViewFlags & { tlb: TlbMode | true };

/** Bytes that `--dump` prints at most. */
const MAX_DUMP = 1 << 20;

function addViewOptions(command: Command): Command {
  return command
    .addOption(momentOption('the moment'))
    .option('--dump <address...>', 'only show memory: --dump ADDRESS LENGTH, may be repeated')
    .option('--pte <address>', 'only show what TLB and page table say of this address, may be repeated', collectAddress)
    .option('--chunks', 'only show the per-CPU chunks; --tlb without a mode: only the TLB, also what is not valid')
    .option('--json', 'print one JSON object');
}

export function inspectCommand(): Command {
  const command = new Command('inspect').description(
    'boot to a moment and show the guest there; inspect run KERNEL: the same for a kernel of your own',
  );
  addViewOptions(addScriptOption(addBootOptions(command, { tlb: '--tlb [mode]' }))).action(
    async (flags: ShownTlb<BootFlags>) => {
      const options: BootFlags = { ...flags, tlb: modeOf(flags.tlb) };
      const engine = await loadEngine(flags.engine);
      const record = { ...setupFromFlags(options), seed: flags.seed };
      await show(bootRerun(bootOptions(options, engine)), flags, record);
    },
  );
  const kernel = new Command('run')
    .description("the same for a run of a kernel of one's own; its options are those of run")
    .argument('<kernel>', 'as for run');
  addViewOptions(addRunOptions(kernel, { tlb: '--tlb [mode]' })).action(
    async (file: string, flags: ShownTlb<RunFlags>) => {
      const options: RunFlags = { ...flags, tlb: modeOf(flags.tlb) };
      refuseWrittenDrives(options, 'inspect');
      const engine = await loadEngine(flags.engine);
      requireFastPath(engine, options, 'inspect run');
      const { cpu, tlb, memory, controllers, seed, append } = options;
      const record = { kernel: file, cpu, tlb, memory, controllers, seed, append };
      await show(
        kernelRerun(
          () => openRun(file, options, engine),
          () => {},
        ),
        flags,
        record,
      );
    },
  );
  return command.addCommand(kernel.copyInheritedSettings(command));
}

const modeOf = (tlb: TlbMode | true): TlbMode => (tlb === true ? DEFAULT_SETUP.tlb : tlb);

function collectAddress(text: string, before: number[] | undefined): number[] {
  return [...(before ?? []), addressArgument(text)];
}

interface Dump {
  address: number;
  length: number;
}

function dumpArguments(words: readonly string[]): Dump[] {
  if (words.length % 2 !== 0) throw new UsageError('--dump: need ADDRESS LENGTH');
  const dumps: Dump[] = [];
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

/** @param options of the run, for `--json` */
async function show(
  rerun: Rerun<unknown>,
  flags: ViewFlags & { tlb: TlbMode | true },
  options: Record<string, unknown>,
): Promise<void> {
  if (flags.at === undefined)
    throw new UsageError("inspect: --at MOMENT is missing, such as --at oops or --at 'insn 5000000'");
  const dumps = dumpArguments(flags.dump ?? []);
  const disassembler = await Disassembler.load();
  const position = locate(rerun, flags.at);
  let evidence: Evidence | undefined;
  const output = visit(
    rerun,
    position,
    (subject, pc) => view(subject, pc, flags, dumps, options, evidence, disassembler),
    ({ boot }) => {
      evidence = boot && new Evidence(boot, true);
    },
  );
  print(output);
}

function view(
  subject: Subject,
  pc: number,
  flags: ViewFlags & { tlb: TlbMode | true },
  dumps: readonly Dump[],
  options: Record<string, unknown>,
  evidence: Evidence | undefined,
  disassembler: Disassembler,
): string {
  const { cpu, boot } = subject;
  const showTlb = flags.tlb === true;
  const at = where(subject, pc, cpu.pc, disassembler);
  const halves = tlbHalves(subject);
  const asked = flags.pte ?? [];
  const all = !showTlb && !flags.dump && !flags.pte && !flags.chunks;
  const addresses = at.access && (all || flags.json) ? [...new Set([at.access.address, ...asked])] : asked;
  const reports = addresses.map((address) => addressReport(subject, address, evidence));
  const memory = dumps.map((dump) => ({ ...dump, bytes: readMemory(subject, dump.address, dump.length) }));
  if (flags.json)
    return `${printableJson(
      inspectJson({
        options,
        moment: momentText(flags.at),
        ...at,
        tlb: halves,
        addresses: reports,
        ...(flags.chunks ? { chunks: boot ? chunkReports(boot, halves) : null } : {}),
        ...(memory.length > 0
          ? { memory: memory.map(({ address, bytes }) => ({ address, hex: Buffer.from(bytes).toString('hex') })) }
          : {}),
      }),
    )}\n`;
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
