// Bitmaps as the kernel's lib/find_bit.c and lib/bitmap.c handle them, 32 bits to a word. Int32Array, not Uint32Array: a word read
// from it is always a small integer for the JavaScript engine, so no scan ever boxes a number.

/** Above this, TypedArray.fill is quicker than a loop. */
const FILL_WORDS = 24;

/** Words that `bits` bits take. */
export function bitmapWords(bits: number): number {
  return (bits + 31) >>> 5;
}

/** find_next_bit(): first set bit in [start, size), or `size`. */
export function findNextBit(map: Int32Array, size: number, start: number): number {
  if (start >= size) return size;
  let word = start >>> 5;
  let value = map[word]! & (-1 << (start & 31));
  const last = (size - 1) >>> 5;
  while (value === 0) {
    if (word >= last) return size;
    value = map[++word]!;
  }
  const bit = (word << 5) + 31 - Math.clz32(value & -value);
  return bit < size ? bit : size;
}

/** find_next_zero_bit(): first clear bit in [start, size), or `size`. */
export function findNextZeroBit(map: Int32Array, size: number, start: number): number {
  if (start >= size) return size;
  let word = start >>> 5;
  let value = ~map[word]! & (-1 << (start & 31));
  const last = (size - 1) >>> 5;
  while (value === 0) {
    if (word >= last) return size;
    value = ~map[++word]!;
  }
  const bit = (word << 5) + 31 - Math.clz32(value & -value);
  return bit < size ? bit : size;
}

/** Last set bit in [low, high), or low - 1. */
export function findLastBit(map: Int32Array, low: number, high: number): number {
  if (high <= low) return low - 1;
  const first = low >>> 5;
  let word = (high - 1) >>> 5;
  let value = map[word]! & (-1 >>> (31 - ((high - 1) & 31)));
  while (value === 0) {
    if (word <= first) return low - 1;
    value = map[--word]!;
  }
  const bit = (word << 5) + 31 - Math.clz32(value);
  return bit >= low ? bit : low - 1;
}

/** test_bit(). */
export function testBit(map: Int32Array, bit: number): boolean {
  return ((map[bit >>> 5]! >>> (bit & 31)) & 1) !== 0;
}

/** set_bit(). */
export function setBit(map: Int32Array, bit: number): void {
  map[bit >>> 5]! |= 1 << (bit & 31);
}

/** bitmap_set(): sets [start, start + length). */
export function setBits(map: Int32Array, start: number, length: number): void {
  if (length <= 0) return;
  const end = start + length - 1;
  const first = start >>> 5;
  const last = end >>> 5;
  const head = -1 << (start & 31);
  const tail = -1 >>> (31 - (end & 31));
  if (first === last) {
    map[first]! |= head & tail;
    return;
  }
  map[first]! |= head;
  if (last - first > FILL_WORDS) map.fill(-1, first + 1, last);
  else for (let word = first + 1; word < last; word++) map[word] = -1;
  map[last]! |= tail;
}

/** bitmap_clear(): clears [start, start + length). */
export function clearBits(map: Int32Array, start: number, length: number): void {
  if (length <= 0) return;
  const end = start + length - 1;
  const first = start >>> 5;
  const last = end >>> 5;
  const head = -1 << (start & 31);
  const tail = -1 >>> (31 - (end & 31));
  if (first === last) {
    map[first]! &= ~(head & tail);
    return;
  }
  map[first]! &= ~head;
  if (last - first > FILL_WORDS) map.fill(0, first + 1, last);
  else for (let word = first + 1; word < last; word++) map[word] = 0;
  map[last]! &= ~tail;
}
