// Raw disk images in files, for Node.
import fs from 'node:fs';
import { UsageError } from '../../errors.js';
import { BLOCK_SIZE, type BlockSource, type Medium, type MediumState } from './medium.js';

/** Blocks are read at once this many, as most accesses go on where the last one ended. */
const READ_AHEAD = 128;

/** The blocks of an open file; its last one is filled up with zeros. Reads what the file holds when first asked. */
export class FileBlocks implements BlockSource {
  readonly blocks: number;
  readonly #fd: number;
  readonly #cache = new Uint8Array(READ_AHEAD * BLOCK_SIZE);
  /** First block in the cache, and how many there are. */
  #first = 0;
  #cached = 0;

  /** @param fd an open regular file @param bytes its size */
  constructor(fd: number, bytes: number) {
    this.#fd = fd;
    this.blocks = Math.ceil(bytes / BLOCK_SIZE);
  }

  read(lba: number): Uint8Array | undefined {
    if (lba < this.#first || lba >= this.#first + this.#cached) this.#fill(lba);
    if (this.#cached === 0) return undefined;
    const at = (lba - this.#first) * BLOCK_SIZE;
    return this.#cache.slice(at, at + BLOCK_SIZE);
  }

  #fill(lba: number): void {
    this.#first = lba;
    this.#cached = 0;
    const wanted = Math.min(READ_AHEAD, this.blocks - lba);
    try {
      const bytes = fs.readSync(this.#fd, this.#cache, 0, wanted * BLOCK_SIZE, lba * BLOCK_SIZE);
      this.#cache.fill(0, bytes);
      this.#cached = Math.ceil(bytes / BLOCK_SIZE);
    } catch {
      // The disk reports an unrecovered read error.
    }
  }

  /** What was read ahead is void. */
  forget(): void {
    this.#cached = 0;
  }
}

/** Writes go to the file. */
export class WriteThroughMedium implements Medium {
  readonly writable = true;
  readonly #fd: number;
  readonly #blocks: FileBlocks;

  /** @param fd a regular file open for reading and writing @param bytes its size, a multiple of 512 */
  constructor(fd: number, bytes: number) {
    this.#fd = fd;
    this.#blocks = new FileBlocks(fd, bytes);
  }

  get blocks(): number {
    return this.#blocks.blocks;
  }

  read(lba: number): Uint8Array | undefined {
    return this.#blocks.read(lba);
  }

  write(lba: number, data: Uint8Array): boolean {
    this.#blocks.forget();
    try {
      return fs.writeSync(this.#fd, data, 0, BLOCK_SIZE, lba * BLOCK_SIZE) === BLOCK_SIZE;
    } catch {
      return false;
    }
  }

  /** What is in the file is no state of the machine's: it cannot be taken back. */
  state(): MediumState {
    return { written: [] };
  }

  restore(): never {
    throw new UsageError('a disk that is written through cannot go back to an earlier state: leave out rw');
  }
}
