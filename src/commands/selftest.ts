// `percpu-malta selftest`: runs the guest programs under emu/guest/selftest and prints what they print.
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_MEMORY_MB } from '../../emu/malta/board.js';
import { runSelftest } from '../../emu/malta/selftest.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { EXIT_DIFFERENCE } from '../errors.js';

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^(\d+|0x[0-9a-f]+)$/i.test(text) || seed > 0xffff_ffff)
    throw new InvalidArgumentError('need a number from 0 to 4294967295.');
  return seed;
}

function parseMemory(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('need a number of megabytes.');
  return Number(text);
}

interface SelftestOptions {
  tlb?: 'qemu' | 'hardware';
  cpu: '24Kf' | 'P5600';
  pageSize?: '4096' | '16384';
  memory: number;
  seed: number;
  engine?: string;
  shim: boolean;
}

export function selftestCommand(): Command {
  return new Command('selftest')
    .description('run guest programs that test the emulated machine; exit 1 when one fails')
    .addOption(new Option('--tlb <mode>', 'TLB replacement (default: both)').choices(['qemu', 'hardware']))
    .addOption(new Option('--cpu <model>', 'CPU model').choices(['24Kf', 'P5600']).default('24Kf'))
    .addOption(new Option('--page-size <bytes>', 'guest pages (default: both)').choices(['4096', '16384']))
    .option('--memory <MB>', 'RAM of the board, 16 to 256', parseMemory, DEFAULT_MEMORY_MB)
    .option('--seed <number>', 'seed of TLB replacement', parseSeed, 0)
    .option('--engine <name>', 'native, unicorn.js or unicorn.js:FILE (default: the first that works)')
    .option('--no-shim', 'do without the compiled hooks')
    .action(async (options: SelftestOptions) => {
      const engine = await loadEngine(options.engine);
      let failed = 0;
      for (const pageSize of options.pageSize ? [Number(options.pageSize)] : [16384, 4096])
        for (const tlb of options.tlb ? [options.tlb] : (['qemu', 'hardware'] as const))
          failed += runSelftest(
            {
              engine,
              tlb,
              cpu: options.cpu,
              pageSize: pageSize as 4096 | 16384,
              seed: options.seed,
              shim: options.shim,
              memoryMB: options.memory,
            },
            (line) => process.stdout.write(`${line}\n`),
          );
      if (failed > 0) process.exitCode = EXIT_DIFFERENCE;
    });
}
