// The source of a mail: quoted-printable text (RFC 2045), in which `=` ends a line that goes on and `=3D` is a `=`.

/** A soft line break: encoded lines have at most 76 characters. */
const LONGEST_ENCODED = 77;
const SHORTEST_BROKEN = 60;
const MOST_PIECES = 64;

/** Takes the lines of a file that may be such a source, and gives back lines of text. */
export class MailSource {
  #held = '';
  #pieces = 0;

  /** @returns the line as text; undefined when it goes on in the next */
  add(raw: string): string | undefined {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const isBroken =
      line.endsWith('=') && !line.endsWith('==') && line.length >= SHORTEST_BROKEN && line.length <= LONGEST_ENCODED;
    if (isBroken && this.#pieces < MOST_PIECES) {
      this.#held += line.slice(0, -1);
      this.#pieces++;
      return undefined;
    }
    if (this.#pieces === 0) return /=3D|=20$/.test(line) ? decoded(line) : raw;
    const whole = this.#held + line;
    this.#held = '';
    this.#pieces = 0;
    return decoded(whole);
  }

  /** What was held when the file ended. */
  finish(): string {
    const rest = this.#held;
    this.#held = '';
    this.#pieces = 0;
    return decoded(rest);
  }
}

function decoded(text: string): string {
  return text.replace(/(?:=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString('utf8'));
}
