// The PS/2 keyboard and mouse at the i8042: they answer their drivers and are never touched. Commands from IBM's PS/2
// technical reference; answers as QEMU's hw/input/ps2.c gives them.

const ACK = 0xfa;
const RESEND = 0xfe;
const SELF_TEST_PASSED = 0xaa;

const RESET = 0xff;
const SET_DEFAULTS = 0xf6;
const DISABLE = 0xf5;
const ENABLE = 0xf4;
/** Keyboard: typematic rate. Mouse: samples a second. */
const SET_RATE = 0xf3;
const GET_ID = 0xf2;
const KBD_SET_SCANCODES = 0xf0;
const KBD_ECHO = 0xee;
const KBD_SET_LEDS = 0xed;
const KBD_ID = [0xab, 0x83];
const KBD_DEFAULT_SCANCODES = 2;

const MOUSE_SET_REMOTE = 0xf0;
const MOUSE_SET_WRAP = 0xee;
const MOUSE_RESET_WRAP = 0xec;
const MOUSE_READ = 0xeb;
const MOUSE_SET_STREAM = 0xea;
const MOUSE_STATUS = 0xe9;
const MOUSE_SET_RESOLUTION = 0xe8;
const MOUSE_SCALE_2 = 0xe7;
const MOUSE_SCALE_1 = 0xe6;
/** A mouse with three bytes a packet and no wheel. */
const MOUSE_ID = 0x00;
/** A packet of no movement: bit 3 is always set. */
const MOUSE_AT_REST = [0x08, 0, 0];
const MOUSE_STATUS_ENABLED = 0x20;
const MOUSE_STATUS_SCALE_2 = 0x10;

export interface Ps2State {
  readonly queue: readonly number[];
  /** Command whose parameter comes next, 0 none. */
  readonly command: number;
  readonly enabled: boolean;
}

/** What the controller needs of a device: bytes in, bytes out. */
export interface Ps2Device {
  /** A byte from the controller. */
  receive(byte: number): void;
  /** The next byte for the controller, if there is one. */
  take(): number | undefined;
}

export class Ps2Keyboard implements Ps2Device {
  #queue: number[] = [];
  #command = 0;
  #enabled = true;
  #scancodes = KBD_DEFAULT_SCANCODES;

  take(): number | undefined {
    return this.#queue.shift();
  }

  receive(byte: number): void {
    const command = this.#command;
    this.#command = 0;
    if (command !== 0) return this.#parameter(command, byte);
    switch (byte) {
      case RESET:
        this.#reset();
        this.#queue.push(ACK, SELF_TEST_PASSED);
        break;
      case SET_DEFAULTS:
      case DISABLE:
        this.#reset();
        this.#enabled = byte === SET_DEFAULTS;
        this.#queue.push(ACK);
        break;
      case ENABLE:
        this.#enabled = true;
        this.#queue.push(ACK);
        break;
      case SET_RATE:
      case KBD_SET_LEDS:
      case KBD_SET_SCANCODES:
        this.#command = byte;
        this.#queue.push(ACK);
        break;
      case GET_ID:
        this.#queue.push(ACK, ...KBD_ID);
        break;
      case KBD_ECHO:
        this.#queue.push(KBD_ECHO);
        break;
      default:
        this.#queue.push(RESEND);
    }
  }

  #parameter(command: number, byte: number): void {
    if (command !== KBD_SET_SCANCODES) this.#queue.push(ACK);
    else if (byte === 0) this.#queue.push(ACK, this.#scancodes);
    else if (byte > 3) this.#queue.push(RESEND);
    else {
      this.#scancodes = byte;
      this.#queue.push(ACK);
    }
  }

  #reset(): void {
    this.#queue = [];
    this.#enabled = true;
    this.#scancodes = KBD_DEFAULT_SCANCODES;
  }

  state(): Ps2State & { readonly scancodes: number } {
    return {
      queue: [...this.#queue],
      command: this.#command,
      enabled: this.#enabled,
      scancodes: this.#scancodes,
    };
  }

  restore(state: ReturnType<Ps2Keyboard['state']>): void {
    this.#queue = [...state.queue];
    this.#command = state.command;
    this.#enabled = state.enabled;
    this.#scancodes = state.scancodes;
  }
}

export class Ps2Mouse implements Ps2Device {
  #queue: number[] = [];
  #command = 0;
  #enabled = false;
  /** Sends back what it gets. */
  #wrap = false;
  #scale2 = false;
  #resolution = 2;
  #rate = 100;

  take(): number | undefined {
    return this.#queue.shift();
  }

  receive(byte: number): void {
    const command = this.#command;
    this.#command = 0;
    if (command === SET_RATE) this.#rate = byte;
    else if (command === MOUSE_SET_RESOLUTION) this.#resolution = byte;
    else if (this.#wrap && byte !== RESET && byte !== MOUSE_RESET_WRAP) {
      this.#queue.push(byte);
      return;
    } else if (!this.#execute(byte)) {
      this.#queue.push(RESEND);
      return;
    }
    this.#queue.push(ACK, ...(command === 0 ? this.#answer(byte) : []));
  }

  /** @returns false for a command that it does not know */
  #execute(byte: number): boolean {
    switch (byte) {
      case RESET:
      case SET_DEFAULTS:
        this.#wrap = this.#enabled = this.#scale2 = false;
        this.#resolution = 2;
        this.#rate = 100;
        return true;
      case ENABLE:
      case DISABLE:
        this.#enabled = byte === ENABLE;
        return true;
      case MOUSE_SCALE_1:
      case MOUSE_SCALE_2:
        this.#scale2 = byte === MOUSE_SCALE_2;
        return true;
      case MOUSE_SET_WRAP:
      case MOUSE_RESET_WRAP:
        this.#wrap = byte === MOUSE_SET_WRAP;
        return true;
      case SET_RATE:
      case MOUSE_SET_RESOLUTION:
        this.#command = byte;
        return true;
      case GET_ID:
      case MOUSE_SET_REMOTE:
      case MOUSE_SET_STREAM:
      case MOUSE_READ:
      case MOUSE_STATUS:
        return true;
      default:
        return false;
    }
  }

  /** What follows the ACK of a command. */
  #answer(byte: number): readonly number[] {
    switch (byte) {
      case RESET:
        return [SELF_TEST_PASSED, MOUSE_ID];
      case GET_ID:
        return [MOUSE_ID];
      case MOUSE_READ:
        return MOUSE_AT_REST;
      case MOUSE_STATUS: {
        const flags = (this.#enabled ? MOUSE_STATUS_ENABLED : 0) | (this.#scale2 ? MOUSE_STATUS_SCALE_2 : 0);
        return [flags, this.#resolution, this.#rate];
      }
      default:
        return [];
    }
  }

  state(): Ps2State & { wrap: boolean; scale2: boolean; resolution: number; rate: number } {
    return {
      queue: [...this.#queue],
      command: this.#command,
      enabled: this.#enabled,
      wrap: this.#wrap,
      scale2: this.#scale2,
      resolution: this.#resolution,
      rate: this.#rate,
    };
  }

  restore(state: ReturnType<Ps2Mouse['state']>): void {
    this.#queue = [...state.queue];
    this.#command = state.command;
    this.#enabled = state.enabled;
    this.#wrap = state.wrap;
    this.#scale2 = state.scale2;
    this.#resolution = state.resolution;
    this.#rate = state.rate;
  }
}
