// The Malta's FPGA at 1f000000: switches, jumpers, LEDs, display, soft reset (Malta user's manual, section 5). Its CBUS
// UART is a Uart of its own; its I2C bus to the memory modules has nobody on it.

const SWITCH = 0x200;
const STATUS = 0x208;
/** The board's byte order, as the switch S5-2 has it. */
const STATUS_BIGEND = 0x02;
/** A monitor flash is there and may be written. */
const STATUS_MFWR = 0x10;
const JMPRS = 0x210;
const LEDBAR = 0x408;
const ASCIIWORD = 0x410;
/** Eight characters of the display, 8 bytes apart. */
const ASCIIPOS0 = 0x418;
const ASCIIPOS7 = 0x450;
const SOFTRES = 0x500;
/** Written to SOFTRES it resets the board. */
const SOFTRES_GORESET = 0x42;
const BRKRES = 0x508;
const GPOUT = 0xa00;
const GPINP = 0xa08;

export interface FpgaState {
  readonly leds: number;
  readonly display: string;
  readonly breakReset: number;
  readonly outputs: number;
}

export class Fpga {
  #leds = 0;
  #display = ' '.repeat(8);
  #breakReset = 0x0a;
  #outputs = 0;
  readonly #bigEndian: boolean;
  readonly #reset: () => void;

  constructor(bigEndian: boolean, reset: () => void) {
    this.#bigEndian = bigEndian;
    this.#reset = reset;
  }

  /** What the eight characters show. */
  get display(): string {
    return this.#display;
  }

  /** The LED bar, one bit each. */
  get leds(): number {
    return this.#leds;
  }

  /** @param register offset of a word */
  read(register: number): number {
    switch (register) {
      case STATUS:
        return STATUS_MFWR | (this.#bigEndian ? STATUS_BIGEND : 0);
      case LEDBAR:
        return this.#leds;
      case BRKRES:
        return this.#breakReset;
      case GPOUT:
        return this.#outputs;
      case SWITCH: // all off
      case JMPRS: // PCI clock of 33 MHz
      case GPINP:
      default:
        return 0;
    }
  }

  write(register: number, value: number): void {
    switch (register) {
      case LEDBAR:
        this.#leds = value & 0xff;
        break;
      case ASCIIWORD:
        this.#display = value.toString(16).toUpperCase().padStart(8, '0');
        break;
      case SOFTRES:
        if (value === SOFTRES_GORESET) this.#reset();
        break;
      case BRKRES:
        this.#breakReset = value & 0xff;
        break;
      case GPOUT:
        this.#outputs = value & 0xff;
        break;
      default:
        if (register >= ASCIIPOS0 && register <= ASCIIPOS7 && (register & 7) === 0) this.#show(register, value);
    }
  }

  #show(register: number, value: number): void {
    const position = (register - ASCIIPOS0) / 8;
    const character = value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : ' ';
    this.#display = this.#display.slice(0, position) + character + this.#display.slice(position + 1);
  }

  state(): FpgaState {
    return { leds: this.#leds, display: this.#display, breakReset: this.#breakReset, outputs: this.#outputs };
  }

  restore({ leds, display, breakReset, outputs }: FpgaState): void {
    this.#leds = leds;
    this.#display = display;
    this.#breakReset = breakReset;
    this.#outputs = outputs;
  }
}
