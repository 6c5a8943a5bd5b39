// 16550 UART: what a console driver that polls needs. Register names and bits from the TL16C550 data sheet.

const RBR_THR = 0; // divisor latch low with DLAB
const IER = 1; // divisor latch high with DLAB
const IIR_FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;

const LCR_DLAB = 0x80;
const IIR_NO_INTERRUPT = 0x01;
const LSR_THRE = 0x20;
const LSR_TEMT = 0x40;
const MSR_CTS_DSR_DCD = 0xb0;

/** Transmits at once and receives nothing. */
export class Uart {
  /** Called with every transmitted byte. */
  onByte: (byte: number) => void = () => {};

  #lcr = 0;
  #ier = 0;
  #mcr = 0;
  #scratch = 0;
  #divisor = [0, 0];

  read(offset: number): number {
    switch (offset) {
      case RBR_THR:
        return this.#lcr & LCR_DLAB ? this.#divisor[0] : 0;
      case IER:
        return this.#lcr & LCR_DLAB ? this.#divisor[1] : this.#ier;
      case IIR_FCR:
        return IIR_NO_INTERRUPT;
      case LCR:
        return this.#lcr;
      case MCR:
        return this.#mcr;
      case LSR:
        return LSR_THRE | LSR_TEMT;
      case MSR:
        return MSR_CTS_DSR_DCD;
      case SCR:
        return this.#scratch;
      default:
        return 0xff;
    }
  }

  write(offset: number, value: number): void {
    switch (offset) {
      case RBR_THR:
        if (this.#lcr & LCR_DLAB) this.#divisor[0] = value;
        else this.onByte(value);
        break;
      case IER:
        if (this.#lcr & LCR_DLAB) this.#divisor[1] = value;
        else this.#ier = value & 0x0f;
        break;
      case LCR:
        this.#lcr = value;
        break;
      case MCR:
        this.#mcr = value & 0x1f;
        break;
      case SCR:
        this.#scratch = value;
        break;
    }
  }
}
