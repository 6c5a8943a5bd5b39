// What a kind of input for the fuzzer is, and what kinds are made with.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

export interface InputKind {
  readonly name: string;
  /** Whole inputs that the fuzzer damages; @param root folder of the checkout */
  corpus(root: string): string[];
  /**
   * Reads an input as the product does and checks what came out. Throws what `isAnswer` knows where the input is refused, an Error
   * that says what is wrong where a promise is broken.
   */
  read(input: string): void;
  /** The error is a refusal that a user would see as one line. */
  isAnswer(error: unknown): boolean;
}

/** The files of a folder, gzip undone. */
export function texts(folder: string, pattern: RegExp): string[] {
  return fs
    .readdirSync(folder)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => {
      const bytes = fs.readFileSync(path.join(folder, file));
      return (file.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString('utf8');
    });
}

/** @throws Error when it is broken */
export function promise(kept: boolean, what: string): void {
  if (!kept) throw new Error(`broken promise: ${what}`);
}
