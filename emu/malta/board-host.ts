// What the board needs from the CPU it is soldered to. emu/mips implements it over an engine, tests over a byte array.

/** Why the board wants the run to end. */
export type BoardEnd = 'power off' | 'reset' | 'halt';

/** Answers a load: the value that the CPU finds in its register, zero-extended. @param offset bytes @param size 1, 2 or 4 */
export type MmioRead = (offset: number, size: number) => number;
export type MmioWrite = (offset: number, size: number, value: number) => void;

export interface BoardHost {
  readonly bigEndian: boolean;
  /** RAM from physical address 0; asked anew each time, for an engine may move it. */
  ram(): Uint8Array;
  /** Connects `size` bytes at a physical address, both multiples of 4096. Values are in the CPU's terms, whatever its byte order. */
  mapMmio(physical: number, size: number, read: MmioRead, write: MmioWrite): void;
  /** Drives Cause.IP[n], n = 2..7 (hardware interrupts 0..5). */
  setInterruptLine(ip: number, asserted: boolean): void;
  /** Virtual nanoseconds since power-on. */
  now(): number;
  /** The access being answered took that much virtual time. */
  consume(nanoseconds: number): void;
  /** Ends the run behind the access being answered. */
  end(reason: BoardEnd): void;
  /** A bus master has written `bytes` bytes at a physical address: translated code there is void. */
  codeChanged(physical: number, bytes: number): void;
}
