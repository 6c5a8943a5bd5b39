// Whatever a kernel does to the board's registers, it answers: no exception, no endless loop, nothing outside a value's width.
import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { blankBlocks, OverlayMedium } from './disk/medium.js';
import { BOOT_FLASH, FPGA, GT64120, PCI_IO, PCI_MEMORY, PCI_MEMORY_1 } from './memory-map.js';
import { TestBoard } from './test-board.js';

const WINDOWS = [PCI_IO, PCI_MEMORY, PCI_MEMORY_1, GT64120, FPGA, BOOT_FLASH];
/** Ports at which there is something. */
const PORTS = [
  ...[0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0xcf9],
  ...[0x1000, 0x1002, 0x1004, 0x1008, 0x1400, 0x1430, 0x1434, 0x1440],
];
const ACCESSES = 30_000;

function make(seed: number): TestBoard {
  const disk = { controller: 0, medium: new OverlayMedium(blankBlocks(64)) };
  const host = new TestBoard(seed % 2 === 0, { controllers: 4, drives: [disk], seed });
  host.initialize(...Array.from({ length: 16 }, (_, irq) => irq));
  host.config(10, 3, 0x40, 0x1000);
  host.config(10, 3, 0x80, 1);
  for (let i = 0; i < 4; i++) {
    host.config(18 + i, 0, 0x10, 0x1000_0000 + 0x4000 * i);
    host.config(18 + i, 0, 0x18, 0x1400 + 0x400 * i);
    host.config(18 + i, 0, 0x04, 7);
  }
  return host;
}

/** An address at which there may be something; a quarter of them anywhere in a window. */
function address(random: Random): number {
  switch (random.below(4)) {
    case 0: {
      const { base, size } = WINDOWS[random.below(WINDOWS.length)];
      return base + random.below(size - 4);
    }
    case 1:
      return PCI_IO.base + (random.below(3) ? 0x3f8 : 0x2f8) + random.below(8);
    case 2:
      return PCI_IO.base + PORTS[random.below(PORTS.length)];
    default:
      return random.below(2)
        ? GT64120.base + [0xc00, 0xc18, 0xc34, 0xcf8, 0xcfc][random.below(5)]
        : PCI_MEMORY.base + 0x4000 * random.below(4) + 4 * random.below(64);
  }
}

/** Small values, single bits and anything: what registers are sensitive to. */
function value(random: Random): number {
  switch (random.below(3)) {
    case 0:
      return random.below(256);
    case 1:
      return (1 << random.below(32)) >>> 0;
    default:
      return random.uint32();
  }
}

/** Runs `count` accesses. @returns all that was read */
function hammer(host: TestBoard, random: Random, count: number): number[] {
  const read: number[] = [];
  for (let i = 0; i < count; i++) {
    const size = [1, 2, 4][random.below(3)];
    const at = address(random);
    if (random.below(2)) {
      const got = host.load(at, size);
      if (!Number.isInteger(got) || got < 0 || got >= 2 ** (8 * size))
        throw new Error(`a load of ${size} bytes at ${at.toString(16)} gives ${got}`);
      read.push(got);
    } else {
      const data = value(random);
      host.store(at, size === 4 ? data : data & (2 ** (8 * size) - 1), size);
    }
    if (random.below(16) === 0) host.run(random.below(200_000));
    if (random.below(16) === 0) host.interrupt();
    if (random.below(64) === 0) host.board.serial[random.below(3)].type([random.below(256)]);
  }
  return read;
}

describe('a board that is hammered', () => {
  test.each([1, 2, 3, 4])('answers, twice the same, and goes on from a saved state (seed %i)', (seed) => {
    const first = make(seed);
    const second = make(seed);
    const random = new Random(seed, 1);
    const again = new Random(seed, 1);
    expect(hammer(second, again, ACCESSES)).toEqual(hammer(first, random, ACCESSES));
    expect(second.snapshot()).toEqual(first.snapshot());
    const third = make(seed);
    third.restore(first.snapshot());
    expect(hammer(third, again, 2000)).toEqual(hammer(first, random, 2000));
    expect(third.snapshot()).toEqual(first.snapshot());
  });
});
