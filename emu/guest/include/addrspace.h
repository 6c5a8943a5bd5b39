// The MIPS32 segments and the board's physical addresses the guest touches. For C and assembly.
// The host's table of the same map is emu/malta/memory-map.ts.
#ifndef GUEST_ADDRSPACE_H
#define GUEST_ADDRSPACE_H

//   00000000 useg   through the TLB        (nothing is mapped there)
//   80000000 kseg0  = physical, cached     RAM: vectors, image, pages
//   a0000000 kseg1  = physical, uncached   device registers
//   c0000000 kseg2  through the TLB        vmalloc areas, per-CPU chunks at the top
#define KSEG0 0x80000000
#define KSEG1 0xa0000000
#define KSEG2 0xc0000000

#define DOORBELL_BASE (KSEG1 + 0x1f100000)
#define PCI_MEM_BASE  (KSEG1 + 0x10000000)
#define PCI_IO_BASE   (KSEG1 + 0x18000000)
#define UART_BASE     (PCI_IO_BASE + 0x3f8)
#define GT64120_BASE  (KSEG1 + 0x1be00000)

#ifndef __ASSEMBLER__
#include "types.h"
#define __pa(va) ((u32)(va) & 0x1fffffff)
#define __va(pa) ((void *)((u32)(pa) | KSEG0))
static inline u32 readl(u32 va) { return *(volatile u32 *)va; }
static inline void writel(u32 value, u32 va) { *(volatile u32 *)va = value; }
static inline u8 readb(u32 va) { return *(volatile u8 *)va; }
static inline void writeb(u8 value, u32 va) { *(volatile u8 *)va = value; }
// PCI devices are little endian: the GT-64120 does not swap words, a big-endian driver does.
static inline u32 readl_le(u32 va) { return __builtin_bswap32(readl(va)); }
static inline void writel_le(u32 value, u32 va) { writel(__builtin_bswap32(value), va); }
#endif

#endif
