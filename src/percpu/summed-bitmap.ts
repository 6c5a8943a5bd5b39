// A bitmap whose set bits lie far apart, with a summary: bit n of `summary` says that word n of `map` is not 0. Long empty stretches are
// then passed and cleared 1024 bits at a time. The bound map of a chunk is one: a 32 KB area has two bits in 257 words.

/** set_bit(). */
export function setSummedBit(map: Int32Array, summary: Int32Array, bit: number): void {
  const word = bit >>> 5;
  map[word]! |= 1 << (bit & 31);
  summary[word >>> 5]! |= 1 << (word & 31);
}

/** find_next_bit(): first set bit at or above `start`, which must exist. */
export function findNextSummedBit(map: Int32Array, summary: Int32Array, start: number): number {
  let word = start >>> 5;
  let value = map[word]! & (-1 << (start & 31));
  if (value === 0) {
    word++;
    let at = word >>> 5;
    let words = summary[at]! & (-1 << (word & 31));
    while (words === 0) words = summary[++at]!;
    word = (at << 5) + 31 - Math.clz32(words & -words);
    value = map[word]!;
  }
  return (word << 5) + 31 - Math.clz32(value & -value);
}

/** bitmap_clear(): clears [start, start + length). */
export function clearSummedBits(map: Int32Array, summary: Int32Array, start: number, length: number): void {
  if (length <= 0) return;
  const end = start + length - 1;
  const last = end >>> 5;
  let word = start >>> 5;
  let mask = -1 << (start & 31);
  for (;;) {
    if (word === last) mask &= -1 >>> (31 - (end & 31));
    const value = map[word]!;
    if ((value & mask) !== 0) {
      map[word] = value & ~mask;
      if ((value & ~mask) === 0) summary[word >>> 5]! &= ~(1 << (word & 31));
    }
    if (word === last) return;
    mask = -1;
    word++;
    if (summary[word >>> 5]! >>> (word & 31) === 0) {
      word |= 31;
      if (word > last) word = last;
    }
  }
}
