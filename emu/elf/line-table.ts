// Source lines for addresses, from the compact table the guest's build writes (emu/guest/tools/lines.mjs).
import { UsageError } from '../errors.js';

export interface SourceLine {
  /** Path from the root of the sources. */
  readonly file: string;
  readonly line: number;
}

/** Who knows where instructions come from. */
export interface SourceLines {
  /** Where the instruction at `address` comes from; undefined where that is not known. */
  lookup(address: number): SourceLine | undefined;
}

/** The line table of one image. */
export class LineTable implements SourceLines {
  readonly #addresses: number[] = [];
  readonly #lines: (SourceLine | undefined)[] = [];

  /** @param source named in error messages: the table's file @throws UsageError for a malformed row */
  constructor(text: string, source: string) {
    const files: string[] = [];
    let address = 0;
    let file = -1;
    text.split('\n').forEach((row, i) => {
      if (row === '') return;
      if (row.startsWith('f ')) {
        files.push(row.slice(2));
        return;
      }
      const match = /^([0-9a-f]+) (-|\d+) (\d+)$/.exec(row);
      if (!match) throw new UsageError(`${source}:${i + 1}: not a row of a line table: '${row.slice(0, 40)}'`);
      address += parseInt(match[1], 16);
      if (match[2] !== '-') file = Number(match[2]);
      if (Number(match[3]) !== 0 && files[file] === undefined)
        throw new UsageError(`${source}:${i + 1}: file ${file} is not in the table`);
      this.#addresses.push(address);
      this.#lines.push(match[3] === '0' ? undefined : { file: files[file], line: Number(match[3]) });
    });
  }

  /** Where the instruction at `address` comes from; undefined outside the table. */
  lookup(address: number): SourceLine | undefined {
    let low = 0;
    let high = this.#addresses.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#addresses[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.#lines[low - 1];
  }
}
