// A board without a CPU, for tests: RAM in an array, loads and stores at physical addresses, time as the test wants it.
import { swap32 } from './byte-order.js';
import type { BoardEnd, BoardHost, MmioRead, MmioWrite } from './board-host.js';
import { MaltaBoard, type MaltaBoardOptions, type MaltaBoardState } from './malta-board.js';

interface Window {
  readonly base: number;
  readonly size: number;
  readonly read: MmioRead;
  readonly write: MmioWrite;
}

const GT = 0x1be0_0000;
const PCI_IO = 0x1800_0000;

export class TestBoard implements BoardHost {
  readonly memory = new Uint8Array(2 ** 16);
  readonly board: MaltaBoard;
  time = 0;
  /** Levels of the CPU's interrupt inputs, by Cause.IP number. */
  readonly lines: boolean[] = new Array<boolean>(8).fill(false);
  readonly ends: BoardEnd[] = [];
  /** DMA writes: address and length. */
  readonly dma: (readonly [address: number, length: number])[] = [];
  /** What each port sent. */
  readonly sent = ['', '', ''];
  readonly #windows: Window[] = [];

  constructor(
    readonly bigEndian: boolean,
    options: MaltaBoardOptions = {},
  ) {
    this.board = new MaltaBoard(this, {
      onSerial: (port, byte) => (this.sent[port] += String.fromCharCode(byte)),
      ...options,
    });
  }

  ram(): Uint8Array {
    return this.memory;
  }

  mapMmio(base: number, size: number, read: MmioRead, write: MmioWrite): void {
    this.#windows.push({ base, size, read, write });
  }

  setInterruptLine(ip: number, asserted: boolean): void {
    this.lines[ip] = asserted;
  }

  now(): number {
    return this.time;
  }

  consume(nanoseconds: number): void {
    this.time += nanoseconds;
  }

  end(reason: BoardEnd): void {
    this.ends.push(reason);
  }

  codeChanged(address: number, bytes: number): void {
    this.dma.push([address, bytes]);
  }

  /** Time passes, with what is due in it. */
  run(nanoseconds: number): void {
    const until = this.time + nanoseconds;
    for (let events = 0; this.board.timers.next() <= until; events++) {
      if (events > 1e6) throw new Error(`time does not pass: ${this.time} ns, ${JSON.stringify(this.board.state())}`);
      this.time = Math.max(this.time, this.board.timers.next());
      this.board.timers.runDue();
    }
    this.time = Math.max(this.time, until);
  }

  #window(address: number): Window | undefined {
    return this.#windows.find(({ base, size }) => address >= base && address < base + size);
  }

  /** A load: what is in the CPU's register after it. Holes read as 0. */
  load(address: number, size = 4): number {
    const window = this.#window(address);
    return window ? window.read(address - window.base, size) : 0;
  }

  store(address: number, value: number, size = 4): void {
    const window = this.#window(address);
    window?.write(address - window.base, size, value);
  }

  inb(port: number): number {
    return this.load(PCI_IO + port, 1);
  }

  outb(port: number, value: number): void {
    this.store(PCI_IO + port, value, 1);
  }

  /** A value that a driver converts from or to little endian. */
  le32(value: number): number {
    return this.bigEndian ? swap32(value) : value >>> 0;
  }

  /** A GT-64120 register. */
  gt(register: number, value?: number): number {
    if (value !== undefined) this.store(GT + register, this.le32(value));
    return this.le32(this.load(GT + register));
  }

  /** A configuration cycle, in the way of Linux's ops-gt64xxx_pci0.c. Without a value it reads. */
  config(slot: number, func: number, register: number, value?: number): number {
    this.store(GT + 0xcf8, this.le32((0x8000_0000 | (slot << 11) | (func << 8) | register) >>> 0));
    // Only the bridge's own function shows its registers' order.
    const order = (word: number) => (slot === 0 && func === 0 ? this.le32(word) : word >>> 0);
    if (value !== undefined) this.store(GT + 0xcfc, order(value));
    return order(this.load(GT + 0xcfc));
  }

  /** Linux's i8259 set-up, with `irqs` unmasked, and the GT's byte swap as a kernel of this byte order sets it. */
  initialize(...irqs: number[]): void {
    this.gt(0xc00, this.bigEndian ? 0 : 0x1_0001);
    for (const [port, vector, cascade] of [
      [0x20, 0x00, 0x04],
      [0xa0, 0x08, 0x02],
    ]) {
      this.outb(port, 0x11);
      for (const word of [vector, cascade, 0x01]) this.outb(port + 1, word);
    }
    this.unmask(...irqs);
  }

  unmask(...irqs: number[]): void {
    const mask = irqs.reduce((bits, irq) => bits & ~(1 << irq), 0xffff & ~4);
    this.outb(0x21, mask & 0xff);
    this.outb(0xa1, mask >> 8);
  }

  /** The interrupt that the CPU would take: its number, acknowledged as Linux does; undefined when none is there. */
  interrupt(): number | undefined {
    if (!this.lines[2]) return undefined;
    const irq = this.gt(0xc34);
    if (irq >= 8) this.outb(0xa0, 0x60 | (irq & 7));
    this.outb(0x20, irq >= 8 ? 0x62 : 0x60 | irq);
    return irq;
  }

  /** Devices, clock and CPU inputs, through JSON. */
  snapshot(): { board: MaltaBoardState; time: number; lines: boolean[]; memory: string } {
    return {
      board: JSON.parse(JSON.stringify(this.board.state())) as MaltaBoardState,
      time: this.time,
      lines: [...this.lines],
      memory: Buffer.from(this.memory).toString('latin1'),
    };
  }

  restore(snapshot: ReturnType<TestBoard['snapshot']>): void {
    this.board.restore(snapshot.board);
    this.time = snapshot.time;
    this.lines.splice(0, 8, ...snapshot.lines);
    this.memory.set(Buffer.from(snapshot.memory, 'latin1'));
  }
}
