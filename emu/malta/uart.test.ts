import { beforeEach, describe, expect, test } from 'vitest';
import { Timers } from './timers.js';
import { Uart } from './uart.js';

const [THR, IER, FCR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7];
const [RBR, IIR] = [THR, FCR];

let now = 0;
let timers: Timers;
let uart: Uart;
let sent = '';
let irq = false;
let rises = 0;

beforeEach(() => {
  now = 0;
  sent = '';
  irq = false;
  rises = 0;
  timers = new Timers(() => now);
  uart = make();
});

function make(): Uart {
  const made = new Uart((asserted) => {
    if (asserted && !irq) rises++;
    irq = asserted;
  }, timers);
  made.onByte = (byte) => (sent += String.fromCharCode(byte));
  return made;
}

function pass(nanoseconds: number): void {
  now += nanoseconds;
  timers.runDue();
}

function write(text: string): void {
  for (const c of text) uart.write(THR, c.charCodeAt(0));
}

const bytes = (text: string) => [...text].map((c) => c.charCodeAt(0));

test('sends what is written to THR and is always ready for more', () => {
  for (const c of 'ok\n') {
    expect(uart.read(LSR)).toBe(0x60);
    write(c);
  }
  expect(sent).toBe('ok\n');
});

test('DLAB turns the first two registers into the divisor: nothing is sent', () => {
  uart.write(IER, 5);
  uart.write(LCR, 0x83);
  uart.write(THR, 3);
  uart.write(IER, 1);
  expect([uart.read(THR), uart.read(IER)]).toEqual([3, 1]);
  uart.write(LCR, 0x03);
  expect([uart.read(THR), uart.read(IER)]).toEqual([0, 5]);
  expect(sent).toBe('');
});

describe('what Linux finds out about it (8250_port.c, autoconfig)', () => {
  test('IER has four bits, the scratch register is one', () => {
    uart.write(IER, 0);
    expect(uart.read(IER)).toBe(0);
    uart.write(IER, 0xff);
    expect(uart.read(IER)).toBe(0x0f);
    uart.write(SCR, 0xa5);
    expect(uart.read(SCR)).toBe(0xa5);
  });

  test('in loop-back the modem status is that of the modem control', () => {
    uart.write(MCR, 0x1a);
    expect(uart.read(MSR) & 0xf0).toBe(0x90);
    uart.write(MCR, 0x08);
    expect(uart.read(MSR)).toBe(0xb0);
  });

  test('a FIFO, and not that of a 16650 or 16750', () => {
    uart.write(FCR, 1);
    expect(uart.read(IIR) >> 6).toBe(3);
    uart.write(FCR, 1 | 0x20);
    expect(uart.read(IIR) >> 5).toBe(6);
    uart.write(FCR, 0);
    expect(uart.read(IIR) >> 6).toBe(0);
  });

  test('16 bytes of it, counted in loop-back', () => {
    uart.write(MCR, 0x10);
    uart.write(FCR, 0x07);
    for (let i = 0; i < 256; i++) uart.write(THR, i);
    expect(sent).toBe('');
    let count = 0;
    for (; uart.read(LSR) & 1; count++) expect(uart.read(RBR)).toBe(count);
    expect(count).toBe(16);
  });
});

describe('transmitter interrupt', () => {
  test('comes when it is enabled, and goes when IIR names it', () => {
    uart.write(IER, 2);
    expect(irq).toBe(true);
    expect(uart.read(IIR)).toBe(0x02);
    expect(irq).toBe(false);
    expect(uart.read(IIR)).toBe(0x01);
  });

  test('each byte gives an edge, also when the driver does not look at IIR in between', () => {
    uart.write(IER, 2);
    write('abc');
    expect(rises).toBe(4);
    uart.read(IIR);
    write('d');
    expect(irq).toBe(true);
    uart.write(IER, 0);
    expect(irq).toBe(false);
    expect(sent).toBe('abcd');
  });
});

describe('receiver', () => {
  test('without FIFO: one character at a time, each an interrupt', () => {
    uart.write(IER, 1);
    uart.type(bytes('hi'));
    expect(irq).toBe(true);
    expect(uart.read(IIR)).toBe(0x04);
    expect(uart.read(LSR)).toBe(0x61);
    expect(uart.read(RBR)).toBe(0x68);
    expect([irq, uart.read(RBR), irq, uart.read(LSR)]).toEqual([true, 0x69, false, 0x60]);
    expect(uart.unread).toBe(0);
  });

  test('with FIFO: at the trigger level, or when no more comes for four characters', () => {
    uart.write(FCR, 0x81); // trigger level 8
    uart.write(LCR, 0x80);
    uart.write(THR, 12); // 9600 baud
    uart.write(IER, 0);
    uart.write(LCR, 0x03);
    uart.write(IER, 1);
    uart.type(bytes('1234567'));
    expect(irq).toBe(false);
    pass(4.1e6);
    expect(irq).toBe(false);
    pass(0.1e6);
    expect(irq).toBe(true);
    expect(uart.read(IIR)).toBe(0xcc);
    expect(uart.read(RBR)).toBe(0x31);
    expect(irq).toBe(false);
    uart.type(bytes('89'));
    expect(uart.read(IIR)).toBe(0xc4);
    let rest = '';
    while (uart.read(LSR) & 1) rest += String.fromCharCode(uart.read(RBR));
    expect(rest).toBe('23456789');
    pass(1e9);
    expect(irq).toBe(false);
  });

  test('what is typed faster than it is read waits, and nothing is lost', () => {
    uart.write(FCR, 0x01);
    const text = 'x'.repeat(40) + 'end';
    uart.type(bytes(text));
    let got = '';
    while (uart.read(LSR) & 1) {
      expect(uart.read(LSR) & 2).toBe(0);
      got += String.fromCharCode(uart.read(RBR));
    }
    expect(got).toBe(text);
  });

  test('a whole file can be typed at once', () => {
    uart.write(FCR, 0x01);
    uart.type(new Uint8Array(1_000_000).fill(0x61));
    expect(uart.unread).toBe(1_000_000);
    for (let i = 0; i < 500; i++) uart.read(RBR);
    expect(uart.unread).toBe(999_500);
    expect(uart.state().typed).toHaveLength(999_500 - 16);
  });

  test('clearing the FIFO loses what is in it, not what is still on the line', () => {
    uart.write(FCR, 0x01);
    uart.type(bytes('0123456789abcdefghij'));
    uart.write(FCR, 0x03);
    expect(String.fromCharCode(uart.read(RBR))).toBe('g');
  });

  test('an overrun is a line status interrupt, cleared by reading LSR', () => {
    uart.write(IER, 4);
    uart.write(MCR, 0x10);
    write('ab');
    expect(uart.read(IIR)).toBe(0x06);
    expect(uart.read(LSR) & 0x03).toBe(0x03);
    expect(irq).toBe(false);
    expect(String.fromCharCode(uart.read(RBR))).toBe('b');
  });

  test('in loop-back the terminal is not heard', () => {
    uart.write(MCR, 0x10);
    uart.type(bytes('t'));
    expect(uart.read(LSR) & 1).toBe(0);
    uart.write(MCR, 0);
    expect(uart.read(RBR)).toBe(0x74);
  });
});

test('a restored UART goes on as the first would have', () => {
  uart.write(FCR, 0xc1);
  uart.write(IER, 7);
  uart.read(IIR);
  uart.type(bytes('abc'));
  pass(1000);
  const state = JSON.parse(JSON.stringify([timers.state(), uart.state()])) as [
    ReturnType<Timers['state']>,
    ReturnType<Uart['state']>,
  ];
  const go = () => {
    pass(1e9);
    return [uart.read(IIR), uart.read(RBR), uart.read(RBR), uart.read(RBR), uart.read(LSR), uart.read(IIR), irq];
  };
  const first = go();
  expect(first[0]).toBe(0xcc);
  now = 1000;
  timers.restore(state[0]);
  uart = make();
  uart.restore(state[1]);
  expect(go()).toEqual(first);
});
