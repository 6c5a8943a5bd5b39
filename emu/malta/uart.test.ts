import { expect, test } from 'vitest';
import { Uart } from './uart.js';

const THR = 0;
const IER = 1;
const LCR = 3;
const LSR = 5;

test('sends what is written to THR and is always ready for more', () => {
  const uart = new Uart();
  let sent = '';
  uart.onByte = (byte) => (sent += String.fromCharCode(byte));
  for (const c of 'ok\n') {
    expect(uart.read(LSR) & 0x20).toBe(0x20);
    uart.write(THR, c.charCodeAt(0));
  }
  expect(sent).toBe('ok\n');
});

test('DLAB turns the first two registers into the divisor: nothing is sent', () => {
  const uart = new Uart();
  let sent = 0;
  uart.onByte = () => sent++;
  uart.write(IER, 5);
  uart.write(LCR, 0x83);
  uart.write(THR, 3);
  uart.write(IER, 1);
  expect([uart.read(THR), uart.read(IER)]).toEqual([3, 1]);
  uart.write(LCR, 0x03);
  expect([uart.read(THR), uart.read(IER)]).toEqual([0, 5]);
  expect(sent).toBe(0);
});
