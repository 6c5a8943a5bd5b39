// Errors that end a command with one line on stderr instead of a stack trace; src/cli.ts turns them into exit codes.

/** Bad input: options, scripts, logs, unwritable files. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** No usable Unicorn engine on this system. Exit code 3; the message carries the install command. */
export class EngineMissingError extends Error {
  override readonly name = 'EngineMissingError';
}

export const EXIT_OK = 0;
/** A difference, a FAIL line, an unmet `--expect`. */
export const EXIT_DIFFERENCE = 1;
export const EXIT_USAGE = 2;
export const EXIT_NO_ENGINE = 3;
