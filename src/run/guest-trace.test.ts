import { describe, expect, it } from 'vitest';
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { GuestNames } from '../linux/guest-names.js';
import { guestTrace } from './guest-trace.js';

const [OUTER, PANIC, NEXT, HALT] = [0x8010_0000, 0x8010_0100, 0x8010_0120, 0x8010_0200];
const names = GuestNames.fromSystemMap(
  ['outer', 'panic', 'next', 'halt', 'end']
    .map((name, i) => `${[OUTER, PANIC, NEXT, HALT, HALT + 0x40][i]!.toString(16)} T ${name}\n`)
    .join(''),
  'map',
);
const SP = 0x8018_0000;
const [ENTER, SAVE_RA] = [0x27bd_ffe8, 0xafbf_0014]; // addiu sp, sp, -24; sw ra, 20(sp)

function cpuWith(words: Readonly<Record<number, number>>): MipsCpu {
  const view = new DataView(new ArrayBuffer(2 << 20));
  for (const [address, word] of Object.entries(words)) view.setUint32(Number(address) & 0x1fff_ffff, word);
  return {
    view,
    littleEndian: false,
    ramBytes: view.byteLength,
    physicalAddress: (virtual: number) => (virtual >>> 30 === 2 ? virtual & 0x1fff_ffff : undefined),
  } as unknown as MipsCpu;
}

describe('call traces', () => {
  it('go on behind a call that never returns, where another function begins', () => {
    const cpu = cpuWith({
      [OUTER]: ENTER,
      [OUTER + 4]: SAVE_RA,
      [PANIC]: ENTER,
      [PANIC + 4]: SAVE_RA, // and ends with jal halt; nop
      [SP + 20]: OUTER + 0x30,
      [SP + 24 + 20]: 0,
    });
    const trace = guestTrace(cpu, names, HALT + 8, SP, NEXT);
    expect(trace).toEqual([HALT + 8, NEXT, OUTER + 0x30]);
    expect(trace.slice(1).map((address) => names.callPlace(address))).toEqual(['panic+0x20/0x20', 'outer+0x30/0x100']);
    expect(names.place(NEXT)).toBe('next+0x0/0xe0');
  });

  it('begin with the caller where the instruction is nowhere', () => {
    const cpu = cpuWith({ [OUTER]: ENTER, [OUTER + 4]: SAVE_RA, [SP + 20]: 0 });
    expect(guestTrace(cpu, names, 0, SP, OUTER + 0x30)).toEqual([0, OUTER + 0x30]);
  });
});
