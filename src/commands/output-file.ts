// A file that a command writes: tried before the work, so that an unwritable place costs no time, and never half written.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';

/** What outputs of this process go to already, and the flag that said so. */
const taken = new Map<string, string>();

export class OutputFile {
  readonly #flag: string;
  readonly #name: string;
  readonly #file: string;
  /** Written first, then put in place; undefined for what is no regular file (a pipe, /dev/null). */
  readonly #temporary: string | undefined;

  /** @param flag named in errors, such as `--log` @throws UsageError when the place cannot be written to */
  constructor(flag: string, file: string) {
    this.#flag = flag;
    this.#name = file;
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
      throw this.#unwritable(error);
    }
    if (this.#temporary === undefined) return;
    const place = path.resolve(this.#file);
    const other = taken.get(place);
    if (other !== undefined) throw new UsageError(`${flag} ${file}: ${other} writes there already`);
    taken.set(place, flag);
  }

  #unwritable(error: unknown): UsageError {
    const { code } = error as NodeJS.ErrnoException;
    return new UsageError(`${this.#flag} ${this.#name}: cannot be written (${code})`);
  }

  /** The whole content; before that, and when it cannot be written, the file is as it was. @throws UsageError as the constructor */
  write(content: string): void {
    try {
      fs.writeFileSync(this.#temporary ?? this.#file, content);
      if (this.#temporary !== undefined) fs.renameSync(this.#temporary, this.#file);
    } catch (error) {
      if (this.#temporary !== undefined) fs.rmSync(this.#temporary, { force: true });
      throw this.#unwritable(error);
    }
  }
}

/** Opens the output that a flag asks for; undefined without it. */
export function openOutput(flag: string, file: string | undefined): OutputFile | undefined {
  return file === undefined ? undefined : new OutputFile(flag, file);
}
