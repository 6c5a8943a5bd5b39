// Standard output: what a command reports goes there, unless one of its outputs does (`--log -`); then the report goes to standard error.
import { UsageError } from '../errors.js';

let holder: string | undefined;

/** Writes what a command has to say. */
export function report(text: string): void {
  (holder === undefined ? process.stdout : process.stderr).write(text);
}

/** Gives standard output to the file of an option. @throws UsageError when another has it */
export function takeStdout(flag: string): void {
  if (holder !== undefined) throw new UsageError(`${flag} -: ${holder} writes there already`);
  holder = flag;
}

/**
 * Output that cannot be written ends the process: silently and with the rest of the work done when the reader has seen enough (head, less),
 * else in one line with `exitCode`.
 */
export function guardStandardStreams(exitCode: number): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    process.stderr.write(`percpu-malta: standard output cannot be written (${error.code})\n`);
    process.exit(exitCode);
  });
  // Nobody is left to be told.
  process.stderr.on('error', () => {});
}
