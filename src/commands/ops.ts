// `percpu-malta ops`: runs an operation script on the allocator and prints what the kernel's own code prints for it.
import { Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { inputName, readGunzipped } from '../files/input.js';
import { ScriptError, ScriptRunner, VARIANTS, parseScript } from '../percpu/index.js';
import type { PercpuAllocator, ScriptOp, VariantName } from '../percpu/index.js';
import { printableLine } from '../terminal-text.js';

/** Options of every command that runs scripts. */
export interface ScriptOptions {
  variant: VariantName;
  pageSize: string;
}

export function opsCommand(): Command {
  return scriptOptions(new Command('ops'))
    .description('run an operation script (.ops, .ops.gz, - for standard input) on the allocator')
    .action((file: string, options: ScriptOptions) => {
      const output = new LineWriter();
      runScript(file, options, (line) => output.write(line));
      output.flush();
    });
}

/** Adds the script argument and the options that say which kernel runs it. */
export function scriptOptions(command: Command): Command {
  return command
    .argument('<script>', 'operations, one per line; - reads standard input')
    .addOption(
      new Option('--variant <name>', 'which kernel')
        .choices(Object.keys(VARIANTS))
        .default('fixed' satisfies VariantName),
    )
    .addOption(new Option('--page-size <bytes>', 'page size').choices(['4096', '16384', '65536']).default('4096'));
}

/**
 * Runs the script in `file` and hands every line of its output to `write`.
 * @returns the allocator at the end of the script, undefined when the script has no init
 * @throws UsageError "file:line: what is wrong"
 */
export function runScript(
  file: string,
  options: ScriptOptions,
  write: (line: string) => void,
): PercpuAllocator | undefined {
  const name = inputName(file);
  const text = readGunzipped(file).toString('latin1');
  try {
    const ops: ScriptOp[] = parseScript(text, name);
    const runner = new ScriptRunner(name, VARIANTS[options.variant], Number(options.pageSize), write);
    for (const op of ops) runner.run(op);
    return runner.percpu;
  } catch (error) {
    if (error instanceof ScriptError) throw new UsageError(error.message);
    throw error;
  }
}

/**
 * Lines to standard output in large pieces. Nothing is written before the first piece is full or `flush` is called, so that a script
 * whose beginning is bad leaves no output behind.
 */
export class LineWriter {
  #lines: string[] = [];
  #size = 0;

  write(line: string): void {
    this.#lines.push(printableLine(line));
    this.#size += line.length + 1;
    if (this.#size > 1 << 22) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0) return;
    process.stdout.write(`${this.#lines.join('\n')}\n`, 'latin1');
    this.#lines = [];
    this.#size = 0;
  }
}
