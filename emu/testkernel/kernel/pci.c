// Configuration space behind the GT-64120, and the PIIX4's power management block.
#include "board.h"
#include "kernel.h"

#define CFGADDR_ENABLE 0x80000000
#define CMD_NO_SWAP    0x00010001 // master and slave byte swap off: bytes stay where they are

#define PIIX4_PM      PCI_DEVFN(10, 3)
#define PIIX4_PMBA    0x40
#define PIIX4_PMREGMISC 0x80

void pci_init(void)
{
	gt_write(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0 : CMD_NO_SWAP, GT_PCI0_CMD);
	pci_write(PIIX4_PM, PIIX4_PMBA, PM_BASE | 1);
	pci_write(PIIX4_PM, PIIX4_PMREGMISC, pci_read(PIIX4_PM, PIIX4_PMREGMISC) | 1);
}

// The bridge's own configuration registers are little endian, the data of all others is as the CPU is.
static bool is_bridge(u32 devfn) { return devfn == 0; }

u32 pci_read(u32 devfn, u32 reg)
{
	u32 data;

	gt_write(CFGADDR_ENABLE | devfn << 8 | reg, GT_PCI0_CFGADDR);
	data = *(volatile u32 *)(GT64120_BASE + GT_PCI0_CFGDATA);
	return is_bridge(devfn) ? le32(data) : data;
}

void pci_write(u32 devfn, u32 reg, u32 value)
{
	gt_write(CFGADDR_ENABLE | devfn << 8 | reg, GT_PCI0_CFGADDR);
	*(volatile u32 *)(GT64120_BASE + GT_PCI0_CFGDATA) = is_bridge(devfn) ? le32(value) : value;
}
