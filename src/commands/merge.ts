// `percpu-malta merge`: joins the files of a sweep's shards.
import fs from 'node:fs';
import { Command } from 'commander';
import { mergeRecords, readRecords, recordsText } from '../experiments/record-file.js';
import { sweepSummary } from '../experiments/sweep-summary.js';
import { UsageError } from '../errors.js';
import { inputName } from '../files/input.js';
import { OutputFile } from '../files/output.js';
import { report } from '../files/stdout.js';

export function mergeCommand(): Command {
  return new Command('merge')
    .argument('<files...>', 'NDJSON files that sweep wrote with the same options')
    .description('join the shards of a sweep: the same file as one sweep over all their seeds')
    .option('--out <file.ndjson>', 'write there and print the summary (default: print the records)')
    .option('--force', 'replace the --out file when there is one')
    .action((files: string[], { out, force = false }: { out?: string; force?: boolean }) => {
      const shards = files.map((file) => ({ file, records: readRecords(file) }));
      const output = out === undefined ? undefined : openNew(out, force);
      const records = mergeRecords(shards);
      if (records.length === 0) throw new UsageError(`${files.map(inputName).join(', ')}: no records to merge`);
      if (output === undefined) {
        process.stdout.write(recordsText(records));
      } else {
        output.write(recordsText(records));
        report(sweepSummary(records[0]!.options, records, records.length));
      }
    });
}

function openNew(file: string, force: boolean): OutputFile {
  const output = new OutputFile('--out', file);
  const size = output.isRegular ? (fs.statSync(output.place, { throwIfNoEntry: false })?.size ?? 0) : 0;
  if (size > 0 && !force) throw new UsageError(`--out ${file}: exists; replace it by --force, or give another name`);
  return output;
}
