// 8259A interrupt controller, used twice (master and slave) in the PIIX4. Words and bits from Intel's data sheet;
// where the sheet is silent it behaves as QEMU's hw/intc/i8259.c, which the kernels here were seen to boot with.

/** ICW1, recognised by this bit in a write to port 0. */
const ICW1 = 0x10;
const ICW1_IC4 = 0x01;
const ICW1_SNGL = 0x02;
const ICW2_VECTOR = 0xf8;
const ICW4_AEOI = 0x02;
const ICW4_SFNM = 0x10;
/** OCW3, recognised by this bit in a write to port 0. */
const OCW3 = 0x08;
const OCW3_RIS = 0x01;
const OCW3_RR = 0x02;
const OCW3_POLL = 0x04;
const OCW3_SMM = 0x20;
const OCW3_ESMM = 0x40;
/** OCW2: rotate, specific, end of interrupt (bits 7..5). */
const OCW2_R_AEOI_CLEAR = 0;
const OCW2_EOI = 1;
const OCW2_SEOI = 3;
const OCW2_R_AEOI_SET = 4;
const OCW2_R_EOI = 5;
const OCW2_SET_PRIORITY = 6;
const OCW2_R_SEOI = 7;

/** Input of the master that the slave's output drives. */
const CASCADE = 2;
const SPURIOUS = 7;

export interface I8259State {
  readonly edges: number;
  readonly imr: number;
  readonly isr: number;
  readonly elcr: number;
  readonly lines: number;
  readonly vector: number;
  readonly highest: number;
  readonly readIsr: boolean;
  readonly poll: boolean;
  readonly specialMask: boolean;
  readonly fullyNested: boolean;
  readonly autoEoi: boolean;
  readonly rotateOnAutoEoi: boolean;
  readonly expected: number;
  readonly initialized: boolean;
  readonly needsIcw4: boolean;
  readonly single: boolean;
  readonly output: boolean;
}

export class I8259 {
  /** Edges that were seen and not acknowledged. */
  #edges = 0;
  /** Interrupt mask register. */
  #imr = 0;
  /** In-service register. */
  #isr = 0;
  /** Edge/level control register (PIIX4): set bits are level triggered. */
  #elcr = 0;
  /** Levels of the inputs. */
  #lines = 0;
  #vector = 0;
  /** Input with the highest priority. */
  #highest = 0;
  #readIsr = false;
  #poll = false;
  #specialMask = false;
  #fullyNested = false;
  #autoEoi = false;
  #rotateOnAutoEoi = false;
  /** Initialisation command word that port 1 expects, 0 none. */
  #expected = 0;
  /** Before the first ICW1 it is in no defined state, and quiet. */
  #initialized = false;
  #needsIcw4 = false;
  #single = false;
  #output = false;
  readonly #isMaster: boolean;
  readonly #elcrWritable: number;
  readonly #setOutput: (asserted: boolean) => void;

  /** @param setOutput the INT pin changes */
  constructor(role: 'master' | 'slave', setOutput: (asserted: boolean) => void) {
    this.#isMaster = role === 'master';
    // Timer, keyboard, cascade, clock and FPU error are edges always.
    this.#elcrWritable = this.#isMaster ? 0xf8 : 0xde;
    this.#setOutput = setOutput;
  }

  /** Input IR0 .. IR7 changes, or is as before. */
  setInput(input: number, asserted: boolean): void {
    const bit = 1 << input;
    if (asserted) {
      if (!(this.#lines & bit)) this.#edges |= bit;
      this.#lines |= bit;
    } else {
      if (this.#elcr & bit) this.#edges &= ~bit;
      this.#lines &= ~bit;
    }
    this.#update();
  }

  /** @param port 0 or 1 (A0) */
  read(port: number): number {
    if (this.#poll) {
      this.#poll = false;
      const input = this.request();
      if (input === undefined) return 0;
      this.acknowledge(input);
      return 0x80 | input;
    }
    if (port !== 0) return this.#imr;
    return this.#readIsr ? this.#isr : this.#requests;
  }

  write(port: number, value: number): void {
    if (port !== 0) this.#writeData(value);
    else if (value & ICW1) this.#initialize(value);
    else if (value & OCW3) this.#operation3(value);
    else this.#operation2(value >> 5, value & 7);
    this.#update();
  }

  /** Interrupt request register: edges, and levels as long as they are there. */
  get #requests(): number {
    return this.#edges | (this.#elcr & this.#lines);
  }

  readElcr(): number {
    return this.#elcr;
  }

  writeElcr(value: number): void {
    this.#elcr = value & this.#elcrWritable;
    this.#update();
  }

  #initialize(icw1: number): void {
    // The edge sense logic is reset: an input must rise again to be seen.
    this.#edges = 0;
    this.#imr = 0;
    this.#isr = 0;
    this.#vector = 0;
    this.#highest = 0;
    this.#readIsr = this.#poll = this.#specialMask = this.#fullyNested = false;
    this.#autoEoi = this.#rotateOnAutoEoi = false;
    this.#needsIcw4 = (icw1 & ICW1_IC4) !== 0;
    this.#single = (icw1 & ICW1_SNGL) !== 0;
    this.#expected = 2;
    this.#initialized = true;
  }

  #writeData(value: number): void {
    const icw4 = this.#needsIcw4 ? 4 : 0;
    switch (this.#expected) {
      case 2:
        this.#vector = value & ICW2_VECTOR;
        this.#expected = this.#single ? icw4 : 3;
        break;
      case 3:
        this.#expected = icw4;
        break;
      case 4:
        this.#autoEoi = (value & ICW4_AEOI) !== 0;
        this.#fullyNested = (value & ICW4_SFNM) !== 0;
        this.#expected = 0;
        break;
      default:
        this.#imr = value;
    }
  }

  #operation2(command: number, input: number): void {
    switch (command) {
      case OCW2_R_AEOI_CLEAR:
      case OCW2_R_AEOI_SET:
        this.#rotateOnAutoEoi = command === OCW2_R_AEOI_SET;
        break;
      case OCW2_EOI:
      case OCW2_R_EOI: {
        const priority = this.#priority(this.#isr);
        if (priority === 8) break;
        const served = (priority + this.#highest) & 7;
        this.#isr &= ~(1 << served);
        if (command === OCW2_R_EOI) this.#highest = (served + 1) & 7;
        break;
      }
      case OCW2_SEOI:
      case OCW2_R_SEOI:
        this.#isr &= ~(1 << input);
        if (command === OCW2_R_SEOI) this.#highest = (input + 1) & 7;
        break;
      case OCW2_SET_PRIORITY:
        this.#highest = (input + 1) & 7;
        break;
    }
  }

  #operation3(value: number): void {
    if (value & OCW3_POLL) this.#poll = true;
    if (value & OCW3_RR) this.#readIsr = (value & OCW3_RIS) !== 0;
    if (value & OCW3_ESMM) this.#specialMask = (value & OCW3_SMM) !== 0;
  }

  /** Rank of the first of `inputs` in priority order, 0 highest; 8 when there is none. */
  #priority(inputs: number): number {
    let priority = 0;
    while (priority < 8 && !(inputs & (1 << ((priority + this.#highest) & 7)))) priority++;
    return priority;
  }

  /** The input whose interrupt would be acknowledged now, if any. */
  request(): number | undefined {
    if (!this.#initialized) return undefined;
    const priority = this.#priority(this.#requests & ~this.#imr);
    let served = this.#isr;
    if (this.#specialMask) served &= ~this.#imr;
    if (this.#fullyNested && this.#isMaster) served &= ~(1 << CASCADE);
    return priority < this.#priority(served) ? (priority + this.#highest) & 7 : undefined;
  }

  /** An interrupt acknowledge cycle for `input`. */
  acknowledge(input: number): void {
    if (!this.#autoEoi) this.#isr |= 1 << input;
    else if (this.#rotateOnAutoEoi) this.#highest = (input + 1) & 7;
    this.#edges &= ~(1 << input);
    this.#update();
  }

  /** The vector that goes with `input`. */
  vector(input: number): number {
    return this.#vector | input;
  }

  #update(): void {
    const output = this.request() !== undefined;
    if (output === this.#output) return;
    this.#output = output;
    this.#setOutput(output);
  }

  state(): I8259State {
    return {
      edges: this.#edges,
      imr: this.#imr,
      isr: this.#isr,
      elcr: this.#elcr,
      lines: this.#lines,
      vector: this.#vector,
      highest: this.#highest,
      readIsr: this.#readIsr,
      poll: this.#poll,
      specialMask: this.#specialMask,
      fullyNested: this.#fullyNested,
      autoEoi: this.#autoEoi,
      rotateOnAutoEoi: this.#rotateOnAutoEoi,
      expected: this.#expected,
      initialized: this.#initialized,
      needsIcw4: this.#needsIcw4,
      single: this.#single,
      output: this.#output,
    };
  }

  /** The output is set without being told: whoever it drives is restored too. */
  restore(state: I8259State): void {
    this.#edges = state.edges;
    this.#imr = state.imr;
    this.#isr = state.isr;
    this.#elcr = state.elcr;
    this.#lines = state.lines;
    this.#vector = state.vector;
    this.#highest = state.highest;
    this.#readIsr = state.readIsr;
    this.#poll = state.poll;
    this.#specialMask = state.specialMask;
    this.#fullyNested = state.fullyNested;
    this.#autoEoi = state.autoEoi;
    this.#rotateOnAutoEoi = state.rotateOnAutoEoi;
    this.#expected = state.expected;
    this.#initialized = state.initialized;
    this.#needsIcw4 = state.needsIcw4;
    this.#single = state.single;
    this.#output = state.output;
  }
}

export interface InterruptControllersState {
  readonly master: I8259State;
  readonly slave: I8259State;
}

/** The two 8259s of the PIIX4: ISA interrupts 0 to 15, the slave's output on the master's IR2. */
export class InterruptControllers {
  readonly master: I8259;
  readonly slave: I8259;

  /** @param setOutput the master's INT pin changes */
  constructor(setOutput: (asserted: boolean) => void) {
    this.master = new I8259('master', setOutput);
    this.slave = new I8259('slave', (asserted) => this.master.setInput(CASCADE, asserted));
  }

  /** ISA interrupt 0 .. 15 is asserted or not. */
  setIrq(irq: number, asserted: boolean): void {
    if (irq < 8) this.master.setInput(irq, asserted);
    else this.slave.setInput(irq & 7, asserted);
  }

  /** The processor's interrupt acknowledge: the vector, IR7's (spurious) when nobody asks. */
  acknowledge(): number {
    const input = this.master.request();
    if (input === undefined) return this.master.vector(SPURIOUS);
    if (input !== CASCADE) {
      this.master.acknowledge(input);
      return this.master.vector(input);
    }
    const behind = this.slave.request();
    if (behind !== undefined) this.slave.acknowledge(behind);
    this.master.acknowledge(CASCADE);
    return this.slave.vector(behind ?? SPURIOUS);
  }

  state(): InterruptControllersState {
    return { master: this.master.state(), slave: this.slave.state() };
  }

  restore({ master, slave }: InterruptControllersState): void {
    this.master.restore(master);
    this.slave.restore(slave);
  }
}
