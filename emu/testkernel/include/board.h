// The Malta board as this kernel uses it (Malta user's manual, MD00048). Physical addresses:
//   10000000  PCI memory window            18000000  PCI I/O window (ISA devices below 0x1000)
//   1be00000  GT-64120                     1f000500  soft reset, 0x42 resets
#ifndef BOARD_H
#define BOARD_H

#include "mips.h"

#define PCI_MEM_BASE 0x10000000
#define PCI_IO_BASE  0xb8000000
#define GT64120_BASE 0xbbe00000
#define SOFTRES      0xbf000500
#define SOFTRES_GORESET 0x42

// I/O ports
#define COM1     0x3f8
#define PIC1     0x20
#define PIC2     0xa0
#define PIT      0x40
#define RTC      0x70
#define PM_BASE  0x1000 // where we put the PIIX4's power management block

// Interrupt inputs of the 8259 pair
#define IRQ_PIT  0
#define IRQ_COM1 4
#define IRQ_RTC  8

static inline u8 inb(u32 port) { return *(volatile u8 *)(PCI_IO_BASE + port); }
static inline void outb(u8 value, u32 port) { *(volatile u8 *)(PCI_IO_BASE + port) = value; }
static inline u16 inw(u32 port) { return le16(*(volatile u16 *)(PCI_IO_BASE + port)); }
static inline void outw(u16 value, u32 port) { *(volatile u16 *)(PCI_IO_BASE + port) = le16(value); }

// The GT-64120's registers are little endian whatever the CPU is.
#define GT_PCI0_CMD     0xc00
#define GT_PCI0_CFGADDR 0xcf8
#define GT_PCI0_CFGDATA 0xcfc
#define GT_PCI0_IACK    0xc34
static inline u32 gt_read(u32 reg) { return le32(*(volatile u32 *)(GT64120_BASE + reg)); }
static inline void gt_write(u32 value, u32 reg) { *(volatile u32 *)(GT64120_BASE + reg) = le32(value); }

// PCI memory is little endian.
static inline u32 readl(u32 pa) { return le32(*(volatile u32 *)(pa | KSEG1)); }
static inline void writel(u32 value, u32 pa) { *(volatile u32 *)(pa | KSEG1) = le32(value); }

// pci.c
#define PCI_DEVFN(slot, function) ((slot) << 3 | (function))
void pci_init(void);
u32 pci_read(u32 devfn, u32 reg);
void pci_write(u32 devfn, u32 reg, u32 value);

// i8259.c
typedef void irq_handler(u32 irq);
void i8259_init(void);
void irq_request(u32 irq, irq_handler *handler); // and unmasks it
void irq_free(u32 irq);                          // masks it
void irq_mask(u32 irq);
void irq_unmask(u32 irq);
void i8259_interrupt(void); // takes the highest pending one; called with Cause.IP2 up
extern u32 spurious_irqs;

// power.c
noreturn void power_off(void);

#endif
