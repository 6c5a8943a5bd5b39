// The ring in host memory through which completed commands come back: the controller moves the producer index, the
// driver the consumer index.

import { readUint32LE, writeUint32LE, type BusMaster } from './bus-master.js';
import * as mfi from './mfi.js';
import { MfiStatus } from './mfi.js';

/** Low and high word of the tag a host gives a frame. */
export type Context = readonly [number, number];

export interface ReplyQueueState {
  readonly address: number;
  readonly entries: number;
  readonly producer: number;
  readonly context64: boolean;
  readonly head: number;
}

export class ReplyQueue {
  #head: number;

  private constructor(
    readonly bus: BusMaster,
    readonly address: number,
    readonly entries: number,
    readonly producer: number,
    readonly context64: boolean,
    head: number,
  ) {
    this.#head = head;
  }

  /**
   * The queue that an INIT frame's queue information describes, or the status that refuses it.
   * @param infoAddress physical address of the information @param maxEntries the firmware's command limit
   */
  static fromInfo(bus: BusMaster, infoAddress: number, maxEntries: number): ReplyQueue | number {
    const info = bus.read(infoAddress, mfi.QINFO_SIZE);
    if (!info) return MfiStatus.MEMORY_NOT_AVAILABLE;
    const view = new DataView(info.buffer, info.byteOffset);
    const address64 = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    const entries = view.getUint32(mfi.QINFO_ENTRIES, true) & 0xffff;
    if (entries === 0 || entries > maxEntries) return MfiStatus.INVALID_PARAMETER;
    const context64 = (view.getUint32(mfi.QINFO_FLAGS, true) & mfi.QINFO_FLAG_CONTEXT64) !== 0;
    const address = address64(mfi.QINFO_REPLY_QUEUE);
    const producer = address64(mfi.QINFO_PRODUCER);
    const head = readUint32LE(bus, producer);
    const reachable =
      bus.contains(address, entries * (context64 ? 8 : 4)) && bus.contains(address64(mfi.QINFO_CONSUMER), 4);
    if (head === undefined || !reachable) return MfiStatus.MEMORY_NOT_AVAILABLE;
    return new ReplyQueue(bus, address, entries, producer, context64, head % entries);
  }

  /** A queue from a saved state. */
  static restored(bus: BusMaster, state: ReplyQueueState): ReplyQueue {
    return new ReplyQueue(bus, state.address, state.entries, state.producer, state.context64, state.head);
  }

  state(): ReplyQueueState {
    const { address, entries, producer, context64 } = this;
    return { address, entries, producer, context64, head: this.#head };
  }

  /** The driver keeps one entry more than it has commands, so the ring never overruns and the consumer is not consulted. */
  post(context: Context): void {
    const at = this.address + this.#head * (this.context64 ? 8 : 4);
    writeUint32LE(this.bus, at, context[0]);
    if (this.context64) writeUint32LE(this.bus, at + 4, context[1]);
    this.#head = (this.#head + 1) % this.entries;
    writeUint32LE(this.bus, this.producer, this.#head);
  }
}
