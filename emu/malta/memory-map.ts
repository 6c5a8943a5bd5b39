// The board's address map, drawn once. The guest's half of it is emu/guest/include/addrspace.h.
//
//   physical   size     what                                              seen by the guest at
//   00000000   --memory RAM, shared with the host without copies          80000000 kseg0
//   00000000   ~1 KB      exception vectors: refill +0, general +180
//   00100000   ~         guest image (text, data, page table, stack)
//   10000000   2 MB     PCI memory window: the devices' memory BARs       b0000000 kseg1
//   18000000   64 KB    PCI I/O window: the devices' I/O BARs             b8000000
//   180003f8   8 B        16550 UART, COM1 of the SMSC super I/O
//   1be00000   4 KB     GT-64120 system controller                        bbe00000
//   1be00cf8   8 B        PCI configuration address and data
//   1f100000   4 KB     doorbell: calls to the host; nothing is there on a real Malta
//
// Addresses from the Malta user's manual (MD00048) and Linux's arch/mips/include/asm/mips-boards; the windows are as
// large as the devices here need, a real board has 128 MB of PCI memory and 2 MB of PCI I/O.

/** A range of physical addresses, bytes. */
export interface AddressRange {
  readonly base: number;
  readonly size: number;
}

export const PCI_MEMORY: AddressRange = { base: 0x1000_0000, size: 0x20_0000 };
export const PCI_IO: AddressRange = { base: 0x1800_0000, size: 0x1_0000 };
export const GT64120: AddressRange = { base: 0x1be0_0000, size: 0x1000 };
export const DOORBELL: AddressRange = { base: 0x1f10_0000, size: 0x1000 };

/** Port of the UART in the PCI I/O window. */
export const UART_PORT = 0x3f8;

export const KSEG0 = 0x8000_0000;
export const KSEG2 = 0xc000_0000;

/** Physical address of the kseg0 or kseg1 address `address`. */
export function physical(address: number): number {
  return address & 0x1fff_ffff;
}
