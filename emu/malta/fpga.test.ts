import { expect, test } from 'vitest';
import { Fpga } from './fpga.js';

test('says its byte order, and has a PCI clock of 33 MHz', () => {
  expect([new Fpga(true, () => {}).read(0x208), new Fpga(false, () => {}).read(0x208)]).toEqual([0x12, 0x10]);
  expect(new Fpga(true, () => {}).read(0x210)).toBe(0);
});

test('resets when 42 is written to SOFTRES, and for nothing else', () => {
  let resets = 0;
  const fpga = new Fpga(false, () => resets++);
  fpga.write(0x500, 0x41);
  fpga.write(0x508, 0x42);
  expect(resets).toBe(0);
  fpga.write(0x500, 0x42);
  expect(resets).toBe(1);
});

test('shows what Linux writes, character by character or as a word', () => {
  const fpga = new Fpga(false, () => {});
  [...'LINUX ON'].forEach((c, i) => fpga.write(0x418 + 8 * i, c.charCodeAt(0)));
  expect(fpga.display).toBe('LINUX ON');
  fpga.write(0x418 + 8 * 7, 0);
  expect(fpga.display).toBe('LINUX O ');
  const other = new Fpga(false, () => {});
  fpga.write(0x408, 0x1a5);
  other.restore(JSON.parse(JSON.stringify(fpga.state())) as ReturnType<Fpga['state']>);
  expect([other.display, other.leds, other.read(0x408)]).toEqual(['LINUX O ', 0xa5, 0xa5]);
  fpga.write(0x410, 0xbadc0de);
  expect(fpga.display).toBe('0BADC0DE');
});
