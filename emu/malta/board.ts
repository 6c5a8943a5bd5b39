// The Malta board: the CPU, its RAM and the devices of memory-map.ts.
import { type CpuModel, MipsCpu, type TlbMode } from '../mips/cpu.js';
import { UsageError } from '../errors.js';
import type { EngineLibrary } from '../unicorn/engine.js';
import { DOORBELL, GT64120, PCI_IO, PCI_MEMORY, UART_PORT } from './memory-map.js';
import { pciAddress, PciBus } from './pci.js';
import { Uart } from './uart.js';

export const DEFAULT_MEMORY_MB = 128;
/** The image, its stack and the self test's pages need this much. */
const MIN_MEMORY_MB = 16;
/** Above are the PCI windows. */
const MAX_MEMORY_MB = 256;

export interface BoardOptions {
  engine: EngineLibrary;
  /** Default 24Kf. */
  cpu?: CpuModel;
  /** Default qemu. */
  tlb?: TlbMode;
  /** RAM in MB, 16 to 256, default 128. */
  memoryMB?: number;
  /** Of TLB replacement; 32 bits, default 0. */
  seed?: number;
  /** False: without the C hooks. */
  shim?: boolean;
}

export class Board {
  readonly cpu: MipsCpu;
  readonly uart = new Uart();
  readonly pci = new PciBus();
  /** A store to the doorbell register with this value. */
  onDoorbell: (call: number) => void = () => {};

  /** @throws UsageError when the memory size does not fit the address map */
  constructor({
    engine,
    cpu = '24Kf',
    tlb = 'qemu',
    memoryMB = DEFAULT_MEMORY_MB,
    seed = 0,
    shim = true,
  }: BoardOptions) {
    if (!Number.isInteger(memoryMB) || memoryMB < MIN_MEMORY_MB || memoryMB > MAX_MEMORY_MB)
      throw new UsageError(`memory of ${memoryMB} MB: the board takes ${MIN_MEMORY_MB} to ${MAX_MEMORY_MB}, whole MB`);
    this.cpu = new MipsCpu({ engine, model: cpu, ramBytes: memoryMB * 0x10_0000, tlb, seed, shim });
    this.#mapDevices();
  }

  #mapDevices(): void {
    const { cpu, pci, uart } = this;
    cpu.mapMmio(
      DOORBELL.base,
      DOORBELL.size,
      () => 0,
      (_offset, _size, value) => this.onDoorbell(value),
    );
    cpu.mapMmio(
      PCI_MEMORY.base,
      PCI_MEMORY.size,
      (offset, size) => pci.read('memory', pciAddress('memory', offset), size),
      (offset, size, value) => pci.write('memory', pciAddress('memory', offset), size, value),
    );
    cpu.mapMmio(
      PCI_IO.base,
      PCI_IO.size,
      (offset, size) =>
        offset >> 3 === UART_PORT >> 3 ? uart.read(offset & 7) : pci.read('io', pciAddress('io', offset), size),
      (offset, size, value) => {
        if (offset >> 3 === UART_PORT >> 3) uart.write(offset & 7, value & 0xff);
        else pci.write('io', pciAddress('io', offset), size, value);
      },
    );
    cpu.mapMmio(
      GT64120.base,
      GT64120.size,
      (offset) => pci.readController(offset),
      (offset, _size, value) => pci.writeController(offset, value),
    );
  }
}
