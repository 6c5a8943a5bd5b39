// PCI bus 0 behind the GT-64120: enumeration and resources as Linux's drivers/pci does them on a Malta, for function 0
// of every slot. Called once at start-up (pci_init), then by drivers that look for their device.
#include "pci.h"
#include "kernel.h"

#define GT_PCI0_CFGADDR (GT64120_BASE + 0xcf8)
#define GT_PCI0_CFGDATA (GT64120_BASE + 0xcfc)
#define CFGADDR_ENABLE  0x80000000

#define MEM_START 0x10000000
#define MEM_END   0x17ffffff
#define IO_START  0x1000
#define IO_END    0x1fffff
#define IO_ALIGN  0x400 // ISA decodes ten bits only; Linux keeps clear of their aliases

#define BAR_IO    0x1
#define BAR_MEM64 0x4

static struct pci_dev devices[PCI_MAX_DEVS];
static u32 nr_devices;

// The controller's own registers are little endian. Configuration data of other functions is swapped by the bridge.
u32 pci_read_config_dword(u32 devfn, u32 reg)
{
	writel_le(CFGADDR_ENABLE | devfn << 8 | reg, GT_PCI0_CFGADDR);
	return PCI_SLOT(devfn) == 0 ? readl_le(GT_PCI0_CFGDATA) : readl(GT_PCI0_CFGDATA);
}

void pci_write_config_dword(u32 devfn, u32 reg, u32 value)
{
	writel_le(CFGADDR_ENABLE | devfn << 8 | reg, GT_PCI0_CFGADDR);
	if (PCI_SLOT(devfn) == 0)
		writel_le(value, GT_PCI0_CFGDATA);
	else
		writel(value, GT_PCI0_CFGDATA);
}

static void print_bar(struct pci_dev *dev, u32 nr, const char *suffix)
{
	struct pci_bar *bar = &dev->bar[nr];
	u32 end = bar->start + bar->size - 1;

	if (bar->io)
		printk("pci %s: BAR %u [io  0x%04x-0x%04x]%s\n", dev->name, nr, bar->start, end, suffix);
	else
		printk("pci %s: BAR %u [mem 0x%08x-0x%08x%s]%s\n", dev->name, nr, bar->start, end,
		       bar->mem64 ? " 64bit" : "", suffix);
}

static void measure_bars(struct pci_dev *dev)
{
	for (u32 nr = 0; nr < PCI_NUM_BARS; nr++) {
		u32 reg = PCI_BASE_ADDRESS_0 + 4 * nr;
		struct pci_bar *bar = &dev->bar[nr];
		u32 flags, mask;

		pci_write_config_dword(dev->devfn, reg, 0xffffffff);
		mask = pci_read_config_dword(dev->devfn, reg);
		pci_write_config_dword(dev->devfn, reg, 0);
		flags = mask & 0xf;
		bar->io = (flags & BAR_IO) != 0;
		mask &= bar->io ? ~0x3u : ~0xfu;
		if (mask == 0)
			continue;
		bar->size = -mask;
		bar->mem64 = !bar->io && (flags & BAR_MEM64) != 0;
		print_bar(dev, nr, "");
		if (bar->mem64)
			nr++;
	}
}

static void setup_device(u32 devfn, u32 id)
{
	struct pci_dev *dev = &devices[nr_devices++];

	dev->devfn = devfn;
	dev->vendor = id & 0xffff;
	dev->device = id >> 16;
	dev->class = pci_read_config_dword(devfn, PCI_CLASS_REVISION) >> 8;
	snprintf(dev->name, sizeof(dev->name), "0000:00:%02x.%x", PCI_SLOT(devfn), devfn & 7);
	printk("pci %s: [%04x:%04x] type 00 class 0x%06x\n", dev->name, dev->vendor, dev->device, dev->class);
	if (PCI_SLOT(devfn) != 0) // the bridge's own BARs are the board's business
		measure_bars(dev);
}

static u32 assign_bar(struct pci_dev *dev, u32 nr, u32 next, u32 align)
{
	struct pci_bar *bar = &dev->bar[nr];

	bar->start = (next + align - 1) & -align;
	pci_write_config_dword(dev->devfn, PCI_BASE_ADDRESS_0 + 4 * nr, bar->start);
	if (bar->mem64)
		pci_write_config_dword(dev->devfn, PCI_BASE_ADDRESS_0 + 4 * nr + 4, 0);
	print_bar(dev, nr, ": assigned");
	return bar->start + bar->size;
}

// Largest first, then in order of slots: no address space is lost to alignment.
static void assign_resources(void)
{
	u32 next_mem = MEM_START;
	u32 next_io = IO_START;

	for (u32 size = 1u << 26; size >= 16; size >>= 1)
		for (u32 i = 0; i < nr_devices; i++)
			for (u32 nr = 0; nr < PCI_NUM_BARS; nr++) {
				struct pci_bar *bar = &devices[i].bar[nr];

				if (bar->size == size && !bar->io)
					next_mem = assign_bar(&devices[i], nr, next_mem, size);
				else if (bar->size == size)
					next_io = assign_bar(&devices[i], nr, next_io, IO_ALIGN);
			}
}

void pci_init(void)
{
	if (nr_devices != 0)
		return;
	printk("PCI host bridge to bus 0000:00\n");
	printk("pci_bus 0000:00: root bus resource [mem 0x%08x-0x%08x]\n", MEM_START, MEM_END);
	printk("pci_bus 0000:00: root bus resource [io  0x%04x-0x%04x]\n", IO_START, IO_END);
	for (u32 slot = 0; slot < 32 && nr_devices < PCI_MAX_DEVS; slot++) {
		u32 devfn = PCI_DEVFN(slot, 0);
		u32 id = pci_read_config_dword(devfn, PCI_VENDOR_ID);

		if (id != 0xffffffff && id != 0)
			setup_device(devfn, id);
	}
	printk("pci_bus 0000:00: busn_res: [bus 00-ff] end is updated to 00\n");
	assign_resources();
}

struct pci_dev *pci_get_slot(u32 slot)
{
	if (nr_devices == 0)
		pci_init();
	for (u32 i = 0; i < nr_devices; i++)
		if (PCI_SLOT(devices[i].devfn) == slot)
			return &devices[i];
	return NULL;
}

void pci_enable_device_mem(struct pci_dev *dev, const char *driver)
{
	u32 old = pci_read_config_dword(dev->devfn, PCI_COMMAND) & 0xffff;
	u32 cmd = old | PCI_COMMAND_MEMORY;

	if (cmd == old)
		return;
	printk("%s %s: enabling device (%04x -> %04x)\n", driver, dev->name, old, cmd);
	pci_write_config_dword(dev->devfn, PCI_COMMAND, cmd);
	step(STEP_PCI_ENABLE);
}

void pci_set_master(struct pci_dev *dev)
{
	u32 cmd = pci_read_config_dword(dev->devfn, PCI_COMMAND) & 0xffff;

	pci_write_config_dword(dev->devfn, PCI_COMMAND, cmd | PCI_COMMAND_MASTER);
}
