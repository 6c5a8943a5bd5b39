/** A log that cannot be read: truncated, damaged or of another kind. The message carries "name:line: ". */
export class LogError extends Error {
  override readonly name = 'LogError';
  constructor(file: string, line: number, what: string) {
    super(`${file}:${line}: ${what}`);
  }
}
