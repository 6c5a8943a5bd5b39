// Bytes as text of the same length, byte for character: what C strings of the guest are to the host. TextDecoder's "latin1" is another code.

/** The character of each byte. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The low byte of each character. */
export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);
}
