import { beforeEach, describe, expect, test } from 'vitest';
import { I8042 } from './i8042.js';

let kbc: I8042;
let irq1 = false;
let irq12 = false;
let resets = 0;

function make(): I8042 {
  return new I8042(
    (asserted) => (irq1 = asserted),
    (asserted) => (irq12 = asserted),
    () => resets++,
  );
}

beforeEach(() => {
  irq1 = irq12 = false;
  resets = 0;
  kbc = make();
});

const full = () => (kbc.readStatus() & 0x01) !== 0;

/** All bytes that are there for the processor. */
function drain(): number[] {
  const bytes: number[] = [];
  while (full()) bytes.push(kbc.readData());
  return bytes;
}

function command(byte: number, parameter?: number): number[] {
  kbc.writeCommand(byte);
  if (parameter !== undefined) kbc.writeData(parameter);
  return drain();
}

test('is never busy, and empty at first', () => {
  expect(kbc.readStatus()).toBe(0x18);
  kbc.writeCommand(0xaa);
  kbc.writeData(0xf4);
  expect(kbc.readStatus() & 0x02).toBe(0);
});

describe('what Linux finds out about the controller (i8042.c)', () => {
  test('tests itself; the command byte is kept; no translation', () => {
    expect(command(0xaa)).toEqual([0x55]);
    expect(kbc.readStatus() & 0x04).toBe(0x04);
    expect(command(0x20)).toEqual([0x03]);
    expect(command(0x60, 0x30)).toEqual([]);
    expect(command(0x20)).toEqual([0x30]);
    expect([command(0xa9), command(0xab)]).toEqual([[0x00], [0x00]]);
  });

  test('has an AUX port: bytes looped through it are marked, and interrupt on 12', () => {
    kbc.writeCommand(0xd3);
    kbc.writeData(0xa5);
    expect(kbc.readStatus() & 0x21).toBe(0x21);
    expect([irq1, irq12]).toEqual([false, true]);
    expect(kbc.readData()).toBe(0xa5);
    expect(irq12).toBe(false);
    kbc.writeCommand(0xd2);
    kbc.writeData(0x5a);
    expect([kbc.readStatus() & 0x21, irq1, irq12]).toEqual([0x01, true, false]);
  });

  test('switches the ports on and off', () => {
    expect([command(0xa7), command(0x20)[0] & 0x20]).toEqual([[], 0x20]);
    expect([command(0xa8), command(0x20)[0] & 0x20]).toEqual([[], 0]);
    expect([command(0xad), command(0x20)[0] & 0x10]).toEqual([[], 0x10]);
    expect([command(0xae), command(0x20)[0] & 0x10]).toEqual([[], 0]);
  });
});

describe('keyboard', () => {
  test('resets as a small kernel does it: acknowledged, passed, scan codes set, on', () => {
    kbc.writeData(0xff);
    expect([kbc.readData(), kbc.readData()]).toEqual([0xfa, 0xaa]);
    kbc.writeData(0xf0);
    kbc.writeData(1);
    expect(kbc.readData()).toBe(0xfa);
    kbc.writeData(0xf4);
    expect(drain()).toEqual([0xfa, 0xfa]);
  });

  test('is an AT keyboard, and tells its scan code set', () => {
    kbc.writeData(0xf2);
    expect(drain()).toEqual([0xfa, 0xab, 0x83]);
    for (const byte of [0xf0, 0x00]) kbc.writeData(byte);
    expect(drain()).toEqual([0xfa, 0xfa, 0x02]);
    for (const byte of [0xed, 0x07, 0xf3, 0x00, 0xee, 0x12]) kbc.writeData(byte);
    expect(drain()).toEqual([0xfa, 0xfa, 0xfa, 0xfa, 0xee, 0xfe]);
  });

  test('each byte interrupts once it is at the front, unless interrupts or the port are off', () => {
    kbc.writeData(0xff);
    expect(irq1).toBe(true);
    kbc.readData();
    expect(irq1).toBe(true);
    kbc.readData();
    expect(irq1).toBe(false);
    command(0x60, 0x02);
    kbc.writeData(0xf4);
    expect([full(), irq1]).toEqual([true, false]);
    command(0x60, 0x01);
    command(0xad);
    kbc.writeCommand(0xae);
    kbc.writeData(0xf4);
    expect(irq1).toBe(true);
  });
});

test('mouse: answers through the AUX port, and reports rest', () => {
  const send = (byte: number) => command(0xd4, byte);
  expect(send(0xff)).toEqual([0xfa, 0xaa, 0x00]);
  expect(send(0xf2)).toEqual([0xfa, 0x00]);
  expect([send(0xf3), send(200), send(0xe8), send(3), send(0xf4)]).toEqual([[0xfa], [0xfa], [0xfa], [0xfa], [0xfa]]);
  expect(send(0xe9)).toEqual([0xfa, 0x20, 3, 200]);
  expect(send(0xeb)).toEqual([0xfa, 0x08, 0, 0]);
  expect([send(0xee), send(0x42), send(0xec), send(0x42)]).toEqual([[0xfa], [0x42], [0xfa], [0xfe]]);
});

test('resets the board by a pulse or through the output port', () => {
  kbc.writeCommand(0xff); // no line
  expect(resets).toBe(0);
  kbc.writeCommand(0xfe);
  expect(resets).toBe(1);
  command(0xd1, 0x03);
  expect(resets).toBe(1);
  command(0xd1, 0x02);
  expect(resets).toBe(2);
});
