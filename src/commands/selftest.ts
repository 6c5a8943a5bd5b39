// `percpu-malta selftest`: runs the guest programs under emu/guest/selftest and prints what they print.
import { Command, Option } from 'commander';
import { DEFAULT_MEMORY_MB } from '../../emu/malta/board.js';
import { runSelftest } from '../../emu/malta/selftest.js';
import { executionPath } from '../../emu/mips/cpu.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { EXIT_DIFFERENCE } from '../errors.js';
import { paint } from '../files/color.js';
import { printable, printableJson } from '../terminal-text.js';
import { wholeNumber } from './boot-options.js';
import { addEngineOptions } from './engine-options.js';

interface SelftestOptions {
  tlb?: 'qemu' | 'hardware';
  cpu: '24Kf' | 'P5600';
  pageSize?: '4096' | '16384';
  memory: number;
  seed: number;
  engine?: string;
  shim: boolean;
  json?: boolean;
}

export function selftestCommand(): Command {
  const command = new Command('selftest')
    .description('run guest programs that test the emulated machine; exit 1 when one fails')
    .addOption(new Option('--tlb <mode>', 'TLB replacement (default: both)').choices(['qemu', 'hardware']))
    .addOption(new Option('--cpu <model>', 'CPU model').choices(['24Kf', 'P5600']).default('24Kf'))
    .addOption(new Option('--page-size <bytes>', 'guest pages (default: both)').choices(['4096', '16384']))
    .option('--memory <MB>', 'RAM of the board, 16 to 256', wholeNumber(16, 256), DEFAULT_MEMORY_MB)
    .option('--seed <number>', 'seed of TLB replacement', wholeNumber(0, 0xffff_ffff), 0)
    .option('--json', 'print one JSON object at the end');
  return addEngineOptions(command).action(async (options: SelftestOptions) => {
    const engine = await loadEngine(options.engine);
    const { path, reason } = executionPath(engine, options.shim);
    const hooks = path === 'fast' || (options.shim && engine.shim) ? 'C' : 'TypeScript';
    if (!options.json)
      process.stdout.write(
        `${path} path${reason === '' ? '' : ` (${printable(reason)})`}, hooks in ${hooks}, ${printable(engine.description)}\n`,
      );
    let failed = 0;
    const runs: { pageSize: number; tlb: string; failed: number; lines: string[] }[] = [];
    for (const pageSize of options.pageSize ? [Number(options.pageSize)] : [16384, 4096])
      for (const tlb of options.tlb ? [options.tlb] : (['qemu', 'hardware'] as const)) {
        const lines: string[] = [];
        const { cpu, seed, shim, memory: memoryMB } = options;
        const machine = { engine, tlb, cpu, pageSize: pageSize as 4096 | 16384, seed, shim, memoryMB };
        const failures = runSelftest(machine, (line) => {
          lines.push(line);
          if (!options.json) process.stdout.write(`${line.startsWith('FAIL') ? paint('red', line) : line}\n`);
        });
        runs.push({ pageSize, tlb, failed: failures, lines });
        failed += failures;
      }
    if (options.json)
      process.stdout.write(
        `${printableJson({ engine: engine.description, path, pathReason: reason, hooks, failed, runs })}\n`,
      );
    if (failed > 0) process.exitCode = EXIT_DIFFERENCE;
  });
}
