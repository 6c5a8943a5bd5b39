// Files that boots need (guest images, kernels, disks) go by checksum: a job names them so, and whoever boots fetches what he has not got.
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { cacheDir } from '../../emu/unicorn/cache-dir.js';
import { UsageError } from '../errors.js';
import type { FilePlaces } from '../experiments/job.js';

/** A file travels in pieces: one answer of the server should not hold megabytes back to back. */
const PIECE_BYTES = 1 << 20;
/** Files that no command has asked for so long go from the server. */
const KEEP_SECONDS = 7 * 24 * 3600;

const key = (sha256: string): string => `percpu-malta-file:${sha256}`;

/**
 * Puts the file on the server, unless it is there. @param anew also then: what is there is no good
 * @throws UsageError for a file that is no longer what it was
 */
export async function upload(client: Redis, sha256: string, file: string, anew = false): Promise<void> {
  const size = fs.statSync(file).size;
  const pieces = Math.max(1, Math.ceil(size / PIECE_BYTES));
  const names = Array.from({ length: pieces }, (_, i) => `${key(sha256)}:${i}`);
  if (!anew && (await client.exists(key(sha256), ...names)) === pieces + 1) {
    for (const name of [key(sha256), ...names]) await client.expire(name, KEEP_SECONDS);
    return;
  }
  const descriptor = fs.openSync(file, 'r');
  const hash = createHash('sha256');
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (const [i, name] of names.entries()) {
      const length = fs.readSync(descriptor, piece, 0, PIECE_BYTES, i * PIECE_BYTES);
      hash.update(piece.subarray(0, length));
      await client.set(name, Buffer.from(piece.subarray(0, length)), 'EX', KEEP_SECONDS);
    }
  } finally {
    fs.closeSync(descriptor);
  }
  if (hash.digest('hex') !== sha256) throw new UsageError(`${file}: has changed since it was first read`);
  await client.set(key(sha256), String(pieces), 'EX', KEEP_SECONDS); // last: now it is complete
}

/** The server has not got a file that a job names. */
export class FileMissing extends Error {
  override readonly name = 'FileMissing';
}

/** Files of the server, kept in the cache of this machine. */
export class FetchedFiles implements FilePlaces {
  readonly #client: Redis;
  readonly #folder = path.join(cacheDir(), 'files');
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(client: Redis) {
    this.#client = client;
  }

  path(sha256: string): string {
    return path.join(this.#folder, sha256);
  }

  /** @throws FileMissing */
  async fetch(sha256: string): Promise<void> {
    if (fs.existsSync(this.path(sha256))) return;
    let fetching = this.#fetching.get(sha256);
    if (fetching === undefined) {
      fetching = this.#download(sha256).finally(() => this.#fetching.delete(sha256));
      this.#fetching.set(sha256, fetching);
    }
    await fetching;
  }

  async #download(sha256: string): Promise<void> {
    const pieces = Number((await this.#client.get(key(sha256))) ?? 0);
    fs.mkdirSync(this.#folder, { recursive: true });
    const part = path.join(this.#folder, `${randomUUID()}.part`);
    const hash = createHash('sha256');
    try {
      const descriptor = fs.openSync(part, 'wx');
      try {
        for (let i = 0; i < pieces; i++) {
          const piece = await this.#client.getBuffer(`${key(sha256)}:${i}`);
          if (piece === null) break;
          hash.update(piece);
          fs.writeSync(descriptor, piece);
        }
      } finally {
        fs.closeSync(descriptor);
      }
      if (pieces === 0 || hash.digest('hex') !== sha256) throw new FileMissing(sha256);
      fs.renameSync(part, this.path(sha256));
    } finally {
      fs.rmSync(part, { force: true });
    }
  }
}
