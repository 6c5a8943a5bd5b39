// What the controller sees of the machine's memory: PCI bus-master cycles, physical addresses, bytes.

/** Memory behind the PCI host bridge. Addresses are physical; a transfer that leaves RAM by one byte fails whole. */
export interface BusMaster {
  /** A copy of `length` bytes, or undefined when the range is not RAM. */
  read(address: number, length: number): Uint8Array | undefined;
  /** Returns false, with nothing written, when the range is not RAM. */
  write(address: number, bytes: Uint8Array): boolean;
  contains(address: number, length: number): boolean;
}

/** Bus-master access to RAM that starts at physical address 0. */
export class RamBusMaster implements BusMaster {
  readonly #ram: () => Uint8Array;
  readonly #written: ((address: number, length: number) => void) | undefined;

  /** @param ram asked anew each time, for an engine may move it @param written called after each write */
  constructor(ram: () => Uint8Array, written?: (address: number, length: number) => void) {
    this.#ram = ram;
    this.#written = written;
  }

  contains(address: number, length: number): boolean {
    return address >= 0 && address + length <= this.#ram().length;
  }

  read(address: number, length: number): Uint8Array | undefined {
    return this.contains(address, length) ? this.#ram().slice(address, address + length) : undefined;
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (!this.contains(address, bytes.length)) return false;
    this.#ram().set(bytes, address);
    this.#written?.(address, bytes.length);
    return true;
  }
}

/** The little-endian word at a physical address, or undefined outside RAM. */
export function readUint32LE(bus: BusMaster, address: number): number | undefined {
  const bytes = bus.read(address, 4);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

export function writeUint32LE(bus: BusMaster, address: number, value: number): boolean {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bus.write(address, bytes);
}
