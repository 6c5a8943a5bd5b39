/** A line that is not a legal operation. The message carries "name:line: ". */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  constructor(file: string, line: number, what: string) {
    super(`${file}:${line}: ${what}`);
  }
}
