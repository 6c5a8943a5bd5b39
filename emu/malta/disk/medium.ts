// What holds a disk's blocks: computed, blank or a file beneath, and what the guest wrote on top.

export const BLOCK_SIZE = 512;

/** Blocks to start from. */
export interface BlockSource {
  /** Capacity in blocks. */
  readonly blocks: number;
  /** The 512 bytes of a block; undefined when they cannot be read. */
  read(lba: number): Uint8Array | undefined;
}

/** Plain values that `restore` takes. */
export type MediumState = { readonly written: readonly (readonly [lba: number, base64: string])[] };

export interface Medium extends BlockSource {
  /** False: write protected. */
  readonly writable: boolean;
  /** Writes the 512 bytes of a block. Returns false when that fails. */
  write(lba: number, data: Uint8Array): boolean;
  state(): MediumState;
  restore(state: MediumState): void;
}

/** A block that was written: never changed, only replaced. `text` is its form in a state, made when first asked for. */
interface Written {
  readonly data: Uint8Array;
  text?: string;
}

/** Writes go to memory; what is beneath is never changed. */
export class OverlayMedium implements Medium {
  readonly #base: BlockSource;
  #written = new Map<number, Written>();

  constructor(
    base: BlockSource,
    readonly writable = true,
  ) {
    this.#base = base;
  }

  get blocks(): number {
    return this.#base.blocks;
  }

  read(lba: number): Uint8Array | undefined {
    return this.#written.get(lba)?.data ?? this.#base.read(lba);
  }

  write(lba: number, data: Uint8Array): boolean {
    this.#written.set(lba, { data: data.slice() });
    return true;
  }

  state(): MediumState {
    const written = [...this.#written].map(([lba, block]): [number, string] => [
      lba,
      (block.text ??= toBase64(block.data)),
    ]);
    return { written: written.sort(([a], [b]) => a - b) };
  }

  restore({ written }: MediumState): void {
    this.#written = new Map(written.map(([lba, text]) => [lba, { data: fromBase64(text), text }]));
  }
}

/** Zeros. */
export function blankBlocks(blocks: number): BlockSource {
  return { blocks, read: () => new Uint8Array(BLOCK_SIZE) };
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
