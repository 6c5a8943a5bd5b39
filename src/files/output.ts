// A file that a command writes: tried before the work, so that an unwritable place costs no time, and never half written. A regular file is
// replaced as a whole; a link stays and what it points to is replaced; pipes and devices are written to; `-` is standard output.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
import { claimOutput } from './claims.js';
import { takeStdout } from './stdout.js';
import { systemErrorText } from './system-error.js';

/** Names under which systems know standard output. */
const STDOUT_NAMES = ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'];
/** As Linux follows at most. */
const MOST_LINKS = 40;

export class OutputFile {
  readonly #flag: string;
  readonly #name: string;
  readonly #file: string;
  /** Written first, then put in place; undefined for what is written to as it is. */
  readonly #temporary: string | undefined;
  readonly #mode: number | undefined;
  readonly #regular: boolean = false;

  /** @param flag named in errors, such as `--log` @throws UsageError when the place cannot be written to, or is read or written already */
  constructor(flag: string, file: string) {
    this.#flag = flag;
    this.#name = file.replaceAll('\n', '\\n');
    this.#file = file;
    if (file === '') throw new UsageError(`${flag}: need the name of a file`);
    if (this.toStdout) {
      takeStdout(flag);
      return;
    }
    try {
      const there = fs.statSync(file, { throwIfNoEntry: false });
      if (!there || there.isFile()) this.#file = linkTarget(file);
      if (there?.isDirectory()) throw Object.assign(new Error(), { code: 'it is a folder' });
      if (there?.isBlockDevice()) throw Object.assign(new Error(), { code: 'it is a disk' });
      if (there) fs.accessSync(this.#file, fs.constants.W_OK);
      if (!there || there.isFile()) {
        this.#regular = true;
        claimOutput(this.#file, flag, file);
        this.#temporary = this.#tryTemporary(there !== undefined);
        this.#mode = there && there.mode & 0o7777;
      }
    } catch (error) {
      throw this.#unwritable(error);
    }
  }

  /** Where it is, links followed. */
  get place(): string {
    return this.#file;
  }

  /** A file that stays, or will be one: no pipe, no device. */
  get isRegular(): boolean {
    return this.#regular;
  }

  get toStdout(): boolean {
    return STDOUT_NAMES.includes(this.#name);
  }

  /** @returns undefined where a file may be written but no other be put beside it */
  #tryTemporary(exists: boolean): string | undefined {
    const temporary = `${this.#file}.${process.pid}.part`;
    try {
      fs.closeSync(fs.openSync(temporary, 'wx'));
    } catch (error) {
      if (exists && ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code!)) return undefined;
      throw error;
    }
    fs.rmSync(temporary);
    return temporary;
  }

  #unwritable(error: unknown): UsageError {
    if (error instanceof UsageError) return error;
    return new UsageError(`${this.#flag} ${this.#name}: cannot be written (${systemErrorText(error)})`);
  }

  /**
   * The whole content; before that, and when it cannot be written, a regular file is as it was. A reader of a pipe that has seen enough is no
   * error. @throws UsageError as the constructor
   */
  write(content: string | Uint8Array): void {
    if (this.toStdout) {
      process.stdout.write(content);
      return;
    }
    const temporary = this.#temporary;
    try {
      fs.writeFileSync(temporary ?? this.#file, content);
      if (temporary === undefined) return;
      if (this.#mode !== undefined) fs.chmodSync(temporary, this.#mode);
      fs.renameSync(temporary, this.#file);
    } catch (error) {
      if (temporary !== undefined) fs.rmSync(temporary, { force: true });
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw this.#unwritable(error);
    }
  }
}

/** What the links to a regular file, or to one that is not there yet, lead to. */
function linkTarget(file: string): string {
  for (let links = 0; links <= MOST_LINKS; links++) {
    if (!fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return file;
    file = path.resolve(fs.realpathSync(path.dirname(file)), fs.readlinkSync(file));
  }
  throw Object.assign(new Error(), { code: 'too many links' });
}

/** Opens the output that a flag asks for; undefined without it. */
export function openOutput(flag: string, file: string | undefined): OutputFile | undefined {
  return file === undefined ? undefined : new OutputFile(flag, file);
}
