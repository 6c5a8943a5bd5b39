// 16550A UART (TL16C550 data sheet): COM1 and COM2 of the super I/O, and the one on the CBUS. It transmits at once;
// what is typed to it waits outside until the receiver has room. Where the sheet leaves room it behaves as QEMU's serial.c.
import { type Deadline, deadline, type Timer, type Timers } from './timers.js';

const RBR_THR = 0; // divisor latch low with DLAB
const IER = 1; // divisor latch high with DLAB
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const IER_RDI = 0x01;
const IER_THRI = 0x02;
const IER_RLSI = 0x04;
const IIR_NO_INTERRUPT = 0x01;
const IIR_THRI = 0x02;
const IIR_RDI = 0x04;
const IIR_RLSI = 0x06;
/** Characters wait below the trigger level and no more come. */
const IIR_CTI = 0x0c;
const IIR_FIFO_ENABLED = 0xc0;
const FCR_ENABLE = 0x01;
const FCR_CLEAR_RX = 0x02;
/** Receiver trigger level, bits 7..6. */
const FCR_TRIGGERS = [1, 4, 8, 14];
const LCR_DLAB = 0x80;
const LCR_BREAK = 0x40;
const MCR_LOOP = 0x10;
const LSR_DR = 0x01;
const LSR_OE = 0x02;
const LSR_BI = 0x10;
const LSR_THRE = 0x20;
const LSR_TEMT = 0x40;
/** What raises a line status interrupt: overrun, parity, framing, break. */
const LSR_ERRORS = 0x1e;
const MSR_CTS_DSR_DCD = 0xb0;

const FIFO_SIZE = 16;
/** Divisor of 115200 baud is 1. */
const BASE_BAUD = 115_200;
const NS_PER_SECOND = 1_000_000_000;

export interface UartState {
  readonly ier: number;
  readonly lcr: number;
  readonly mcr: number;
  readonly scr: number;
  readonly fcr: number;
  readonly divisor: readonly number[];
  readonly overrun: boolean;
  readonly breaks: boolean;
  readonly thrEmptyPending: boolean;
  readonly timedOut: boolean;
  readonly fifo: readonly number[];
  readonly typed: readonly number[];
  readonly timeout: Deadline;
}

export class Uart {
  /** Called with every transmitted byte. */
  onByte: (byte: number) => void = () => {};

  #lcr = 0;
  #ier = 0;
  #mcr = 0;
  #scr = 0;
  #fcr = 0;
  #divisor = [12, 0];
  #overrun = false;
  #break = false;
  /** The transmitter became empty, or its interrupt was enabled, since IIR last said so. */
  #thrEmptyPending = false;
  /** No character was received or read for four character times. */
  #timedOut = false;
  readonly #fifo: number[] = [];
  /** Typed and not yet received, from index `#heard` on. */
  #typed: number[] = [];
  #heard = 0;
  #timeout: Timer | undefined;
  readonly #setInterrupt: (asserted: boolean) => void;
  readonly #timers: Timers | undefined;

  /** @param timers without them short input raises no interrupt */
  constructor(setInterrupt: (asserted: boolean) => void = () => {}, timers?: Timers) {
    this.#setInterrupt = setInterrupt;
    this.#timers = timers;
  }

  /** Sends bytes to the receiver; they come in as it has room. */
  type(bytes: Iterable<number>): void {
    for (const byte of bytes) this.#typed.push(byte);
    this.#receive();
  }

  /** A driver waits for input: the receiver's interrupt is enabled. */
  get listening(): boolean {
    return (this.#ier & IER_RDI) !== 0;
  }

  /** Bytes typed and not yet read by the driver. */
  get unread(): number {
    return this.#typed.length - this.#heard + this.#fifo.length;
  }

  read(offset: number): number {
    switch (offset) {
      case RBR_THR:
        return this.#lcr & LCR_DLAB ? this.#divisor[0] : this.#readReceiver();
      case IER:
        return this.#lcr & LCR_DLAB ? this.#divisor[1] : this.#ier;
      case IIR_FCR: {
        const cause = this.#cause();
        if (cause === IIR_THRI) {
          this.#thrEmptyPending = false;
          this.#update();
        }
        return cause | (this.#fcr & FCR_ENABLE ? IIR_FIFO_ENABLED : 0);
      }
      case LCR:
        return this.#lcr;
      case MCR:
        return this.#mcr;
      case LSR: {
        const status = this.#lineStatus();
        this.#overrun = this.#break = false;
        this.#update();
        return status;
      }
      case MSR:
        return this.#mcr & MCR_LOOP ? this.#loopedModemStatus() : MSR_CTS_DSR_DCD;
      case SCR:
        return this.#scr;
      default:
        return 0xff;
    }
  }

  write(offset: number, value: number): void {
    switch (offset) {
      case RBR_THR:
        if (this.#lcr & LCR_DLAB) this.#divisor[0] = value;
        else this.#transmit(value);
        break;
      case IER:
        if (this.#lcr & LCR_DLAB) this.#divisor[1] = value;
        else {
          if (value & IER_THRI && !(this.#ier & IER_THRI)) this.#thrEmptyPending = true;
          this.#ier = value & 0x0f;
          this.#update();
        }
        break;
      case IIR_FCR:
        this.#writeFifoControl(value);
        break;
      case LCR:
        this.#lcr = value;
        if (value & LCR_BREAK && this.#mcr & MCR_LOOP) {
          this.#break = true;
          this.#update();
        }
        break;
      case MCR:
        this.#mcr = value & 0x1f;
        this.#receive();
        break;
      case SCR:
        this.#scr = value;
        break;
    }
  }

  #transmit(byte: number): void {
    // Full for no time: a line that stays asserted would give an edge-triggered controller nothing to see.
    this.#thrEmptyPending = false;
    this.#update();
    if (this.#mcr & MCR_LOOP) this.#store(byte);
    else this.onByte(byte);
    this.#thrEmptyPending = true;
    this.#update();
  }

  #writeFifoControl(value: number): void {
    // Switching FIFO mode empties it.
    if ((value ^ this.#fcr) & FCR_ENABLE || value & FCR_CLEAR_RX) {
      this.#fifo.length = 0;
      this.#timedOut = false;
    }
    this.#fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
    this.#receive();
  }

  /** Characters the receiver holds before it overruns. */
  get #capacity(): number {
    return this.#fcr & FCR_ENABLE ? FIFO_SIZE : 1;
  }

  /** Takes in what was typed, as far as there is room; a UART in loop-back hears only itself. */
  #receive(): void {
    if (!(this.#mcr & MCR_LOOP))
      while (this.#heard < this.#typed.length && this.#fifo.length < this.#capacity)
        this.#fifo.push(this.#typed[this.#heard++]);
    if (this.#heard > 0 && this.#heard === this.#typed.length) {
      this.#typed = [];
      this.#heard = 0;
    }
    this.#waitForMore();
    this.#update();
  }

  /** A character comes in, ready or not. */
  #store(byte: number): void {
    if (this.#fifo.length < this.#capacity) this.#fifo.push(byte);
    else {
      this.#overrun = true;
      if (!(this.#fcr & FCR_ENABLE)) this.#fifo[0] = byte; // the receiver buffer is overwritten
    }
    this.#waitForMore();
  }

  #readReceiver(): number {
    const byte = this.#fifo.shift() ?? 0;
    this.#timedOut = false;
    this.#receive();
    return byte;
  }

  /** Starts the character timeout anew: 4 characters of 10 bits. */
  #waitForMore(): void {
    this.#timeout?.cancel();
    this.#timeout = undefined;
    if (this.#fifo.length === 0 || !(this.#fcr & FCR_ENABLE) || !this.#timers) return;
    const divisor = (this.#divisor[1] << 8) | this.#divisor[0] || 1;
    const delay = Math.round((4 * 10 * NS_PER_SECOND * divisor) / BASE_BAUD);
    this.#timeout = this.#timers.at(this.#timers.now() + delay, () => this.#noMore());
  }

  #noMore(): void {
    this.#timeout = undefined;
    this.#timedOut = true;
    this.#update();
  }

  #lineStatus(): number {
    return (
      LSR_THRE |
      LSR_TEMT |
      (this.#fifo.length > 0 ? LSR_DR : 0) |
      (this.#overrun ? LSR_OE : 0) |
      (this.#break ? LSR_BI : 0)
    );
  }

  #loopedModemStatus(): number {
    const mcr = this.#mcr;
    // DTR to DSR, RTS to CTS, OUT1 to RI, OUT2 to DCD.
    return ((mcr & 0x0c) << 4) | ((mcr & 0x02) << 3) | ((mcr & 0x01) << 5);
  }

  /** The interrupt with the highest priority, as IIR names it. */
  #cause(): number {
    if (this.#ier & IER_RLSI && this.#lineStatus() & LSR_ERRORS) return IIR_RLSI;
    if (this.#ier & IER_RDI && this.#timedOut) return IIR_CTI;
    const trigger = this.#fcr & FCR_ENABLE ? FCR_TRIGGERS[this.#fcr >> 6] : 1;
    if (this.#ier & IER_RDI && this.#fifo.length >= trigger) return IIR_RDI;
    if (this.#ier & IER_THRI && this.#thrEmptyPending) return IIR_THRI;
    return IIR_NO_INTERRUPT;
  }

  #update(): void {
    this.#setInterrupt(this.#cause() !== IIR_NO_INTERRUPT);
  }

  state(): UartState {
    return {
      ier: this.#ier,
      lcr: this.#lcr,
      mcr: this.#mcr,
      scr: this.#scr,
      fcr: this.#fcr,
      divisor: [...this.#divisor],
      overrun: this.#overrun,
      breaks: this.#break,
      thrEmptyPending: this.#thrEmptyPending,
      timedOut: this.#timedOut,
      fifo: [...this.#fifo],
      typed: this.#typed.slice(this.#heard),
      timeout: deadline(this.#timeout),
    };
  }

  restore(state: UartState): void {
    this.#ier = state.ier;
    this.#lcr = state.lcr;
    this.#mcr = state.mcr;
    this.#scr = state.scr;
    this.#fcr = state.fcr;
    this.#divisor = [...state.divisor];
    this.#overrun = state.overrun;
    this.#break = state.breaks;
    this.#thrEmptyPending = state.thrEmptyPending;
    this.#timedOut = state.timedOut;
    this.#fifo.splice(0, this.#fifo.length, ...state.fifo);
    this.#typed = [...state.typed];
    this.#heard = 0;
    this.#timeout = this.#timers?.again(state.timeout, () => this.#noMore());
  }
}
