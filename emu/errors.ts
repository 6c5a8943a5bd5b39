// Errors of the machine that end a command with one line on stderr instead of a stack trace. They live here because emu
// imports nothing from src; src/errors.ts hands them on and src/cli.ts turns them into exit codes.

/** Bad input: options, files, images. Exit code 2. The message says what, where and what to do, in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** No usable Unicorn engine on this system. Exit code 3; the message carries the install command. */
export class EngineMissingError extends Error {
  override readonly name = 'EngineMissingError';
}

/** The engine itself broke in the middle of a boot (a WebAssembly trap): its module is of no more use. Exit code 3. */
export class EngineCrashError extends Error {
  override readonly name = 'EngineCrashError';
}
