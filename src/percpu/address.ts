// Addresses of the modelled kernel as numbers. 32-bit kernels use 0 .. 2^32-1. 64-bit kernels use the two's complement reading of
// the address, so that kernel addresses become negative numbers of modest size; page-aligned ones are exact. Sums with offsets inside
// a page are only made here, in BigInt, when something is printed or looked up.

export type LongBits = 32 | 64;

/** The number form of the 64-bit (or 32-bit) address `value`. */
export function addressFrom(value: bigint, bits: LongBits): number {
  return Number(bits === 32 ? BigInt.asUintN(32, value) : BigInt.asIntN(64, value));
}

/** The unsigned value of an address in number form. */
export function addressValue(address: number, bits: LongBits): bigint {
  return BigInt.asUintN(bits, BigInt(address));
}

/** %p / %0*lx: hexadecimal without 0x, zero padded to the width of a long. */
export function hexAddress(value: bigint, bits: LongBits): string {
  return BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, '0');
}
