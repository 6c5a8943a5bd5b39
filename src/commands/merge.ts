// `percpu-malta merge`: joins the files of a sweep's shards.
import fs from 'node:fs';
import { Command } from 'commander';
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
      const shards = files.map((file) => ({ file, records: readRecords(file) }));
      const output = out === undefined ? undefined : openNew(out, force);
      const records = mergeRecords(shards);
      if (records.length === 0) throw new UsageError(`${files.map(inputName).join(', ')}: no records to merge`);
      const missing = missingSeeds(records);
      if (output === undefined) {
        process.stdout.write(recordsText(records));
        process.stderr.write(missingText(missing));
      } else {
        output.write(recordsText(records));
        const { options } = records[0]!;
        if (json) report(`${printableJson({ ...sweepRecord(options, records, records.length), ...missing })}\n`);
        else report(sweepSummary(options, records, records.length) + missingText(missing));
      }
    });
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
function missingSeeds(records: readonly BootRecord[]): Missing {
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
