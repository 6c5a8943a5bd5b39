// Holds the translation checker against Linux's page table, walked at every access and jump through the TLB of one boot.
//   node scripts/run-ts.mjs scripts/check-oracle.ts KERNEL [OPTIONS OF run]
import { Command } from 'commander';
import { loadEngine } from '../emu/unicorn/choose.js';
import { addRunOptions } from '../src/commands/run-options.js';
import { LinuxPageTable } from '../src/linux/page-table.js';
import { KernelRun, runOutcome } from '../src/run/kernel-run.js';
import { openRun, type RunFlags } from '../src/run/open-run.js';
import { TranslationOracle } from '../src/run/translation-oracle.js';

const count = (n: number): string => n.toLocaleString('en');

addRunOptions(new Command('check-oracle').argument('<kernel>'))
  .action(async (file: string, flags: RunFlags) => {
    const { options, close } = openRun(file, flags, await loadEngine(flags.engine));
    const run = new KernelRun({ ...options, check: true });
    const { cpu } = run.machine;
    try {
      // The first access through the TLB comes when the kernel has written its refill handler.
      let table: LinuxPageTable | undefined;
      const oracle = new TranslationOracle(cpu, (virtual) => (table ??= new LinuxPageTable(cpu)).page(virtual));
      const { outcome } = runOutcome(run.run(), run.lines);
      const { looks, differences, leftOut, counts, hows } = oracle;
      console.log(
        `${file}: ${outcome}; agreed on ${count(looks - differences)} of ${count(looks)} (${count(hows.load)} loads, ${count(hows.store)} stores, ` +
          `${count(hows.jump)} jumps): ${count(counts.right)} right, ${count(counts.stale)} stale, ${count(counts.permission)} against permission; ` +
          `${count(leftOut)} left out`,
      );
      for (const { look, checker, instruction, oracle: other } of oracle.first)
        console.log(
          `  ${look.how} of ${look.virtual.toString(16)} by entry ${look.entry}, instruction ${instruction}: checker ${checker} (${look.kinds?.join()}), page table ${other}`,
        );
      if (differences > 0) process.exitCode = 1;
    } finally {
      run.close();
      close();
    }
  })
  .parse();
