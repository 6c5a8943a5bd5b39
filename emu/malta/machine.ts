// A board with the guest image in its RAM: starts it, answers its host calls, reads and writes its memory.
import type { GuestImage } from '../elf/image.js';
import type { SymbolTable } from '../elf/symbols.js';
import { UsageError } from '../errors.js';
import { latin1 } from '../latin1.js';
import { MachineError } from '../mips/cpu.js';
import { Board, type BoardOptions } from './board.js';
import { Doorbell, type GuestFunction, HOST_CALL, type HostCallHandler } from './doorbell.js';
import { defaultImage } from './default-image.js';
import { physical } from './memory-map.js';

/** Bytes: 4096 or 16384. */
export type PageSize = 4096 | 16384;

export interface MachineOptions extends BoardOptions {
  /** Default 16384, as malta_defconfig. */
  pageSize?: PageSize;
  /** Default the committed one. */
  image?: GuestImage;
}

/** Byte offsets in struct boot_params (emu/guest/include/boot.h). */
const BOOT = { PAGE_SHIFT: 0, TLB_MODE: 4, SEED: 8, MEMORY: 12, ENTRY: 16, ARGS: 20 };

export class Machine {
  readonly board: Board;
  readonly image: GuestImage;
  readonly pageSize: PageSize;
  readonly #doorbell: Doorbell;
  readonly #options: MachineOptions;
  /** The last run ended because the CPU's instruction budget was used up: the guest is in a loop without an end. */
  exhausted = false;
  #state: 'off' | 'running' | 'stopped' = 'off';
  #result: number | undefined;

  /** @throws UsageError for a bad memory size, page size or image */
  constructor(options: MachineOptions) {
    const { image = defaultImage(), pageSize = 16384 } = options;
    if (pageSize !== 4096 && pageSize !== 16384)
      throw new UsageError(`page size ${pageSize as number}: the guest has 4096 and 16384`);
    this.#options = options;
    this.image = image;
    this.pageSize = pageSize;
    this.board = new Board(options);
    this.#loadSegments();
    this.#doorbell = new Doorbell(
      physical(this.symbols.address('mailbox')),
      () => this.board.cpu.view,
      (result) => this.#end(result),
    );
    this.board.onDoorbell = this.#doorbell.ring.bind(this.#doorbell);
    this.onHostCall(HOST_CALL.EXIT, (result) => this.#end(result));
    this.onHostCall(HOST_CALL.PANIC, (message) => {
      throw new MachineError(`guest panic: ${this.readString(message)}`);
    });
  }

  get symbols(): SymbolTable {
    return this.image.symbols;
  }

  #loadSegments(): void {
    const { ram } = this.board.cpu;
    for (const { address, bytes, memorySize } of this.image.elf.segments) {
      const start = physical(address);
      if (start + memorySize > ram.length) throw new UsageError(`${this.image.file}: the image does not fit into RAM`);
      ram.set(bytes, start);
      ram.fill(0, start + bytes.length, start + memorySize);
    }
  }

  /** Registers the handler of host call `nr` (HOST_CALL, or FIRST_FREE and up). */
  onHostCall(nr: number, handler: HostCallHandler): void {
    this.#doorbell.handle(nr, handler);
  }

  /** As Doorbell.skipToken. */
  skipToken(): void {
    this.#doorbell.skipToken();
  }

  /** Called with every character the guest writes to its console. */
  set onConsole(write: (text: string) => void) {
    this.board.uart.onByte = (byte) => write(String.fromCharCode(byte));
  }

  /** For handlers to yield: the guest function `name` with up to four argument words. @throws UsageError without it */
  fn(name: string, ...args: number[]): GuestFunction {
    return { address: this.symbols.address(name), args };
  }

  /**
   * Boots the guest and runs its function `name` with up to four argument words.
   * @returns its result, or undefined when `stop` was called before @throws MachineError when the guest cannot go on
   */
  start(name: string, ...args: number[]): number | undefined {
    if (this.#state !== 'off') throw new Error('a machine starts once');
    const params = physical(this.symbols.address('boot_params'));
    const { view } = this.board.cpu;
    view.setUint32(params + BOOT.PAGE_SHIFT, Math.log2(this.pageSize));
    view.setUint32(params + BOOT.TLB_MODE, this.#options.tlb === 'hardware' ? 1 : 0);
    view.setUint32(params + BOOT.SEED, this.#options.seed ?? 0);
    view.setUint32(params + BOOT.MEMORY, this.board.cpu.ramBytes);
    view.setUint32(params + BOOT.ENTRY, this.symbols.address(name));
    args.forEach((arg, i) => view.setUint32(params + BOOT.ARGS + 4 * i, arg));
    return this.#run(this.image.elf.entry);
  }

  /** Runs a function on a guest that has stopped or ended, on the stack it stopped on. As `start`. */
  call(name: string, ...args: number[]): number | undefined {
    if (this.#state !== 'stopped') throw new Error('only a stopped guest can be called');
    this.#doorbell.begin(this.fn(name, ...args));
    return this.#run(this.board.cpu.nextPc);
  }

  /** Goes on after `stop`. As `start`. */
  resume(): number | undefined {
    if (this.#state !== 'stopped') throw new Error('only a stopped guest can be resumed');
    return this.#run(this.board.cpu.nextPc);
  }

  /** Ends `start`, `call` or `resume`, behind the host call being answered. Only in host call handlers and devices. */
  stop(): void {
    this.board.cpu.stop();
  }

  #end(result: number): void {
    this.#result = result;
    this.stop();
  }

  #run(pc: number): number | undefined {
    this.#result = undefined;
    this.#state = 'running';
    try {
      const end = this.board.cpu.run(pc);
      if (end === 'wait') throw new MachineError('the guest waits for an interrupt that never comes');
      if (end === 'locked up') throw new MachineError('nothing can be fetched at the exception vector');
      this.exhausted = end === 'budget';
    } finally {
      this.#state = 'stopped';
    }
    return this.#result;
  }

  /** The word at a physical or kseg0 address. */
  read32(address: number): number {
    return this.board.cpu.view.getUint32(physical(address));
  }

  /** The word at an address that may be anything, as a crash dump reads it: 0 where there is no RAM. */
  peek32(address: number): number {
    const at = physical(address);
    const isRam = address >>> 30 === 2 && (at & 3) === 0 && at + 4 <= this.board.cpu.ramBytes;
    return isRam ? this.read32(address) : 0;
  }

  write32(address: number, value: number): void {
    this.board.cpu.view.setUint32(physical(address), value);
  }

  /** The bytes at a physical or kseg0 address; a view, not a copy. */
  bytes(address: number, length: number): Uint8Array {
    const start = physical(address);
    return this.board.cpu.ram.subarray(start, start + length);
  }

  /** The 0-terminated string at a physical or kseg0 address, at most 1023 characters. */
  readString(address: number): string {
    const bytes = this.bytes(address, 1024);
    const length = bytes.indexOf(0);
    return latin1(bytes.subarray(0, length < 0 ? 1023 : length));
  }

  /** Frees the guest. */
  close(): void {
    this.board.cpu.close();
  }
}
