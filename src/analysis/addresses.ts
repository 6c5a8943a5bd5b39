// How addresses, pages and times are written in reports, and where the segments begin.

/** kseg2: what goes through the TLB. */
export const KSEG2 = 0xc000_0000;
/** kseg0: physical addresses from here on, untranslated. */
export const KSEG0 = 0x8000_0000;

export const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** As JSON output has addresses (docs/json.md). */
export const hexJson = (value: number): string => `0x${hex(value)}`;

/** Page frame number as JSON output has it; null: none. */
export const pfnJson = (frame: number): string | null => (frame < 0 ? null : `0x${frame.toString(16)}`);

/** Page frame number. */
export const pfn = (frame: number): string => (frame < 0 ? 'none' : frame.toString(16));

/** Microseconds as the console's seconds: whole microseconds, cut off. */
export const seconds = (t: number): string => (Math.floor(t) / 1e6).toFixed(6);
