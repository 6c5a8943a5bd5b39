// `percpu-malta ops`: runs an operation script on the allocator and prints what the kernel's own code prints for it.
import { Command, Option } from 'commander';
import { UsageError } from '../errors.js';
import { inputName, readGunzipped } from '../files/input.js';
import { otherKind } from '../files/other-kind.js';
import { printableJson, printableLine } from '../terminal-text.js';
import { ScriptError, ScriptRunner, VARIANTS, scriptOps } from '../percpu/index.js';
import type { PercpuAllocator, VariantName } from '../percpu/index.js';

/** Options of every command that runs scripts. */
export interface ScriptOptions {
  variant: VariantName;
  pageSize: string;
}

export const OPS_HELP = `
A script: cfg bits|page|cpus|static|vmalloc|linear ..., init boot|embed|setup ..., then
  alloc ID SIZE ALIGN [reserved|atomic|nowait|noio|nofs|nowarn|nofail]    free ID    work    meminfo    stats    state
  for NAME in FIRST..LAST [step N] ... end    alloc 0..99 8,16,64 8    free 0..98 step 2    echo off
docs/ops-format.md has all of it, docs/examples some scripts.`;

export function opsCommand(): Command {
  return scriptOptions(new Command('ops'))
    .description('run an operation script (.ops, .ops.gz, - for standard input) on the allocator')
    .addHelpText('after', OPS_HELP)
    .option('--json', 'print a JSON object for each operation')
    .action((file: string, options: ScriptOptions & { json?: boolean }) => {
      const output = new LineWriter();
      const records = new OperationRecords((record) => output.write(printableJson(record)));
      runScriptFile(file, options, (line) => (options.json ? records.add(line) : output.write(line)));
      records.end();
      output.flush();
    });
}

/** Results that are printed in hexadecimal without 0x, as the kernel prints addresses. */
const HEXADECIMAL = ['ptr', 'fnv'];

const plain = (value: string): string | number => (/^-?\d+$/.test(value) ? Number(value) : value);

/** The output of an operation, line by line, as data. */
class OperationRecords {
  readonly #write: (record: object) => void;
  #operation: string | undefined;
  #lines: string[] = [];
  #result: Record<string, string | number> = {};

  constructor(write: (record: object) => void) {
    this.#write = write;
  }

  /** `> operation`, then what it traces and dumps, `= name=value ...` what it gives. */
  add(line: string): void {
    if (line.startsWith('> ')) {
      this.end();
      this.#operation = line.slice(2);
    } else if (line.startsWith('= ')) {
      const words = line.slice(2).split(' ');
      for (const [name, value] of words.filter((word) => word.includes('=')).map((word) => word.split(/=(.*)/)))
        this.#result[name!] = HEXADECIMAL.includes(name!) ? `0x${value!}` : plain(value!);
      const value = words.filter((word) => !word.includes('=')).join(' ');
      if (value !== '') this.#result.value = plain(value);
    } else this.#lines.push(line);
  }

  end(): void {
    if (this.#operation !== undefined)
      this.#write({ operation: this.#operation, result: this.#result, lines: this.#lines });
    this.#operation = undefined;
    this.#lines = [];
    this.#result = {};
  }
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
    .addOption(
      new Option('--page-size <bytes>', 'page size, where the script has no "cfg page"')
        .choices(['4096', '8192', '16384', '32768', '65536'])
        .default('4096'),
    );
}

/** Reads and runs a script. @throws UsageError "file:line: what is wrong" */
export function runScriptFile(
  file: string,
  options: ScriptOptions,
  write: (line: string) => void,
): PercpuAllocator | undefined {
  return runScript(inputName(file), readGunzipped(file).toString('latin1'), options, write);
}

/**
 * Runs a script and hands every line of its output to `write`.
 * @returns the allocator at the end of the script, undefined when the script has no init
 * @throws UsageError "name:line: what is wrong"
 */
export function runScript(
  name: string,
  text: string,
  options: ScriptOptions,
  write: (line: string) => void,
): PercpuAllocator | undefined {
  try {
    // Twice over: nothing runs of a script that has a bad line, and loops need not be written out at once.
    for (const _op of scriptOps(text, name));
    const runner = new ScriptRunner(name, VARIANTS[options.variant], Number(options.pageSize), write);
    for (const op of scriptOps(text, name)) runner.run(op);
    return runner.percpu;
  } catch (error) {
    if (error instanceof ScriptError) throw new UsageError(error.message + otherKind(text, 'ops'));
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
