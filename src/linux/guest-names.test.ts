import { describe, expect, it } from 'vitest';
import { GuestNames } from './guest-names.js';

const MAP = '80100000 T start\n80100040 t helper\n80100100 T end\n';
/** The call at 80100048 is on line 7, what follows its delay slot on line 8. */
const lines = {
  lookup: (address: number) =>
    address < 0x8010_0040 ? undefined : { file: 'mm/percpu.c', line: address < 0x8010_0050 ? 7 : 8 },
};

describe('places', () => {
  const names = GuestNames.fromSystemMap(MAP, 'map', lines);

  it('have the line of the instruction', () => {
    expect(names.place(0x8010_0050)).toBe('helper+0x10/0xc0 (mm/percpu.c:8)');
  });

  it('have that of the call where a call returns to', () => {
    expect(names.callPlace(0x8010_0050)).toBe('helper+0x10/0xc0 (mm/percpu.c:7)');
  });

  it('go without one where none is known', () => {
    expect(names.place(0x8010_0004)).toBe('start+0x4/0x40');
    expect(GuestNames.fromSystemMap(MAP, 'map').place(0x8010_0050)).toBe('helper+0x10/0xc0');
  });
});
