import { describe, expect, test } from 'vitest';
import { Random } from '../random.js';
import { blankBlocks, OverlayMedium } from './disk/medium.js';
import type { MaltaBoardOptions } from './malta-board.js';
import { MfiCommand, MfiDcmd } from './megaraid/mfi.js';
import * as mfi from './megaraid/mfi.js';
import * as reg from './megaraid/registers.js';
import { TestBoard } from './test-board.js';

const DISKS = () => [0, 0, 1].map((controller) => ({ controller, medium: new OverlayMedium(blankBlocks(1024)) }));
const BAR0 = 0x100c_0000;
const FRAME = 0x2000;
const REPLIES = 0x8000;

/** Puts the controllers where Linux puts them, enables them and gives each a reply queue. */
function bringUp(host: TestBoard, controllers: number): void {
  for (let i = 0; i < controllers; i++) {
    host.config(18 + i, 0, 0x10, BAR0 + 0x4000 * i);
    host.config(18 + i, 0, 0x14, 0);
    host.config(18 + i, 0, 0x04, 6);
    const view = new DataView(host.memory.buffer);
    const frame = frameOf(i);
    host.memory.fill(0, frame, frame + 256);
    view.setUint8(frame + mfi.HDR_CMD, MfiCommand.INIT);
    view.setUint16(frame + mfi.HDR_FLAGS, mfi.MfiFlag.DONT_POST_IN_REPLY_QUEUE, true);
    view.setUint32(frame + mfi.INIT_QINFO_LO, frame + 128, true);
    view.setUint32(frame + 128 + mfi.QINFO_ENTRIES, 64, true);
    view.setUint32(frame + 128 + mfi.QINFO_REPLY_QUEUE, REPLIES + 0x1000 * i, true);
    view.setUint32(frame + 128 + mfi.QINFO_PRODUCER, REPLIES + 0x1000 * i + 0x800, true);
    view.setUint32(frame + 128 + mfi.QINFO_CONSUMER, REPLIES + 0x1000 * i + 0x804, true);
    register(host, i, reg.MFI_IQP, frame);
    host.run(1e6);
    register(host, i, reg.MFI_OMSK, 0x7fff_ffff);
  }
}

const frameOf = (controller: number) => FRAME + 0x400 * controller;

function register(host: TestBoard, controller: number, offset: number, value?: number): number {
  const address = BAR0 + 0x4000 * controller + offset;
  if (value !== undefined) host.store(address, host.le32(value));
  return host.le32(host.load(address));
}

/** A command without data whose completion interrupts. */
function post(host: TestBoard, controller: number): void {
  const frame = frameOf(controller);
  host.memory.fill(0, frame, frame + 64);
  host.memory[frame] = MfiCommand.DCMD;
  new DataView(host.memory.buffer).setUint32(frame + mfi.DCMD_OPCODE, MfiDcmd.CTRL_CACHE_FLUSH, true);
  register(host, controller, reg.MFI_IQP, frame);
}

describe.each(['big', 'little'] as const)('a %s-endian board', (order) => {
  const bigEndian = order === 'big';
  const board = (options: MaltaBoardOptions = {}) => {
    const host = new TestBoard(bigEndian, options);
    host.initialize();
    return host;
  };

  test('names its revision first: core card 1, a CPU on a GT-64120', () => {
    const host = board();
    expect(host.load(0x1fc0_0010)).toBe(0x420);
    expect(host.load(bigEndian ? 0x1fc0_0013 : 0x1fc0_0010, 1)).toBe(0x20);
    host.store(0x1fc0_0010, 0);
    expect(host.load(0x1fc0_0010)).toBe(0x420);
  });

  test('shows the windows as the boot code left them, in the order that kernels were seen to read', () => {
    const host = board();
    const raw = [0x48, 0x50, 0x58, 0x60, 0x80, 0x88, 0xf0, 0xf8, 0x100].map((at) => host.load(0x1be0_0000 + at));
    const values = [0xc0, 0x40, 0x80, 0x3f, 0xc1, 0x5e, 0xc0, 0x80, 0xc1];
    expect(raw).toEqual(values.map((value) => (bigEndian ? (value << 24) >>> 0 : value)));
    host.gt(0xf0, 0);
    expect([host.gt(0xf0), host.gt(0x48)]).toEqual([0, 0xc0]);
    host.gt(0x48, 0xc2);
    expect([host.gt(0xf0), host.gt(0x48)]).toEqual([0xc2, 0xc2]);
    expect(host.load(0x1be0_0048 + (bigEndian ? 0 : 3), 1)).toBe(bigEndian ? 0xc2 : 0);
  });

  test('has a bridge, a PIIX4 and its controllers on the bus, and nobody else', () => {
    const host = board({ controllers: 3 });
    const found: string[] = [];
    for (let slot = 0; slot < 32; slot++)
      for (let func = 0; func < 8; func++) {
        host.gt(0xc18, 0);
        const id = host.config(slot, func, 0);
        expect(host.gt(0xc18) !== 0).toBe(id === 0xffff_ffff);
        if (id !== 0xffff_ffff) found.push(`${slot.toString(16)}.${func} ${id.toString(16)}`);
      }
    expect(found).toEqual([
      '0.0 462011ab',
      ...['a.0 71108086', 'a.3 71138086'],
      ...['12.0 601000', '13.0 601000', '14.0 601000'],
    ]);
    expect(host.config(10, 0, 0x0c) & 0x80_0000).toBe(0x80_0000);
    expect(host.config(10, 0, 0x60)).toBe(0x0b0b_0a0a);
    // What Linux calls invalid: constants that cannot be sized.
    host.config(0, 0, 0x14, 0xffff_ffff);
    expect(host.config(0, 0, 0x14)).toBe(0x0100_0008);
  });

  test('decodes BARs where they are put, in the device’s byte order', () => {
    const host = board({ controllers: 1, drives: [] });
    expect(host.load(BAR0 + reg.MFI_OSP0)).toBe(0xffff_ffff);
    bringUp(host, 1);
    expect(host.load(BAR0 + reg.MFI_OSP0)).toBe(bigEndian ? 0xe803_50c0 : 0xc050_03e8);
    expect(host.load(BAR0 + reg.MFI_OSP0, 1)).toBe(0xe8);
    host.config(18, 0, 0x18, 0x1400);
    host.config(18, 0, 0x04, 7);
    expect(host.le32(host.load(0x1800_1400 + reg.MFI_OSP0))).toBe(0xc050_03e8);
  });

  test('the timer interrupts through the 8259 on IP2, and the bridge acknowledges', () => {
    const host = board();
    host.unmask(0);
    host.outb(0x43, 0x34);
    host.outb(0x40, 0x9c);
    host.outb(0x40, 0x2e);
    expect(host.interrupt()).toBeUndefined();
    host.run(10.1e6);
    expect(host.lines[2]).toBe(true);
    expect(host.load(0x1be0_0c34)).toBe(0);
    expect(host.lines[2]).toBe(false);
  });

  test('each device has its interrupt', () => {
    const host = board({ controllers: 4, drives: DISKS() });
    bringUp(host, 4);
    host.unmask(3, 4, 8, 10, 11);
    host.outb(0x3f9, 2);
    expect(host.interrupt()).toBe(4);
    host.outb(0x2f9, 2);
    expect(host.interrupt()).toBe(3);
    host.outb(0x70, 0x0b);
    host.outb(0x71, 0x42);
    host.run(1e6);
    expect(host.interrupt()).toBe(8);
    host.unmask(1, 12);
    host.outb(0x60, 0xf2);
    expect([host.interrupt(), host.inb(0x60), host.interrupt(), host.inb(0x60)]).toEqual([1, 0xfa, 1, 0xab]);
    expect([host.inb(0x60), host.inb(0x64) & 1]).toEqual([0x83, 0]);
    host.outb(0x64, 0xd4);
    host.outb(0x60, 0xf4);
    expect([host.interrupt(), host.interrupt(), host.inb(0x60)]).toEqual([1, 12, 0xfa]);
    host.unmask(3, 4, 8, 10, 11);
    expect(host.lines[4]).toBe(false);
    host.store(0x1f00_0908, 2);
    expect(host.lines[4]).toBe(true);
    expect(host.load(0x1f00_0910)).toBe(2);
    expect(host.lines[4]).toBe(false);
    const irqs = [0, 1, 2, 3].map((controller) => {
      post(host, controller);
      host.run(1e6);
      const irq = host.interrupt();
      register(host, controller, reg.MFI_ODCR0, 1);
      return irq;
    });
    expect(irqs).toEqual([10, 10, 11, 11]);
  });

  test('a vector comes as kernels were seen to read it', () => {
    const host = board({ controllers: 1 });
    bringUp(host, 1);
    host.unmask(10);
    post(host, 0);
    host.run(1e6);
    expect(host.load(0x1be0_0c34)).toBe(bigEndian ? 0x0a00_0000 : 10);
  });

  test('routing follows PIRQRC', () => {
    const host = board({ controllers: 1 });
    bringUp(host, 1);
    host.unmask(5, 10);
    host.config(10, 0, 0x60, 0x0b0b_0a05);
    post(host, 0);
    host.run(1e6);
    expect(host.interrupt()).toBe(5);
    register(host, 0, reg.MFI_ODCR0, 1);
    host.config(10, 0, 0x60, 0x0b0b_0a80);
    post(host, 0);
    host.run(1e6);
    expect(host.interrupt()).toBeUndefined();
  });

  test('powers off where Linux puts the switch', () => {
    const host = board();
    host.store(0x1800_1004, bigEndian ? 0x20 : 0x2000, 2);
    expect(host.ends).toEqual([]); // not decoded yet
    host.config(10, 3, 0x40, 0x1000);
    host.config(10, 3, 0x80, 0x01);
    expect(host.load(0x1800_1000, 2)).toBe(0);
    host.store(0x1800_1004, bigEndian ? 0x20 : 0x2000, 2);
    expect(host.ends).toEqual(['power off']);
  });

  test('resets through the FPGA and through the PIIX4', () => {
    const host = board();
    host.store(0x1f00_0500, 0x42);
    host.outb(0xcf9, 0x06);
    expect(host.ends).toEqual(['reset', 'reset']);
  });

  test('has nobody at other ports and addresses', () => {
    const host = board();
    expect([host.inb(0x1f7), host.inb(0x3f0)]).toEqual([0xff, 0xff]);
    host.outb(0xd4, 0);
    host.outb(0x80, 0x12);
    expect(host.load(0x1234_5678)).toBe(0xffff_ffff);
    expect(host.load(0x1900_0000)).toBe(0xffff_ffff);
    expect(host.load(0x1800_1000, 2)).toBe(0xffff);
  });

  test('three serial ports, each its own', () => {
    const host = board();
    host.outb(0x3f8, 0x61);
    host.outb(0x2f8, 0x62);
    host.store(0x1f00_0900, 0x63);
    expect(host.sent).toEqual(['a', 'b', 'c']);
    host.board.serial[2].type([0x7a]);
    expect(host.load(0x1f00_0928) & 1).toBe(1);
    expect(host.load(0x1f00_0900)).toBe(0x7a);
  });

  test('wide accesses to ISA ports are taken apart, lowest first', () => {
    const host = board();
    host.store(0x1800_0070, bigEndian ? 0x405a : 0x5a40, 2);
    host.outb(0x70, 0x40);
    expect(host.inb(0x71)).toBe(0x5a);
    expect(host.load(0x1800_0070, 2)).toBe(bigEndian ? 0xff5a : 0x5aff);
  });

  test('tells where DMA has written', () => {
    const host = board({ controllers: 1 });
    bringUp(host, 1);
    host.dma.length = 0;
    post(host, 0);
    host.run(1e6);
    expect(host.dma.map(([address]) => address)).toEqual([frameOf(0) + mfi.HDR_CMD_STATUS, REPLIES, REPLIES + 0x800]);
  });
});

test('two controllers on one interrupt lose nothing, whenever they complete', () => {
  const host = new TestBoard(true, { controllers: 2 });
  host.initialize();
  bringUp(host, 2);
  host.unmask(10);
  /** Linux: mask, EOI, then each driver's handler in turn, then unmask. */
  const completed = [0, 0];
  const handle = (controller: number) => {
    if (!(register(host, controller, reg.MFI_OSTS) & 1)) return;
    completed[controller]++;
    register(host, controller, reg.MFI_ODCR0, 1);
  };
  post(host, 0);
  host.run(1e6);
  expect(host.interrupt()).toBe(10);
  host.unmask();
  post(host, 1);
  host.run(1e6); // both are asserted
  handle(0);
  post(host, 0);
  host.run(1e6); // the first again, before the second's handler lets go
  handle(1);
  host.unmask(10);
  expect(host.interrupt()).toBe(10);
  handle(0);
  handle(1);
  expect(completed).toEqual([2, 1]);
});

describe('the seed', () => {
  /** When the commands of a burst completed. */
  const completions = (seed: number): number[] => {
    const host = new TestBoard(false, { controllers: 1, seed });
    host.initialize();
    bringUp(host, 1);
    const times: number[] = [];
    for (let i = 0; i < 8; i++) {
      post(host, 0);
      times.push(host.board.timers.next() - host.time);
      host.run(1e6);
    }
    return times;
  };

  test('decides how long commands take, microseconds each', () => {
    const first = completions(1);
    expect(completions(1)).toEqual(first);
    expect(completions(2)).not.toEqual(first);
    for (const time of first) expect(time > 0 && time < 80_000).toBe(true);
    expect(new Set(first).size).toBe(8);
  });

  test('has no say where commands are done as they are written', () => {
    const host = new TestBoard(false, { controllers: 1, seed: 1, commandSeconds: 0 });
    host.initialize();
    bringUp(host, 1);
    post(host, 0);
    expect(host.dma.at(-1)).toEqual([REPLIES + 0x800, 4]);
  });

  test("decides the clock's phase", () => {
    const phase = (seed: number) => {
      const host = new TestBoard(false, { seed });
      let polls = 0;
      for (host.outb(0x70, 0x0a); !(host.inb(0x71) & 0x80); polls++);
      return polls;
    };
    expect(phase(1)).toBe(phase(1));
    expect(phase(2)).not.toBe(phase(1));
  });
});

test('more controllers or disks than there is room for are refused', () => {
  expect(() => new TestBoard(true, { controllers: 5 })).toThrow(RangeError);
  const drives = Array.from({ length: 9 }, () => ({ controller: 0, medium: undefined }));
  expect(() => new TestBoard(true, { controllers: 1, drives })).toThrow(RangeError);
});

describe('saved and restored', () => {
  const PORTS = [
    ...[0x20, 0x21, 0xa0, 0xa1, 0x40, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x4d0, 0x4d1],
    ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((offset) => [0x2f8 + offset, 0x3f8 + offset]),
    ...[0x1000, 0x1002, 0x1008],
  ];
  const REGISTERS = [reg.MFI_OSTS, reg.MFI_OMSK, reg.MFI_ODCR0, reg.MFI_OSP0, reg.MFI_DIAG, reg.MFI_IDB];

  /** One random access, typed character, posted command or pause. @returns what can be seen of it */
  function poke(host: TestBoard, random: Random): number {
    const value = random.uint32();
    const port = PORTS[random.below(PORTS.length)];
    const controller = random.below(2);
    switch (random.below(10)) {
      case 0:
      case 1:
        return host.inb(port);
      case 2:
      case 3:
        host.outb(port, value & 0xff);
        return 0;
      case 4:
        post(host, controller);
        return 0;
      case 5:
        host.run(value % 3_000_000);
        return host.time;
      case 6:
        return register(host, controller, REGISTERS[random.below(REGISTERS.length)]);
      case 7:
        host.board.serial[random.below(3)].type([value & 0xff]);
        return host.load(0x1f00_0900 + 8 * random.below(8));
      case 8:
        register(host, controller, [reg.MFI_ODCR0, reg.MFI_OMSK][random.below(2)], value & 0x8000_0001);
        return host.interrupt() ?? -1;
      default:
        return host.config([0, 10, 18, 19][random.below(4)], [0, 3][random.below(2)], 4 * random.below(36));
    }
  }

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('anywhere, it goes on the same way (seed %i)', (seed) => {
    const make = () => new TestBoard(seed % 2 === 0, { controllers: 2, drives: DISKS(), seed });
    const first = make();
    const random = new Random(seed);
    first.initialize(0, 3, 4, 8, 10);
    first.config(10, 3, 0x40, 0x1000);
    first.config(10, 3, 0x80, 1);
    bringUp(first, 2);
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 150; i++) poke(first, random);
      const second = make();
      second.restore(first.snapshot());
      const again = new Random(0);
      again.restore(random.state());
      const trace = (host: TestBoard, source: Random) =>
        Array.from({ length: 150 }, () => [poke(host, source), ...host.lines].join());
      expect(trace(second, again)).toEqual(trace(first, random));
      expect(second.snapshot()).toEqual(first.snapshot());
    }
  });

  test('a disk keeps what was written to it', () => {
    const host = new TestBoard(true, { controllers: 1, drives: DISKS() });
    const medium = (board: TestBoard) => board.board.controllers[0].disks[1].medium!;
    medium(host).write(7, new Uint8Array(512).fill(0xa5));
    const snapshot = host.snapshot();
    medium(host).write(7, new Uint8Array(512));
    const other = new TestBoard(true, { controllers: 1, drives: DISKS() });
    medium(other).write(9, new Uint8Array(512).fill(1));
    other.restore(snapshot);
    expect(medium(other).read(7)).toEqual(new Uint8Array(512).fill(0xa5));
    expect(medium(other).read(9)).toEqual(new Uint8Array(512));
  });
});
