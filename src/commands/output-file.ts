// A file that a command writes: tried before the work, so that an unwritable place costs no time, and never half written.
import fs from 'node:fs';
import { UsageError } from '../errors.js';

export class OutputFile {
  readonly #file: string;
  /** Written first, then put in place; undefined for what is no regular file (a pipe, /dev/null). */
  readonly #temporary: string | undefined;

  /** @param flag named in errors, such as `--log` @throws UsageError when the place cannot be written to */
  constructor(flag: string, file: string) {
    if (file === '') throw new UsageError(`${flag}: need the name of a file`);
    try {
      const there = fs.statSync(file, { throwIfNoEntry: false });
      if (there?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      // A link stays one: what it points to is replaced.
      this.#file = there?.isFile() ? fs.realpathSync(file) : file;
      this.#temporary = there && !there.isFile() ? undefined : `${this.#file}.part`;
      if (this.#temporary === undefined) {
        fs.accessSync(file, fs.constants.W_OK);
      } else {
        fs.closeSync(fs.openSync(this.#temporary, 'w'));
        fs.rmSync(this.#temporary);
      }
    } catch (error) {
      throw new UsageError(`${flag} ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  /** The whole content; before that the file is as it was. */
  write(content: string): void {
    fs.writeFileSync(this.#temporary ?? this.#file, content);
    if (this.#temporary !== undefined) fs.renameSync(this.#temporary, this.#file);
  }
}

/** Opens the output that a flag asks for; undefined without it. */
export function openOutput(flag: string, file: string | undefined): OutputFile | undefined {
  return file === undefined ? undefined : new OutputFile(flag, file);
}
