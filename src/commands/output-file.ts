// A file that a command writes: tried before the work, so that an unwritable place costs no time, and never half written.
import fs from 'node:fs';
import { UsageError } from '../errors.js';

export class OutputFile {
  readonly #file: string;
  readonly #temporary: string;

  /** @param flag named in errors, such as `--log` @throws UsageError when the place cannot be written to */
  constructor(flag: string, file: string) {
    this.#file = file;
    this.#temporary = `${file}.part`;
    try {
      if (fs.statSync(file, { throwIfNoEntry: false })?.isDirectory())
        throw Object.assign(new Error(), { code: 'EISDIR' });
      fs.closeSync(fs.openSync(this.#temporary, 'w'));
      fs.rmSync(this.#temporary);
    } catch (error) {
      throw new UsageError(`${flag} ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
    }
  }

  /** The whole content; before that the file is as it was. */
  write(content: string): void {
    fs.writeFileSync(this.#temporary, content);
    fs.renameSync(this.#temporary, this.#file);
  }
}

/** Opens the output that a flag asks for; undefined without it. */
export function openOutput(flag: string, file: string | undefined): OutputFile | undefined {
  return file === undefined ? undefined : new OutputFile(flag, file);
}
