// One MFI frame as fetched from host memory, and the scatter-gather list in it.

import type { BusMaster } from './bus-master.js';
import * as mfi from './mfi.js';

/** A piece of host memory: physical address and length in bytes. */
export interface SgElement {
  readonly address: number;
  readonly length: number;
}

/** A frame the firmware has fetched. It works on this copy; only status bytes go back to host memory. */
export class MfiFrame {
  readonly #view: DataView;

  private constructor(
    readonly address: number,
    readonly bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Undefined when not even the first 64 bytes are in memory. */
  static fetch(bus: BusMaster, address: number): MfiFrame | undefined {
    // Like QEMU, take the longest frame there can be, whatever frame count the host posted; near the end of RAM less.
    let size = mfi.MFI_FRAME_MAX;
    while (size >= mfi.MFI_FRAME_SIZE && !bus.contains(address, size)) size -= mfi.MFI_FRAME_SIZE;
    const bytes = size >= mfi.MFI_FRAME_SIZE ? bus.read(address, size) : undefined;
    return bytes && new MfiFrame(address, bytes);
  }

  /** A frame from a saved state. @param hex two digits a byte */
  static fromHex(address: number, hex: string): MfiFrame {
    return new MfiFrame(
      address,
      Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)),
    );
  }

  hex(): string {
    return Array.from(this.bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  uint8(offset: number): number {
    return this.bytes[offset];
  }

  uint16(offset: number): number {
    return this.#view.getUint16(offset, true);
  }

  uint32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** A 64-bit field as a number; exact up to 2^53, far beyond any address or block that exists here. */
  uint64(offset: number): number {
    return this.uint32(offset + 4) * 2 ** 32 + this.uint32(offset);
  }

  get command(): number {
    return this.bytes[mfi.HDR_CMD];
  }

  get flags(): number {
    return this.uint16(mfi.HDR_FLAGS);
  }

  /**
   * The elements of the list at `offset`; undefined where the firmware refuses it: none or more than 128 of them, a null
   * address, an empty element, a list that runs out of the frame, an element outside memory.
   */
  scatterGather(bus: BusMaster, offset: number): SgElement[] | undefined {
    const count = this.bytes[mfi.HDR_SGE_COUNT];
    if (count === 0 || count > mfi.MFI_MAX_SGE) return undefined;
    const ieee = (this.flags & mfi.MfiFlag.IEEE_SGL) !== 0;
    const wide = ieee || (this.flags & mfi.MfiFlag.SGL64) !== 0;
    const size = ieee ? 16 : wide ? 12 : 8;
    const list: SgElement[] = [];
    for (let i = 0, at = offset; i < count; i++, at += size) {
      if (at + size > this.bytes.length) return undefined;
      const address = wide ? this.uint64(at) : this.uint32(at);
      const length = this.uint32(at + (wide ? 8 : 4));
      if (address === 0 || length === 0 || !bus.contains(address, length)) return undefined;
      list.push({ address, length });
    }
    return list;
  }
}

/** Bytes a scatter-gather list can hold. */
export function sgLength(list: readonly SgElement[]): number {
  return list.reduce((sum, element) => sum + element.length, 0);
}

/** Writes `data` over the list's elements in order; what does not fit is dropped. */
export function scatter(bus: BusMaster, list: readonly SgElement[], data: Uint8Array): void {
  let done = 0;
  for (const { address, length } of list) {
    if (done >= data.length) return;
    bus.write(address, data.subarray(done, done + length));
    done += length;
  }
}

/** The first `length` bytes (or fewer) that the list's elements hold. */
export function gather(bus: BusMaster, list: readonly SgElement[], length: number): Uint8Array {
  const data = new Uint8Array(Math.min(length, sgLength(list)));
  let done = 0;
  for (const element of list) {
    if (done >= data.length) break;
    const part = bus.read(element.address, Math.min(element.length, data.length - done));
    if (part) data.set(part, done);
    done += element.length;
  }
  return data;
}
