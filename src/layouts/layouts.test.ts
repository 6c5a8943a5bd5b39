import { describe, expect, it } from 'vitest';
import { LAYOUTS, firstChunkOf } from './layouts.js';

describe('layouts', () => {
  it('malta gives the recorded first chunk line: 7 pages/cpu s80672 r0 d34016 u114688', () => {
    const { info, base } = firstChunkOf(LAYOUTS.malta);
    expect(info).toMatchObject({ staticSize: 80672, reservedSize: 0, dynSize: 34016, unitSize: 114688 });
    expect(base).toBe(0x81000000);
  });

  it('malta-4k gives the recorded first chunk line: 13 pages/cpu s31520 r0 d21728 u53248', () => {
    const { info } = firstChunkOf(LAYOUTS['malta-4k']);
    expect(info).toMatchObject({ staticSize: 31520, reservedSize: 0, dynSize: 21728, unitSize: 53248 });
  });

  it.each([
    [1, 2 << 20],
    [8, 256 << 10],
  ])('x86-like with %i CPUs has units of %i bytes', (cpus, unitSize) => {
    expect(firstChunkOf(LAYOUTS['x86-like'], cpus).info.unitSize).toBe(unitSize);
  });
});
