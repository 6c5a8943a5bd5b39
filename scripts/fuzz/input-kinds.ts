// What the fuzzer of inputs tries: one entry per kind of input that the product reads. A new kind is a new entry.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { consoleRecord, decodeConsole, reportLines } from '../../src/decode/index.js';
import { UsageError } from '../../src/errors.js';
import { printableJson, printableLine } from '../../src/terminal-text.js';

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

function texts(folder: string, pattern: RegExp): string[] {
  return fs
    .readdirSync(folder)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => {
      const bytes = fs.readFileSync(path.join(folder, file));
      return (file.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString('utf8');
    });
}

function promise(kept: boolean, what: string): void {
  if (!kept) throw new Error(`broken promise: ${what}`);
}

// eslint-disable-next-line no-control-regex
const STEERS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/;

const decode: InputKind = {
  name: 'decode',
  corpus: (root) => [
    ...texts(path.join(root, 'fixtures/cases'), /\.txt$/),
    ...texts(path.join(root, 'fixtures/consoles'), /\.gz$/),
  ],
  read(input) {
    const decoded = decodeConsole(input);
    const record = consoleRecord('x', decoded);
    const json = printableJson(record);
    promise(!STEERS.test(json), 'JSON on a terminal');
    promise(JSON.stringify(JSON.parse(json)) === JSON.stringify(record), 'JSON that says the same');
    const lines = reportLines('x', decoded).map(printableLine);
    promise(
      lines.every((line) => !STEERS.test(line) && !line.includes('\n')),
      'lines of text',
    );
    promise(lines.length < 4000, 'a report that can be read');
    const odd = /\bundefined\b(?!-)|\bNaN\b|\[object/;
    const letters = input.replace(/[^A-Za-z[]/g, '');
    promise(/undefined|NaN|\[object/.test(letters) || !odd.test(lines.join('\n')), 'words');
    promise((record.verdict === 'ok') === (record.outcome === 'clean'), 'a verdict that fits the outcome');
    promise(decoded.oopsCount >= decoded.oopses.length, 'a count of all oopses');
    promise(
      (decoded.oopsCount === 0 && decoded.panic === undefined) || record.verdict === 'CRASH',
      'no crash called clean',
    );
    for (const { line, lastLine, registers } of decoded.reports) {
      promise(line >= 1 && lastLine <= decoded.lines && line <= lastLine, 'lines of the log');
      promise(registers.size <= 64, 'no more registers than there are');
    }
    promise(
      decoded.boots.reduce((sum, { oopses }) => sum + oopses.length, 0) === decoded.oopses.length,
      'every oops in one boot',
    );
  },
  isAnswer: (error) => error instanceof UsageError,
};

export const INPUT_KINDS: readonly InputKind[] = [decode];
