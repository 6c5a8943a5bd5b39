// One client's connection: acknowledgements, what is sent again, what ends it. Knows packets, not what they mean.
import { encodePacket, PacketReader, type Received } from './packet.js';

export interface ConnectionEvents {
  onPacket(payload: string): void;
  /** Ctrl-C. */
  onInterrupt(): void;
  /** The client breaks the protocol: nothing more of it is read. */
  onAbuse(why: string): void;
}

/** A packet that arrives damaged so many times in a row ends the connection. */
const MAX_DAMAGED = 16;

export class Connection {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #events: ConnectionEvents;
  readonly #reader = new PacketReader();
  #acknowledge = true;
  #last: Uint8Array | undefined;
  #damaged = 0;
  #ended = false;

  constructor(write: (bytes: Uint8Array) => void, events: ConnectionEvents) {
    this.#write = write;
    this.#events = events;
  }

  receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    for (const item of this.#reader.read(bytes)) {
      if (this.#ended) return;
      this.#take(item);
    }
  }

  #take(item: Received): void {
    switch (item.kind) {
      case 'packet':
        this.#damaged = 0;
        if (this.#acknowledge) this.#write(ACK);
        if (item.payload === 'QStartNoAckMode') {
          this.send('OK');
          this.#acknowledge = false;
        } else this.#events.onPacket(item.payload);
        return;
      case 'damaged':
        if (++this.#damaged > MAX_DAMAGED) this.#abuse('packets with bad checksums');
        else if (this.#acknowledge) this.#write(NAK);
        return;
      case 'nak':
        if (++this.#damaged > MAX_DAMAGED) this.#abuse('replies refused again and again');
        else if (this.#acknowledge && this.#last) this.#write(this.#last);
        return;
      case 'interrupt':
        this.#events.onInterrupt();
        return;
      case 'too long':
        this.#abuse('a packet that is too long');
        return;
      case 'ack':
        return;
    }
  }

  #abuse(why: string): void {
    this.#ended = true;
    this.#events.onAbuse(why);
  }

  send(payload: string): void {
    if (this.#ended) return;
    this.#last = encodePacket(payload);
    this.#write(this.#last);
  }
}

const ACK = Uint8Array.of(0x2b);
const NAK = Uint8Array.of(0x2d);
