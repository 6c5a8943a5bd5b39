// Memory as hexadecimal words and characters.
import { hex } from '../analysis/addresses.js';

const ROW = 16;

/** @param bytes from `address` on @param length that were asked for: what is missing is said */
export function dumpText(address: number, bytes: Uint8Array, length: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = bytes.subarray(at, at + ROW);
    const words = Buffer.from(row)
      .toString('hex')
      .match(/.{1,8}/g)!
      .join(' ');
    const text = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${hex(address + at)}: ${words.padEnd(35)}  ${text}`);
  }
  if (bytes.length < length) lines.push(`${hex(address + bytes.length)}: nothing is mapped here`);
  return lines;
}
