// `percpu-malta stats`: the text of debugfs percpu_stats at the end of an operation script.
import { Command } from 'commander';
import { UsageError } from '../errors.js';
import { inputName } from '../files/input.js';
import { statsLines } from '../percpu/index.js';
import { LineWriter, runScript, scriptOptions } from './ops.js';
import type { ScriptOptions } from './ops.js';

export function statsCommand(): Command {
  return scriptOptions(new Command('stats'))
    .description('print percpu_stats, as the kernel shows it in debugfs, at the end of an operation script')
    .action((file: string, options: ScriptOptions) => {
      const percpu = runScript(file, options, () => {});
      if (percpu === undefined) throw new UsageError(`${inputName(file)}: the script has no init`);
      const output = new LineWriter();
      for (const line of statsLines(percpu)) output.write(line);
      output.flush();
    });
}
