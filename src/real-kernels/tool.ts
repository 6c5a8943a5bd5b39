// Programs of the system that fetch and build kernels: run one by one, with a status line on a terminal, their output kept for the
// case that they fail.
import { spawn, spawnSync } from 'node:child_process';
import readline from 'node:readline';
import type { Readable } from 'node:stream';
import { UsageError } from '../errors.js';

/** One line on a terminal that says what is going on; silent when standard error is none. */
export class StatusLine {
  #drawn = false;

  show(text: string): void {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    this.#drawn = true;
  }

  clear(): void {
    if (this.#drawn) process.stderr.write('\r\x1b[K');
    this.#drawn = false;
  }
}

/** Ended by Ctrl-C. */
export class Interrupted extends Error {}

let interrupted = false;

/** Does `work` with Ctrl-C ending it at the next tool, so that it can clean up. @throws Interrupted then */
export async function interruptible<T>(work: () => Promise<T>): Promise<T> {
  const interrupt = (): void => {
    interrupted = true;
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await work();
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

export interface ToolOptions {
  /** Working folder. */
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Record<string, string>;
  /** Each line that it writes to standard output or standard error. */
  readonly onLine?: (line: string) => void;
  /** Each line that it writes to file descriptor 3. */
  readonly onStatus?: (line: string) => void;
}

/** Lines of a failed program's output that are worth showing. */
const TAIL = 12;

export const hasTool = (name: string): boolean =>
  spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;

/**
 * Runs a program to its end. @throws UsageError with the end of its output when it fails @throws Interrupted after Ctrl-C, which ends it
 */
export function runTool(command: string, args: readonly string[], options: ToolOptions = {}): Promise<void> {
  if (interrupted) return Promise.reject(new Interrupted());
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', options.onStatus ? 'pipe' : 'ignore'],
    });
    const tail: string[] = [];
    const lines = (stream: Readable | null, take: (line: string) => void): void => {
      if (stream) readline.createInterface({ input: stream }).on('line', take);
    };
    const output = (line: string): void => {
      tail.push(line);
      if (tail.length > TAIL) tail.shift();
      options.onLine?.(line);
    };
    lines(child.stdout, output);
    lines(child.stderr, output);
    if (options.onStatus) lines(child.stdio[3] as Readable, options.onStatus);
    const interrupt = (): void => {
      interrupted = true;
      child.kill('SIGTERM'); // a terminal's Ctrl-C has reached it already
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    const end = (): void => {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      end();
      reject(new UsageError(`${command} cannot be run (${error.code})`));
    });
    child.on('close', (code, signal) => {
      end();
      if (interrupted) return reject(new Interrupted());
      if (code === 0) return resolve();
      const what = `${command} ${args.filter((arg) => !arg.startsWith('-')).join(' ')}`.slice(0, 100);
      reject(new UsageError(`${what} failed (${signal ?? `exit code ${code}`}):\n  ${tail.join('\n  ')}`));
    });
  });
}
