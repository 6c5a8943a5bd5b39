// PCI bus 0 behind the GT-64120: configuration cycles, sizing and assignment of BARs, enabling a function.
// Called by the kernel's start-up (pci_init) and by drivers.
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "types.h"

#define PCI_VENDOR_ID       0x00
#define PCI_COMMAND         0x04
#define PCI_CLASS_REVISION  0x08
#define PCI_BASE_ADDRESS_0  0x10

#define PCI_COMMAND_MEMORY  0x2
#define PCI_COMMAND_MASTER  0x4

#define PCI_DEVFN(slot, func) (((slot) << 3) | (func))
#define PCI_SLOT(devfn)       ((devfn) >> 3)
#define PCI_MAX_DEVS          8
#define PCI_NUM_BARS          6

struct pci_bar {
	u32 start; // PCI address, 0 until assigned
	u32 size;  // bytes, 0: no such BAR
	u8 io;     // I/O space; else memory
	u8 mem64;  // takes the next BAR's register for its high half
};

struct pci_dev {
	u32 devfn;
	u16 vendor, device;
	u32 class; // 24 bits
	struct pci_bar bar[PCI_NUM_BARS];
	char name[13]; // 0000:00:14.0
};

u32 pci_read_config_dword(u32 devfn, u32 reg);
void pci_write_config_dword(u32 devfn, u32 reg, u32 value);

// Finds the functions of bus 0, measures their BARs and gives them addresses. Prints what Linux prints. Once.
void pci_init(void);
// Function 0 of a slot, NULL when it is empty. Does pci_init() first when nobody has.
struct pci_dev *pci_get_slot(u32 slot);
// Turns on memory decoding. `driver` names the caller on the console.
void pci_enable_device_mem(struct pci_dev *dev, const char *driver);
void pci_set_master(struct pci_dev *dev);

#endif
