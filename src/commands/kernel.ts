// `percpu-malta kernel`: where kernels to run come from.
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { report } from '../files/stdout.js';
import { buildKernel } from '../real-kernels/build.js';
import { debianKernel, type Found } from '../real-kernels/debian.js';
import { defaultCache, runCommand } from '../real-kernels/kept-kernel.js';
import { Interrupted, interruptible, StatusLine } from '../real-kernels/tool.js';
import { wholeNumber } from './boot-options.js';
import { printableJson } from '../terminal-text.js';
import { EXIT_INTERRUPTED } from './pool-options.js';

const MAX_JOBS = 256;

interface CommonFlags {
  cache: string;
  json?: boolean;
}

function addCommonOptions(command: Command): Command {
  return command
    .option('--cache <folder>', 'keep kernels there', defaultCache())
    .option('--json', 'print what it is as JSON');
}

export function kernelCommand(): Command {
  const debian = addCommonOptions(new Command('debian'))
    .description(
      "Debian's stock little-endian kernel: fetched with apt (45 MB, no root), with an initrd that loads its MegaRAID driver",
    )
    .option('--deb <file>', 'take this package (linux-image-*-4kc-malta for mipsel) instead: where there is no apt')
    .action(async ({ deb, ...flags }: CommonFlags & { deb?: string }) =>
      finish(flags, (status) => debianKernel(flags.cache, deb, status)),
    );
  const build = addCommonOptions(new Command('build'))
    .description(
      "a big-endian kernel built from Debian's linux-source-6.1 with Debian's cross compiler (minutes, 2 GB)",
    )
    .addOption(new Option('--page-size <size>', 'pages of the kernel').choices(['4k', '16k']).default('4k'))
    .option('--without-flush', 'leave out the TLB flush after per-CPU pages were depopulated')
    .option(
      '--source <file>',
      'linux-source-6.1.tar.xz, or a folder with the unpacked source (which is not written to)',
    )
    .option('--jobs <number>', 'compilers at the same time', wholeNumber(1, MAX_JOBS), os.availableParallelism())
    .action(
      async ({
        pageSize,
        withoutFlush,
        source,
        jobs,
        ...flags
      }: CommonFlags & {
        pageSize: '4k' | '16k';
        withoutFlush?: boolean;
        source?: string;
        jobs: number;
      }) =>
        finish(flags, (status) =>
          buildKernel({ cache: flags.cache, pageSize, withoutFlush: withoutFlush ?? false, source, jobs, status }),
        ),
    );
  return new Command('kernel')
    .description('get a real kernel for `run`: fetch one (debian) or build one (build)')
    .addCommand(debian)
    .addCommand(build);
}

const WITHOUT_FLUSH = 'the same with the flush of commit 93274f1dd6b0 left out, crashing as reported:';
const SKIPPED_FLUSH = 'pcpu_balance_workfn:pcpu_post_unmap_tlb_flush';
/** Longer grace periods now and then: what the scan gives back piles up, and per-CPU chunks are emptied all at once. */
const PILE_UP = ['preinit', 'init', 'cleanup'].map((step) => `rcutree.gp_${step}_delay=3`).join(' ');

/** @param command that runs the kernel */
function withoutFlush(command: readonly string[]): string[] {
  return [
    ...command.map((word, i) => (command[i - 1] === '--append' ? `"${word} ${PILE_UP}"` : word)),
    '--skip-call',
    SKIPPED_FLUSH,
    '--check',
  ];
}

async function finish({ json }: CommonFlags, get: (status: StatusLine) => Promise<Found>): Promise<void> {
  const status = new StatusLine();
  try {
    const { folder, kernel } = await interruptible(() => get(status));
    const command = runCommand(folder, kernel);
    if (json) {
      report(`${printableJson({ folder: path.resolve(folder), ...kernel, run: command })}\n`);
      return;
    }
    report(
      [
        `Linux ${kernel.version} (${kernel.package} ${kernel.packageVersion}), ${kernel.byteOrder} endian, pages of ${kernel.pageSize / 1024} KB`,
        ...kernel.changes.map((change) => `changed: ${change}`),
        ...(kernel.modules.length > 0 ? [`modules that init loads: ${kernel.modules.join(', ')}`] : []),
        ...Object.entries(kernel.files).map(([name, sum]) => `${sum}  ${path.join(folder, name)}`),
        '',
        'run it:',
        `  ${command.join(' ')}`,
        ...(kernel.modules.length > 0 ? ['', WITHOUT_FLUSH, `  ${withoutFlush(command).join(' ')}`] : []),
        '',
      ].join('\n'),
    );
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    status.clear();
    process.stderr.write('percpu-malta: interrupted; nothing was kept but what is complete\n');
    process.exitCode = EXIT_INTERRUPTED;
  } finally {
    status.clear();
  }
}
