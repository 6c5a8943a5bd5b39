import { expect, test } from 'vitest';
import { PowerManagement } from './power.js';

function power() {
  const bench = { now: 0, off: 0 };
  return {
    bench,
    pm: new PowerManagement(
      () => bench.now,
      () => bench.off++,
    ),
  };
}

test('Linux powers off: status cleared, then SUS_EN with type 0', () => {
  const { bench, pm } = power();
  pm.write(0x00, 2, pm.read(0x00, 2) | 0x100);
  pm.write(0x04, 2, 0x0000);
  expect(bench.off).toBe(0);
  pm.write(0x04, 2, 0x2000);
  expect(bench.off).toBe(1);
  expect(pm.read(0x04, 2)).toBe(0);
});

test('byte writes do the same, the switch being in the upper one', () => {
  const { bench, pm } = power();
  pm.write(0x04, 1, 0xff);
  expect(bench.off).toBe(0);
  pm.write(0x05, 1, 0x20);
  expect(bench.off).toBe(1);
  expect(pm.read(0x04, 2)).toBe(0x00ff);
});

test('enables are stored in any width, status bits cannot be set', () => {
  const { pm } = power();
  pm.write(0x00, 4, 0x0321_ffff);
  expect(pm.read(0x00, 4)).toBe(0x0321_0000);
  expect([pm.read(0x02, 2), pm.read(0x02, 1), pm.read(0x03, 1)]).toEqual([0x0321, 0x21, 0x03]);
  pm.write(0x28, 4, 0xdead_beef);
  expect(pm.read(0x28, 4)).toBe(0xdead_beef);
});

test('the timer counts at 3.579545 MHz in 24 bits', () => {
  const { bench, pm } = power();
  bench.now = 1e9;
  expect(pm.read(0x08, 4)).toBe(3_579_545);
  bench.now = 100e9;
  expect(pm.read(0x08, 4)).toBe(357_954_500 % 0x100_0000);
});
