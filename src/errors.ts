// Errors that end a command with one line on stderr instead of a stack trace; src/cli.ts turns them into exit codes.
export { EngineCrashError, EngineMissingError, UsageError } from '../emu/errors.js';

export const EXIT_OK = 0;
/** A difference, a FAIL line, an unmet `--expect`. */
export const EXIT_DIFFERENCE = 1;
export const EXIT_USAGE = 2;
export const EXIT_NO_ENGINE = 3;
