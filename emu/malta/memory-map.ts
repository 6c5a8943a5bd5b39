// The board's address map, drawn once. The guest's half of it is emu/guest/include/addrspace.h.
//
//   physical   size     what                                              seen by the guest at
//   00000000   --memory RAM, shared with the host without copies          80000000 kseg0
//   00000000   ~1 KB      exception vectors: refill +0, general +180
//   00002000   4 KB       boot table of a real kernel (loader.ts)
//   00100000   ~         guest image or kernel
//   10000000   128 MB   PCI memory window 0: the devices' memory BARs     b0000000 kseg1
//   18000000   2 MB     PCI I/O window: ISA devices and I/O BARs          b8000000
//   18200000   60 MB    PCI memory window 1
//   1be00000   4 KB     GT-64120 system controller                        bbe00000
//   1be00c34   4 B        interrupt acknowledge
//   1be00cf8   8 B        PCI configuration address and data
//   1f000000   4 KB     FPGA: switches, jumpers, display, soft reset      bf000000
//   1f000900   64 B       CBUS UART, registers 8 bytes apart
//   1f100000   4 KB     doorbell: calls to the host; nothing is there on a real Malta
//   1fc00000   4 KB     boot flash: of it the board's revision word at +10
//
//   I/O port   what                                                        ISA interrupt
//   020, 0a0   8259 pair (4d0: edge/level control)                         2 cascade
//   040        8254; 061 its third counter's gate and output               0
//   060, 064   8042 keyboard controller                                     1, 12 mouse
//   070        MC146818 clock                                              8
//   2f8        16550, COM2                                                 3
//   3f8        16550, COM1                                                 4
//   cf9        reset control
//   PMBA       power management (Linux puts it at 1000)
//
// Addresses from the Malta user's manual (MD00048), Linux's arch/mips/include/asm/mips-boards and QEMU 7.2's hw/mips/malta.c.

/** A range of physical addresses, bytes. */
export interface AddressRange {
  readonly base: number;
  readonly size: number;
}

export const PCI_MEMORY: AddressRange = { base: 0x1000_0000, size: 0x800_0000 };
export const PCI_IO: AddressRange = { base: 0x1800_0000, size: 0x20_0000 };
export const PCI_MEMORY_1: AddressRange = { base: 0x1820_0000, size: 0x3c0_0000 };
export const GT64120: AddressRange = { base: 0x1be0_0000, size: 0x1000 };
export const FPGA: AddressRange = { base: 0x1f00_0000, size: 0x1000 };
export const BOOT_FLASH: AddressRange = { base: 0x1fc0_0000, size: 0x1000 };
export const DOORBELL: AddressRange = { base: 0x1f10_0000, size: 0x1000 };

export const KSEG0 = 0x8000_0000;
export const KSEG2 = 0xc000_0000;

/** Physical address of the kseg0 or kseg1 address `address`. */
export function physical(address: number): number {
  return address & 0x1fff_ffff;
}
