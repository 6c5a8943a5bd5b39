// `percpu-malta merge`: joins the files of a sweep's shards.
import fs from 'node:fs';
import { Command } from 'commander';
import { isKernelRecord, type KernelRecord } from '../experiments/kernel-job.js';
import { kernelRecordProblem } from '../experiments/kernel-record-check.js';
import { kernelSweepRecord, kernelSweepSummary } from '../experiments/kernel-summary.js';
import { recordProblem } from '../experiments/record-check.js';
import { mergeRecords, readRecords, recordsText } from '../experiments/record-file.js';
import { sweepRecord, sweepSummary } from '../experiments/sweep-summary.js';
import { UsageError } from '../errors.js';
import { inputName } from '../files/input.js';
import { OutputFile } from '../files/output.js';
import { report } from '../files/stdout.js';
import type { BootRecord } from '../experiments/record.js';
import { printableJson } from '../terminal-text.js';

interface MergeFlags {
  out?: string;
  force?: boolean;
  json?: boolean;
}

export function mergeCommand(): Command {
  return new Command('merge')
    .argument('<files...>', 'NDJSON files that sweep wrote with the same options')
    .description('join the shards of a sweep: the same file as one sweep over all their seeds')
    .option('--out <file.ndjson>', 'write there and print the summary (default: print the records)')
    .option('--force', 'replace the --out file when there is one')
    .option('--json', 'print the summary as one JSON object')
    .action((files: string[], { out, force = false, json = false }: MergeFlags) => {
      const shards = files.map((file) => ({ file, records: readRecords<AnyBoot>(file, problemOf) }));
      const output = out === undefined ? undefined : openNew(out, force);
      const records = mergeRecords(shards);
      if (records.length === 0) throw new UsageError(`${files.map(inputName).join(', ')}: no records to merge`);
      const missing = missingSeeds(records);
      if (output === undefined) {
        process.stdout.write(recordsText(records));
        process.stderr.write(missingText(missing));
      } else {
        output.write(recordsText(records));
        const { record, text } = summary(records);
        report(json ? `${printableJson({ ...record, ...missing })}\n` : text + missingText(missing));
      }
    });
}

/** A sweep's boots are all of one kind: of our own guest, or of somebody's kernel. */
type AnyBoot = BootRecord | KernelRecord;

const problemOf = (value: unknown): string | undefined =>
  (isKernelRecord(value) ? kernelRecordProblem : recordProblem)(value);

/** @param records of one sweep, at least one */
function summary(records: AnyBoot[]): { record: object; text: string } {
  const { length } = records;
  if (isKernelRecord(records[0])) {
    const runs = records as KernelRecord[];
    const { options } = runs[0]!;
    const name = `SHA-256 ${options.kernel}`;
    return {
      record: kernelSweepRecord(name, runs, length, options),
      text: kernelSweepSummary(name, runs, length, options),
    };
  }
  const boots = records as BootRecord[];
  const { options } = boots[0]!;
  return { record: sweepRecord(options, boots, length), text: sweepSummary(options, boots, length) };
}

function openNew(file: string, force: boolean): OutputFile {
  const output = new OutputFile('--out', file);
  const size = output.isRegular ? (fs.statSync(output.place, { throwIfNoEntry: false })?.size ?? 0) : 0;
  if (size > 0 && !force) throw new UsageError(`--out ${file}: exists; replace it by --force, or give another name`);
  return output;
}

interface Missing {
  firstSeed: number;
  lastSeed: number;
  /** Seeds between them that no file has: how many, and the lowest of them. */
  missing: number;
  firstMissing: number | null;
}

/** @param records in order of seeds, at least one */
function missingSeeds(records: readonly { seed: number }[]): Missing {
  const firstSeed = records[0]!.seed;
  const lastSeed = records.at(-1)!.seed;
  const gap = records.findIndex(({ seed }, i) => seed !== firstSeed + i);
  return {
    firstSeed,
    lastSeed,
    missing: lastSeed - firstSeed + 1 - records.length,
    firstMissing: gap < 0 ? null : firstSeed + gap,
  };
}

function missingText({ firstSeed, lastSeed, missing, firstMissing }: Missing): string {
  if (missing === 0) return '';
  const seeds = missing === 1 ? '1 seed' : `${missing} seeds`;
  return `\n${seeds} of ${firstSeed}..${lastSeed} ${missing === 1 ? 'is' : 'are'} in none of these files, from ${firstMissing} on: is a shard missing?\n`;
}
