// Bytes turned round, as a bridge does it between buses of different order.

/** A word with its four bytes in the other order. */
export function swap32(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** The low `size` bytes (1, 2 or 4) of `value` in the other order. */
export function swap(value: number, size: number): number {
  if (size === 4) return swap32(value);
  return size === 2 ? ((value & 0xff) << 8) | ((value >>> 8) & 0xff) : value & 0xff;
}

/** `value` cut to `size` bytes (1, 2 or 4), unsigned. */
export function truncate(value: number, size: number): number {
  return size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff);
}
