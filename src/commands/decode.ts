// `percpu-malta decode`: what went wrong in console logs, and which family of crashes it belongs to.
import { Command } from 'commander';
import type { ConsoleRecord, DecodedConsole } from '../decode/index.js';
import { KernelSymbols, consoleRecord, decodeFile, readEvents, reportLines } from '../decode/index.js';
import { EXIT_USAGE, UsageError } from '../errors.js';
import { readInput } from '../files/input.js';
import { printableJson, printableLine } from '../terminal-text.js';

interface DecodeCommandOptions {
  readonly json?: boolean;
  readonly vmlinux?: string;
  readonly systemMap?: string;
  readonly events?: string;
}

/** Files smaller than this are read before anyone could look at a percentage. Bytes. */
const PROGRESS_FROM = 16 << 20;

/** Of a vmlinux with debug information, or a System.map. */
const MOST_SYMBOL_BYTES = 1 << 30;

export function decodeCommand(): Command {
  return new Command('decode')
    .argument('<console.log...>', 'console logs, also compressed with gzip; - reads standard input')
    .description('find oopses, BUGs, panics and stalls in console logs and classify them')
    .option('--json', 'one JSON object per file, one per line')
    .option('--vmlinux <ELF>', "name raw addresses by this kernel's symbol table (32-bit MIPS)")
    .option('--system-map <FILE>', 'name raw addresses by this System.map')
    .option(
      '--events <log>',
      'tell which registers point into per-CPU pages that were freed (gt_log or boot --log of the same boot)',
    )
    .action(async (files: string[], options: DecodeCommandOptions) => {
      if (options.events !== undefined && files.length > 1)
        throw new UsageError('--events: an event log belongs to one boot, but several consoles are given');
      if (files.filter((file) => file === '-').length > 1)
        throw new UsageError('standard input (-) can be read only once');
      const symbols = readSymbols(options);
      const events = options.events === undefined ? undefined : await readEvents(options.events);
      let failed = 0;
      let printed = 0;
      for (const file of files) {
        let decoded: DecodedConsole;
        try {
          decoded = await decodeFile(file, { symbols, events }, progressOf(file));
        } catch (error) {
          // One bad file does not silence the others, as with grep.
          if (!(error instanceof UsageError)) throw error;
          process.stderr.write(`percpu-malta: ${printableLine(error.message)}\n`);
          failed++;
          continue;
        }
        const text = options.json
          ? printableJson(consoleRecord(file, decoded) satisfies ConsoleRecord)
          : [...(printed > 0 ? [''] : []), ...reportLines(file === '-' ? 'stdin' : file, decoded)]
              .map(printableLine)
              .join('\n');
        process.stdout.write(`${text}\n`);
        printed++;
      }
      if (failed > 0) process.exitCode = EXIT_USAGE;
    });
}

function readSymbols({ vmlinux, systemMap }: DecodeCommandOptions): KernelSymbols | undefined {
  if (vmlinux !== undefined && systemMap !== undefined)
    throw new UsageError('--vmlinux and --system-map: give one of them');
  const file = vmlinux ?? systemMap;
  if (file === undefined) return undefined;
  const bytes = readInput(file, {
    flag: vmlinux === undefined ? '--system-map' : '--vmlinux',
    limit: MOST_SYMBOL_BYTES,
  });
  return vmlinux === undefined
    ? KernelSymbols.fromSystemMap(bytes.toString('latin1'), file)
    : KernelSymbols.fromElf(bytes, file);
}

function progressOf(file: string): ((bytes: number, total: number) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  let shown = -1;
  return (bytes, total) => {
    if (total < PROGRESS_FROM) return;
    const percent = Math.floor((100 * bytes) / total);
    if (percent === shown) return;
    shown = percent;
    process.stderr.write(percent === 100 ? '\r\x1b[K' : `\r${file}: ${percent} %`);
  };
}
