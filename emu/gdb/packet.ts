// Packets of gdb's remote serial protocol (gdb manual, appendix E): `$payload#checksum`, escapes, and what may stand between them.
// Payloads are strings of one character per byte.

/** Bytes of payload that a client may send in one packet; what qSupported says. */
export const MAX_PAYLOAD = 0x4000;

const [DOLLAR, HASH, ESCAPE, PLUS, MINUS, INTERRUPT] = [0x24, 0x23, 0x7d, 0x2b, 0x2d, 0x03];
const ESCAPE_XOR = 0x20;

export type Received =
  | { kind: 'packet'; payload: string }
  | { kind: 'ack' | 'nak' | 'interrupt' }
  /** A packet whose checksum does not match. */
  | { kind: 'damaged' }
  /** A packet that is longer than MAX_PAYLOAD: nothing more will be read. */
  | { kind: 'too long' };

/** `$payload#checksum` with escapes. */
export function encodePacket(payload: string): Uint8Array {
  const bytes: number[] = [];
  let sum = 0;
  const put = (byte: number): void => {
    bytes.push(byte);
    sum = (sum + byte) & 255;
  };
  for (let i = 0; i < payload.length; i++) {
    const byte = payload.charCodeAt(i) & 255;
    // '*' too: it would announce a run length
    if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === 0x2a) {
      put(ESCAPE);
      put(byte ^ ESCAPE_XOR);
    } else put(byte);
  }
  const text = `$${String.fromCharCode(...bytes)}#${sum.toString(16).padStart(2, '0')}`;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Takes a stream apart, byte by byte; keeps at most one packet. */
export class PacketReader {
  #payload: string[] | undefined;
  #sum = 0;
  #escaped = false;
  /** Digits of the checksum read; undefined before the '#'. */
  #digits: string | undefined;
  #broken = false;

  /** What the next bytes of the stream complete. */
  read(bytes: Uint8Array): Received[] {
    const received: Received[] = [];
    for (const byte of bytes) {
      if (this.#broken) break;
      const item = this.#take(byte);
      if (item) received.push(item);
    }
    return received;
  }

  #take(byte: number): Received | undefined {
    if (this.#payload === undefined) return this.#between(byte);
    if (this.#digits !== undefined) return this.#checksum(byte);
    if (byte === DOLLAR) {
      // the one before was cut short
      this.#begin();
      return { kind: 'damaged' };
    }
    if (byte === HASH) {
      this.#digits = '';
      return undefined;
    }
    this.#sum = (this.#sum + byte) & 255;
    if (byte === ESCAPE && !this.#escaped) {
      this.#escaped = true;
      return undefined;
    }
    this.#payload.push(String.fromCharCode(this.#escaped ? byte ^ ESCAPE_XOR : byte));
    this.#escaped = false;
    if (this.#payload.length <= MAX_PAYLOAD) return undefined;
    this.#broken = true;
    this.#payload = undefined;
    return { kind: 'too long' };
  }

  #begin(): void {
    this.#payload = [];
    this.#sum = 0;
    this.#escaped = false;
    this.#digits = undefined;
  }

  #between(byte: number): Received | undefined {
    switch (byte) {
      case DOLLAR:
        this.#begin();
        return undefined;
      case PLUS:
        return { kind: 'ack' };
      case MINUS:
        return { kind: 'nak' };
      case INTERRUPT:
        return { kind: 'interrupt' };
      default:
        return undefined; // noise
    }
  }

  #checksum(byte: number): Received | undefined {
    this.#digits += String.fromCharCode(byte);
    if (this.#digits!.length < 2) return undefined;
    const payload = this.#payload!.join('');
    const good = /^[0-9a-f]{2}$/i.test(this.#digits!) && parseInt(this.#digits!, 16) === this.#sum;
    this.#payload = undefined;
    return good ? { kind: 'packet', payload } : { kind: 'damaged' };
  }
}

/** Bytes as hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** @returns undefined for what is no even number of hexadecimal digits */
export function fromHex(digits: string): Uint8Array | undefined {
  return digits.length % 2 === 0 && /^[0-9a-f]*$/i.test(digits)
    ? Uint8Array.from(Buffer.from(digits, 'hex'))
    : undefined;
}

/** Characters of one byte each, as hexadecimal digits. */
export const textToHex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');
