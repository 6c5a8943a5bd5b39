import { beforeEach, describe, expect, test } from 'vitest';
import { InterruptControllers } from './i8259.js';

/** The pair with Linux's set-up (drivers/irqchip/irq-i8259.c): vectors 0 and 8, all masked. */
let pic: InterruptControllers;
let int = false;

beforeEach(() => {
  int = false;
  pic = new InterruptControllers((asserted) => {
    int = asserted;
  });
});

function initialize(icw4 = 0x01): void {
  pic.master.write(1, 0xff);
  pic.slave.write(1, 0xff);
  for (const [chip, vector, cascade] of [
    [pic.master, 0x00, 0x04],
    [pic.slave, 0x08, 0x02],
  ] as const) {
    chip.write(0, 0x11);
    chip.write(1, vector);
    chip.write(1, cascade);
    chip.write(1, icw4);
    chip.write(1, 0xff);
  }
}

/** Unmasks `irqs` and the cascade. */
function unmask(...irqs: number[]): void {
  const mask = irqs.reduce((bits, irq) => bits & ~(1 << irq), 0xffff & ~4);
  pic.master.write(1, mask & 0xff);
  pic.slave.write(1, mask >> 8);
}

/** Linux's mask_and_ack: mask, then specific EOIs. */
function maskAndAck(irq: number): void {
  const chip = irq < 8 ? pic.master : pic.slave;
  chip.write(1, chip.read(1) | (1 << (irq & 7)));
  if (irq >= 8) {
    pic.slave.write(0, 0x60 | (irq & 7));
    pic.master.write(0, 0x62);
  } else pic.master.write(0, 0x60 | irq);
}

function isr(chip = pic.master): number {
  chip.write(0, 0x0b);
  const value = chip.read(0);
  chip.write(0, 0x0a);
  return value;
}

test('is quiet until it is initialised, whatever its inputs do', () => {
  pic.setIrq(4, true);
  pic.setIrq(14, true);
  expect(int).toBe(false);
  initialize();
  unmask(4, 14);
  expect(int).toBe(false); // the inputs must rise again
  pic.setIrq(4, false);
  pic.setIrq(4, true);
  expect(int).toBe(true);
});

describe('initialised as Linux does it', () => {
  beforeEach(() => initialize());

  test('reads its mask back', () => {
    unmask(0, 4, 10);
    expect([pic.master.read(1), pic.slave.read(1)]).toEqual([0xea, 0xfb]);
  });

  test('a masked input is remembered and comes when it is unmasked', () => {
    pic.setIrq(4, true);
    expect(int).toBe(false);
    unmask(4);
    expect(int).toBe(true);
    expect(pic.acknowledge()).toBe(4);
  });

  test('an edge interrupts once, however long the line stays high', () => {
    unmask(4);
    pic.setIrq(4, true);
    expect(pic.acknowledge()).toBe(4);
    expect(int).toBe(false);
    expect(isr()).toBe(0x10);
    maskAndAck(4);
    expect(isr()).toBe(0);
    unmask(4);
    expect(int).toBe(false);
    pic.setIrq(4, true);
    expect(int).toBe(false);
    pic.setIrq(4, false);
    pic.setIrq(4, true);
    expect(int).toBe(true);
  });

  test('the slave comes through the cascade with its own vector', () => {
    unmask(10);
    pic.setIrq(10, true);
    expect(pic.acknowledge()).toBe(10);
    expect([isr(pic.master), isr(pic.slave)]).toEqual([0x04, 0x04]);
    maskAndAck(10);
    expect([isr(pic.master), isr(pic.slave)]).toEqual([0, 0]);
    expect(int).toBe(false);
  });

  test('of several the lowest number comes first; a lower one interrupts a higher, not the other way round', () => {
    unmask(0, 3, 4, 10);
    pic.setIrq(4, true);
    pic.setIrq(3, true);
    expect(pic.acknowledge()).toBe(3);
    expect(int).toBe(false); // 4 waits for the EOI of 3
    pic.setIrq(10, true); // through input 2: above 3
    expect(int).toBe(true);
    expect(pic.acknowledge()).toBe(10);
    pic.setIrq(0, true);
    expect(pic.acknowledge()).toBe(0);
    pic.master.write(0, 0x20); // of 0
    pic.slave.write(0, 0x20);
    pic.master.write(0, 0x20); // of 2
    expect(int).toBe(false);
    pic.master.write(0, 0x20); // of 3
    expect(int).toBe(true);
    expect(pic.acknowledge()).toBe(4);
  });

  test('nobody asks: the spurious vectors 7 and 15, with nothing in service there', () => {
    unmask(10, 15);
    expect(pic.acknowledge()).toBe(7);
    expect(isr()).toBe(0);
    pic.slave.writeElcr(0x04);
    pic.setIrq(10, true);
    pic.setIrq(10, false); // gone before it was acknowledged
    expect(int).toBe(true);
    expect(pic.acknowledge()).toBe(15);
    expect([isr(pic.master), isr(pic.slave)]).toEqual([0x04, 0]);
  });

  test('a level interrupts again as long as it is there', () => {
    pic.slave.writeElcr(0x0c);
    unmask(10);
    pic.setIrq(10, true);
    expect(pic.acknowledge()).toBe(10);
    maskAndAck(10);
    expect(int).toBe(false);
    unmask(10);
    expect(int).toBe(true);
    expect(pic.acknowledge()).toBe(10);
    maskAndAck(10);
    pic.setIrq(10, false);
    unmask(10);
    expect(int).toBe(false);
  });

  test('an input that is a level only while it is masked interrupts no more than an edge would', () => {
    unmask(4);
    pic.setIrq(4, true);
    expect(pic.acknowledge()).toBe(4);
    pic.master.write(1, 0xff); // masked, level, served, edge again, unmasked
    pic.master.writeElcr(0x10);
    pic.master.write(0, 0x64);
    pic.master.writeElcr(0x00);
    unmask(4);
    expect(int).toBe(false);
  });

  test('timer, keyboard, cascade, clock and FPU error stay edges', () => {
    pic.master.writeElcr(0xff);
    pic.slave.writeElcr(0xff);
    expect([pic.master.readElcr(), pic.slave.readElcr()]).toEqual([0xf8, 0xde]);
  });

  test('polling acknowledges and names the input', () => {
    unmask(3);
    pic.master.write(0, 0x0c);
    expect(pic.master.read(0)).toBe(0);
    pic.setIrq(3, true);
    pic.master.write(0, 0x0c);
    expect(pic.master.read(0)).toBe(0x83);
    expect(isr()).toBe(0x08);
  });

  test('special mask mode lets lower priorities through while one is masked in service', () => {
    unmask(3, 4);
    pic.setIrq(3, true);
    pic.acknowledge();
    pic.setIrq(4, true);
    expect(int).toBe(false);
    pic.master.write(0, 0x68); // ESMM, SMM
    pic.master.write(1, pic.master.read(1) | 0x08);
    expect(int).toBe(true);
    expect(pic.acknowledge()).toBe(4);
  });

  test('rotation makes the served input the lowest', () => {
    unmask(3, 4);
    pic.setIrq(3, true);
    pic.acknowledge();
    pic.master.write(0, 0xa0); // rotate on non-specific EOI
    pic.setIrq(3, false);
    pic.setIrq(3, true);
    pic.setIrq(4, true);
    expect(pic.acknowledge()).toBe(4);
  });
});

test('polled through the data port in special mask mode, as a small kernel does it', () => {
  for (const chip of [pic.master, pic.slave]) {
    chip.write(0, 0x11);
    for (const word of [0, 4, 1]) chip.write(1, word);
    chip.write(1, 0xff);
    chip.write(0, 0x68); // special mask mode
    chip.write(0, 0x0a);
  }
  unmask(0, 8);
  const poll = (chip: typeof pic.master) => {
    chip.write(0, 0x0c);
    return chip.read(1);
  };
  expect(poll(pic.master)).toBe(0);
  expect(pic.master.read(1)).toBe(0xfa); // a poll is for one read
  pic.setIrq(8, true);
  pic.setIrq(0, true);
  expect(int).toBe(true);
  expect(poll(pic.master)).toBe(0x80);
  pic.master.write(0, 0x60);
  expect(poll(pic.master)).toBe(0x82);
  expect(poll(pic.slave)).toBe(0x80);
  pic.slave.write(0, 0x60);
  pic.master.write(0, 0x62);
  expect(poll(pic.master)).toBe(0);
  expect(int).toBe(false);
});

test('automatic EOI leaves nothing in service', () => {
  initialize(0x03);
  unmask(3, 4);
  pic.setIrq(3, true);
  pic.setIrq(4, true);
  expect(pic.acknowledge()).toBe(3);
  expect(isr()).toBe(0);
  expect(int).toBe(true);
  expect(pic.acknowledge()).toBe(4);
});

test('another vector base; without ICW4 the mask comes right after ICW3', () => {
  pic.master.write(0, 0x10);
  pic.master.write(1, 0x27);
  pic.master.write(1, 0x04);
  pic.master.write(1, 0xf7);
  expect(pic.master.read(1)).toBe(0xf7);
  pic.setIrq(3, true);
  expect(pic.acknowledge()).toBe(0x23);
});

test('a restored pair goes on as the first would have', () => {
  initialize();
  unmask(3, 10);
  pic.setIrq(10, true);
  pic.acknowledge();
  pic.setIrq(3, true);
  const state = JSON.parse(JSON.stringify(pic.state())) as ReturnType<typeof pic.state>;
  let second = true;
  const other = new InterruptControllers((asserted) => (second = asserted));
  other.restore(state);
  expect(other.state()).toEqual(state);
  for (const chip of [other, pic]) {
    chip.slave.write(0, 0x62);
    chip.master.write(0, 0x62);
  }
  expect([int, second]).toEqual([true, true]);
  expect([other.acknowledge(), pic.acknowledge()]).toEqual([3, 3]);
  expect(other.state()).toEqual(pic.state());
});
