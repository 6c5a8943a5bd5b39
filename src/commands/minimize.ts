// `percpu-malta minimize`: the smallest boot that still writes zeros into another owner's page.
import { Command, Option } from 'commander';
import { EXIT_DIFFERENCE, UsageError } from '../errors.js';
import { type BootRecord, crashed } from '../experiments/record.js';
import { RecordFile } from '../experiments/record-file.js';
import type { BootSetup } from '../experiments/setup.js';
import { count } from '../experiments/table.js';
import { packageVersion } from '../experiments/version.js';
import { bootSize, minimize } from '../minimize/minimize.js';
import { bootScript } from '../minimize/script.js';
import { Trials } from '../minimize/trials.js';
import { printableJson } from '../terminal-text.js';
import { addBootOptions, type BootFlags, setupFromFlags } from './boot-options.js';
import { openOutput, type OutputFile } from '../files/output.js';
import { report } from '../files/stdout.js';
import { addJobsOption, type PoolFlags, type Running, withPool } from './pool-options.js';
import { addScriptOption } from './script-option.js';

interface MinimizeFlags extends BootFlags, PoolFlags {
  engine?: string;
  until: 'corrupt' | 'crash';
  out: string;
  /** The name that --out had before. */
  output?: string;
  quick?: boolean;
  resume?: boolean;
  json?: boolean;
}

export function minimizeCommand(): Command {
  const command = new Command('minimize').description(
    "shrink a boot to the least that still overwrites another owner's page, as a script",
  );
  return addJobsOption(addScriptOption(addBootOptions(command)))
    .addOption(
      new Option('--until <what>', 'what a smaller boot has to do still')
        .choices(['corrupt', 'crash'])
        .default('corrupt'),
    )
    .option('-o, --out <file>', 'write the script there', 'minimal.boot')
    .addOption(new Option('--output <file>').hideHelp())
    .option('--quick', 'a first look: leaves more behind, in a fraction of the boots')
    .option('--json', 'print one JSON object in place of the script')
    .option('--resume', 'go on where Ctrl-C, or whatever it was, ended the same command')
    .addHelpText('after', HELP)
    .action(run);
}

const HELP = `
A boot corrupts when an area is zeroed through a stale translation into a page that somebody else owns by then; it crashes when it
also ends other than clean, perhaps in another way than the whole boot. Taken away are, by delta debugging: controllers, disks,
scanned targets, and steps of kernel_init (allocations of one caller, kobjects of one driver, console lines). The time that a step
takes passes all the same. What is left over has no target and no step that could be left out; a smaller boot that differs in
several may exist; with --quick, one that is several times smaller.
While it runs, the boots it has done are in FILE.trials beside the script: --resume needs them, and the end removes them. Ctrl-C writes
the smallest boot so far.

  percpu-malta minimize --seed 2 -o two.boot
  percpu-malta boot --script two.boot --check
  percpu-malta boot --script two.boot --kernel 93274f1dd6b0    # the same work, with the flush`;

async function run({ output: before, ...given }: MinimizeFlags): Promise<void> {
  const flags = { ...given, out: before ?? given.out };
  const output = openOutput('--out', flags.out)!;
  const start = setupFromFlags(flags);
  const { seed, until, quick = false } = flags;
  const file = openTrials(output, flags);
  const passes = (record: BootRecord): boolean =>
    record.counters.foreignPages > 0 && (until === 'corrupt' || crashed(record));
  let best: BootSetup | undefined;
  let size = sizeText(start);
  const took = (setup: BootSetup): void => {
    best = setup;
    size = sizeText(setup);
  };
  let trials!: Trials;
  const search = async ({ pool, done, expect }: Running): Promise<BootRecord | undefined> => {
    trials = new Trials(async (setup) => {
      const record = await pool.boot({ setup, seed, ...(until === 'corrupt' ? { stopAtForeignPage: true } : {}) });
      done(record, size);
      return passes(record);
    }, pool.jobs);
    if ((await trials.firstOf([start])) < 0) return undefined;
    took(start);
    const smallest = await minimize(start, trials, { onSmaller: took, onLeft: expect, quick });
    return pool.boot({ setup: smallest, seed });
  };
  let end: BootRecord | undefined;
  let interrupted = true;
  try {
    end = await withPool(
      flags,
      undefined,
      async (running) => {
        const last = await search(running);
        interrupted = running.interrupted();
        return last;
      },
      file,
    );
  } finally {
    if (interrupted && file?.records.length) file.finish();
    else file?.remove();
  }
  // After Ctrl-C there is no `end`: what has been reached is a result.
  if (best === undefined) {
    if (process.exitCode !== undefined) return; // Ctrl-C in the first boot
    process.stderr.write(`percpu-malta: seed ${seed}: ${UNMET[until]}; nothing to minimize\n`);
    process.exitCode = EXIT_DIFFERENCE;
    return;
  }
  const script = bootScript(best, seed, [
    `from ${sizeText(start)}`,
    `to   ${size}`,
    `${end ? (quick ? 'a first look' : 'minimal') : 'stopped early'}, ${trials.runs} boots${end ? `; ${endText(end)}` : ''}`,
  ]);
  output.write(script);
  if (flags.json) {
    const reached = end && { outcome: end.outcome, signature: end.signature, foreignPages: end.counters.foreignPages };
    const sizes = { from: bootSize(start), to: bootSize(best) };
    const record = { output: flags.out, seed, until, minimal: end !== undefined && !quick, boots: trials.runs };
    report(`${printableJson({ ...record, ...sizes, end: reached ?? null })}\n`);
    return;
  }
  if (output.toStdout) return;
  report(`${script}\nsaved; run it with: percpu-malta boot --script ${flags.out}\n`);
  if (!end && file) report('go on with --resume\n');
}

/** The boots of a search that was interrupted, or will be. None where the script goes to a pipe or a device. */
function openTrials(output: OutputFile, { out: name, resume = false }: MinimizeFlags): RecordFile | undefined {
  if (output.isRegular) return RecordFile.open(`${name}.trials`, resume, packageVersion(), undefined);
  if (resume) throw new UsageError(`--resume: --out ${name} is no file beside which trials could be`);
  return undefined;
}

function endText({ counters, outcome, signature }: BootRecord): string {
  const name = signature && ` (${signature})`;
  return `${count(counters.foreignPages, 'page')} of others overwritten, outcome ${outcome}${name}`;
}

const UNMET = {
  corrupt: "this boot overwrites no other owner's page",
  crash: "this boot does not crash after it overwrote another owner's page",
};

function sizeText(setup: BootSetup): string {
  const { controllers, disks, targets, steps } = bootSize(setup);
  const parts = [
    count(controllers, 'controller'),
    count(disks, 'disk'),
    count(targets, 'target'),
    count(steps, 'step'),
  ];
  return `${parts.join(', ')} of kernel_init`;
}
