// 8042 keyboard controller of the super I/O, ports 60 and 64, with a keyboard (ISA interrupt 1) and a mouse (12). Commands
// and bits from IBM's PS/2 technical reference; after reset it is as QEMU's: interrupts on, no scan code translation.
import { type Ps2Device, Ps2Keyboard, Ps2Mouse } from './ps2.js';

/** Status, read at port 64. */
const STATUS_OBF = 0x01;
const STATUS_SYS = 0x04;
const STATUS_CMD = 0x08;
const STATUS_UNLOCKED = 0x10;
const STATUS_AUX_OBF = 0x20;

/** Command byte. */
const CTR_KBDINT = 0x01;
const CTR_AUXINT = 0x02;
const CTR_KBDDIS = 0x10;
const CTR_AUXDIS = 0x20;

/** Commands, written to port 64. */
const CMD_READ_CTR = 0x20;
const CMD_WRITE_CTR = 0x60;
const CMD_AUX_DISABLE = 0xa7;
const CMD_AUX_ENABLE = 0xa8;
const CMD_AUX_TEST = 0xa9;
const CMD_SELF_TEST = 0xaa;
const CMD_KBD_TEST = 0xab;
const CMD_KBD_DISABLE = 0xad;
const CMD_KBD_ENABLE = 0xae;
const CMD_READ_INPUT = 0xc0;
const CMD_READ_OUTPUT = 0xd0;
const CMD_WRITE_OUTPUT = 0xd1;
const CMD_KBD_LOOP = 0xd2;
const CMD_AUX_LOOP = 0xd3;
const CMD_AUX_SEND = 0xd4;
/** Pulses the output lines whose bits are clear, line 0 being the processor's reset. */
const CMD_PULSE = 0xf0;

const SELF_TEST_PASSED = 0x55;
const TEST_PASSED = 0x00;
const INPUT_PORT = 0x80;
const OUTPUT_PORT_RUNNING = 0x01;
const OUTPUT_PORT_A20 = 0x02;

/** A byte on its way to the processor. */
interface Output {
  readonly byte: number;
  readonly aux: boolean;
}

export interface I8042State {
  readonly ctr: number;
  readonly passed: boolean;
  readonly lastWasCommand: boolean;
  readonly command: number;
  readonly output: Output | null;
  readonly data: number;
  readonly answers: readonly Output[];
  readonly keyboard: ReturnType<Ps2Keyboard['state']>;
  readonly mouse: ReturnType<Ps2Mouse['state']>;
}

export class I8042 {
  readonly #keyboard = new Ps2Keyboard();
  readonly #mouse = new Ps2Mouse();
  #ctr = CTR_KBDINT | CTR_AUXINT;
  /** The self test has passed since reset. */
  #passed = false;
  #lastWasCommand = true;
  /** Command whose parameter comes next at port 60, 0 none. */
  #command = 0;
  /** The output buffer, when it is full. */
  #output: Output | null = null;
  /** The byte read last: an empty buffer shows it again. */
  #data = 0;
  /** The controller's own answers; they go before the devices' bytes. */
  #answers: Output[] = [];
  readonly #setIrq1: (asserted: boolean) => void;
  readonly #setIrq12: (asserted: boolean) => void;
  readonly #reset: () => void;

  constructor(setIrq1: (asserted: boolean) => void, setIrq12: (asserted: boolean) => void, reset: () => void) {
    this.#setIrq1 = setIrq1;
    this.#setIrq12 = setIrq12;
    this.#reset = reset;
  }

  /** Port 60. */
  readData(): number {
    if (this.#output) {
      this.#data = this.#output.byte;
      this.#output = null;
      this.#interrupt(); // low in between: the next byte is another edge
      this.#fill();
    }
    return this.#data;
  }

  /** Port 64. */
  readStatus(): number {
    return (
      STATUS_UNLOCKED |
      (this.#passed ? STATUS_SYS : 0) |
      (this.#lastWasCommand ? STATUS_CMD : 0) |
      (this.#output ? STATUS_OBF | (this.#output.aux ? STATUS_AUX_OBF : 0) : 0)
    );
  }

  /** Port 60. */
  writeData(byte: number): void {
    this.#lastWasCommand = false;
    const command = this.#command;
    this.#command = 0;
    switch (command) {
      case CMD_WRITE_CTR:
        this.#ctr = byte;
        this.#interrupt();
        break;
      case CMD_WRITE_OUTPUT:
        if (!(byte & OUTPUT_PORT_RUNNING)) this.#reset();
        break;
      case CMD_KBD_LOOP:
      case CMD_AUX_LOOP:
        this.#answer(byte, command === CMD_AUX_LOOP);
        break;
      case CMD_AUX_SEND:
        this.#mouse.receive(byte);
        break;
      default:
        // Talking to the keyboard switches it on.
        this.#ctr &= ~CTR_KBDDIS;
        this.#keyboard.receive(byte);
    }
    this.#fill();
  }

  /** Port 64. */
  writeCommand(byte: number): void {
    this.#lastWasCommand = true;
    this.#command = 0;
    switch (byte) {
      case CMD_READ_CTR:
        this.#answer(this.#ctr);
        break;
      case CMD_WRITE_CTR:
      case CMD_WRITE_OUTPUT:
      case CMD_KBD_LOOP:
      case CMD_AUX_LOOP:
      case CMD_AUX_SEND:
        this.#command = byte;
        break;
      case CMD_AUX_DISABLE:
        this.#ctr |= CTR_AUXDIS;
        break;
      case CMD_AUX_ENABLE:
        this.#ctr &= ~CTR_AUXDIS;
        break;
      case CMD_KBD_DISABLE:
        this.#ctr |= CTR_KBDDIS;
        this.#interrupt();
        break;
      case CMD_KBD_ENABLE:
        this.#ctr &= ~CTR_KBDDIS;
        this.#interrupt();
        break;
      case CMD_SELF_TEST:
        this.#passed = true;
        this.#answer(SELF_TEST_PASSED);
        break;
      case CMD_AUX_TEST:
      case CMD_KBD_TEST:
        this.#answer(TEST_PASSED);
        break;
      case CMD_READ_INPUT:
        this.#answer(INPUT_PORT);
        break;
      case CMD_READ_OUTPUT:
        this.#answer(OUTPUT_PORT_RUNNING | OUTPUT_PORT_A20);
        break;
      default:
        if (byte >= CMD_PULSE && !(byte & 1)) this.#reset();
    }
    this.#fill();
  }

  #answer(byte: number, aux = false): void {
    this.#answers.push({ byte, aux });
  }

  /** Puts the next byte into the output buffer when it is empty. */
  #fill(): void {
    this.#output ??= this.#answers.shift() ?? this.#from(this.#keyboard, false) ?? this.#from(this.#mouse, true);
    this.#interrupt();
  }

  /** The next byte of a device, unless its port is switched off. */
  #from(device: Ps2Device, aux: boolean): Output | null {
    if (this.#ctr & (aux ? CTR_AUXDIS : CTR_KBDDIS)) return null;
    const byte = device.take();
    return byte === undefined ? null : { byte, aux };
  }

  #interrupt(): void {
    const keyboard = this.#output !== null && !this.#output.aux;
    this.#setIrq1(keyboard && (this.#ctr & (CTR_KBDINT | CTR_KBDDIS)) === CTR_KBDINT);
    this.#setIrq12(this.#output?.aux === true && (this.#ctr & CTR_AUXINT) !== 0);
  }

  state(): I8042State {
    return {
      ctr: this.#ctr,
      passed: this.#passed,
      lastWasCommand: this.#lastWasCommand,
      command: this.#command,
      output: this.#output,
      data: this.#data,
      answers: [...this.#answers],
      keyboard: this.#keyboard.state(),
      mouse: this.#mouse.state(),
    };
  }

  restore(state: I8042State): void {
    this.#ctr = state.ctr;
    this.#passed = state.passed;
    this.#lastWasCommand = state.lastWasCommand;
    this.#command = state.command;
    this.#output = state.output;
    this.#data = state.data;
    this.#answers = [...state.answers];
    this.#keyboard.restore(state.keyboard);
    this.#mouse.restore(state.mouse);
  }
}
