// `percpu-malta merge`: joins the files of a sweep's shards.
import { Command } from 'commander';
import { mergeRecords, readRecords, recordLine, writeRecords } from '../experiments/record-file.js';
import { sweepSummary } from '../experiments/sweep-summary.js';
import { UsageError } from '../errors.js';

export function mergeCommand(): Command {
  return new Command('merge')
    .argument('<files...>', 'NDJSON files that sweep wrote with the same options')
    .description('join the shards of a sweep: the same file as one sweep over all their seeds')
    .option('--out <file.ndjson>', 'write there and print the summary (default: print the records)')
    .action((files: string[], { out }: { out?: string }) => {
      const records = mergeRecords(files.map((file) => ({ file, records: readRecords(file) })));
      if (records.length === 0) throw new UsageError(`${files.join(', ')}: no records to merge`);
      if (out === undefined) {
        process.stdout.write(records.map(recordLine).join(''));
      } else {
        writeRecords(out, records);
        process.stdout.write(sweepSummary(records[0]!.options, records, records.length));
      }
    });
}
