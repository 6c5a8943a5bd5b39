// The MegaRAID driver: one command at a time.
#include "test.h"
#include "megaraid.h"

#define PCI_ID_SAS1078R 0x00601000
#define PCI_ID       0x00
#define PCI_COMMAND  0x04
#define PCI_BAR0     0x10
#define COMMAND_IO_MEMORY_MASTER 0x7
#define BAR_IO       0x1
#define BAR_64BIT    0x4

#define PIIX4_ISA    PCI_DEVFN(10, 0)
#define PIIX4_PIRQRC 0x60
#define PIRQ_ROUTES  0x0b0b0a0a // PIRQA and B to interrupt 10, C and D to 11

// Registers
#define MFI_IDB   0x20 // inbound doorbell
#define MFI_OSTS  0x30 // outbound interrupt status
#define MFI_OMSK  0x34 // outbound interrupt mask
#define MFI_IQP   0x40 // inbound queue port
#define MFI_ODCR0 0xa0 // outbound doorbell clear
#define MFI_OSP0  0xb0 // outbound scratch pad: firmware state
#define STATE_MASK        0xf0000000
#define STATE_READY       0xb0000000
#define STATE_OPERATIONAL 0xc0000000
#define DOORBELL_TO_READY 0x07
#define OSTS_REPLY        0x80000000

// Frames: offsets
#define F_CMD      0x00
#define F_STATUS   0x02
#define F_TARGET   0x04
#define F_CDB_LEN  0x06
#define F_SGES     0x07
#define F_CONTEXT  0x08
#define F_FLAGS    0x10 // 16 bits
#define F_LENGTH   0x14
#define F_INIT_QUEUE 0x18
#define F_LBA      0x20
#define F_IO_SGE   0x28
#define F_CDB      0x20
#define F_PASS_SGE 0x30
#define CMD_INIT    0
#define CMD_READ    1
#define CMD_WRITE   2
#define CMD_SCSI    3
#define FLAG_NO_REPLY 0x01
#define FLAG_WRITE    0x08
#define FLAG_READ     0x10
#define STATUS_OK      0x00
#define STATUS_PENDING 0xff

#define READ_CAPACITY 0x25
#define MAX_REPLIES 1024
#define POLLS   50000000

struct controller controllers[MAX_CONTROLLERS];
u32 megaraid_interrupts;

// What the controllers and we share; only touched through kseg1.
static struct shared {
	u8 frame[256];
	u8 queue_info[32];
	u32 producer, consumer;
	u32 replies[MAX_REPLIES];
	u8 data[32];
} __attribute__((aligned(64))) shared_memory[MAX_CONTROLLERS]; // the low bits of a frame's address mean something else

static struct shared *shared_of(const struct controller *c) { return kseg1(phys(&shared_memory[c - controllers])); }

static void put8(void *at, u32 offset, u8 value) { *((volatile u8 *)at + offset) = value; }
static void put32(void *at, u32 offset, u32 value) { *(volatile u32 *)((u8 *)at + offset) = le32(value); }
static void put16(void *at, u32 offset, u16 value) { *(volatile u16 *)((u8 *)at + offset) = le16(value); }

static u32 context; // of the frame posted last. QEMU replies to polled frames, too.

static u8 *new_frame(struct controller *c, u8 cmd, u32 flags)
{
	u8 *frame = shared_of(c)->frame;

	memset(frame, 0, sizeof(((struct shared *)0)->frame));
	put8(frame, F_CMD, cmd);
	put8(frame, F_STATUS, STATUS_PENDING);
	put32(frame, F_CONTEXT, ++context);
	put16(frame, F_FLAGS, (u16)flags);
	return frame;
}

static u8 frame_status(struct controller *c) { return *(volatile u8 *)&shared_of(c)->frame[F_STATUS]; }

static void post(struct controller *c) { writel(phys(shared_of(c)->frame) | 1, c->registers + MFI_IQP); }

static bool finish_polled(struct controller *c)
{
	post(c);
	for (u32 i = 0; i < POLLS && frame_status(c) == STATUS_PENDING; i++)
		;
	return frame_status(c) == STATUS_OK;
}

// Largest first is not needed: each BAR is a power of two and aligned to itself.
static void assign_bars(u32 devfn, u32 *next_memory, u32 *next_io)
{
	for (u32 reg = PCI_BAR0; reg < PCI_BAR0 + 24; reg += 4) {
		u32 mask, size, *next;

		pci_write(devfn, reg, 0xffffffff);
		mask = pci_read(devfn, reg);
		size = -(mask & BAR_IO ? mask & ~3u : mask & ~15u);
		if (mask & BAR_IO)
			size &= 0xffff;
		if (!size)
			continue;
		next = mask & BAR_IO ? next_io : next_memory;
		*next = (*next + size - 1) & -size;
		pci_write(devfn, reg, *next);
		*next += size;
		if (!(mask & BAR_IO) && mask & BAR_64BIT)
			pci_write(devfn, reg += 4, 0);
	}
}

static bool bring_up(struct controller *c)
{
	struct shared *shared = shared_of(c);

	for (u32 i = 0; (readl(c->registers + MFI_OSP0) & STATE_MASK) != STATE_READY; i++) {
		if (i % 1000000 == 0)
			writel(DOORBELL_TO_READY, c->registers + MFI_IDB);
		if (i == POLLS)
			return false;
	}
	writel(0xffffffff, c->registers + MFI_OMSK);
	c->nr_replies = readl(c->registers + MFI_OSP0) & 0xffff; // one for each command it takes
	if (c->nr_replies > MAX_REPLIES)
		return false;
	memset(shared, 0, sizeof(*shared));
	put32(shared->queue_info, 4, c->nr_replies);
	put32(shared->queue_info, 8, phys(shared->replies));
	put32(shared->queue_info, 16, phys(&shared->producer));
	put32(shared->queue_info, 24, phys(&shared->consumer));
	new_frame(c, CMD_INIT, FLAG_NO_REPLY);
	put32(shared->frame, F_LENGTH, sizeof(shared->queue_info));
	put32(shared->frame, F_INIT_QUEUE, phys(shared->queue_info));
	if (!finish_polled(c))
		return false;
	c->next_reply = 0;
	writel(~OSTS_REPLY, c->registers + MFI_OMSK); // for good: masking all is a reset to some
	return (readl(c->registers + MFI_OSP0) & STATE_MASK) == STATE_OPERATIONAL;
}

u32 megaraid_probe(void)
{
	u32 next_memory = PCI_MEM_BASE, next_io = 0x1400, n = 0;

	pci_write(PIIX4_ISA, PIIX4_PIRQRC, PIRQ_ROUTES);
	for (u32 slot = 10; slot <= 21 && n < MAX_CONTROLLERS; slot++) {
		u32 devfn = PCI_DEVFN(slot, 0);

		if (pci_read(devfn, PCI_ID) != PCI_ID_SAS1078R)
			continue;
		assign_bars(devfn, &next_memory, &next_io);
		pci_write(devfn, PCI_COMMAND, COMMAND_IO_MEMORY_MASTER);
		controllers[n].registers = pci_read(devfn, PCI_BAR0) & ~15u;
		controllers[n].operational = bring_up(&controllers[n]);
		n++;
	}
	return n;
}

u32 disk_blocks(struct controller *c, u32 target)
{
	struct shared *shared = shared_of(c);
	u8 *frame = new_frame(c, CMD_SCSI, FLAG_NO_REPLY | FLAG_READ);

	put8(frame, F_TARGET, (u8)target);
	put8(frame, F_CDB_LEN, 10);
	put8(frame, F_SGES, 1);
	put32(frame, F_LENGTH, 8);
	put8(frame, F_CDB, READ_CAPACITY);
	put32(frame, F_PASS_SGE, phys(shared->data));
	put32(frame, F_PASS_SGE + 4, 8);
	if (!finish_polled(c))
		return 0;
	// SCSI data is big endian: the last block's number.
	return ((u32)shared->data[0] << 24 | (u32)shared->data[1] << 16 | (u32)shared->data[2] << 8 | shared->data[3]) + 1;
}

static volatile u32 replies_seen;

// Both interrupts: whoever has a reply.
static void megaraid_interrupt(u32 irq)
{
	for (u32 i = 0; i < MAX_CONTROLLERS; i++) {
		struct controller *c = &controllers[i];
		struct shared *shared = shared_of(c);

		if (!c->operational || !(readl(c->registers + MFI_OSTS) & OSTS_REPLY))
			continue;
		megaraid_interrupts++;
		writel(OSTS_REPLY, c->registers + MFI_ODCR0);
		while (c->next_reply != le32(*(volatile u32 *)&shared->producer)) {
			if (le32(*(volatile u32 *)&shared->replies[c->next_reply]) == context)
				replies_seen++;
			c->next_reply = (c->next_reply + 1) % c->nr_replies;
			*(volatile u32 *)&shared->consumer = le32(c->next_reply);
		}
	}
}

static void still_waiting(void) { timer_start(still_waiting, TICK); }

bool disk_transfer(struct controller *c, u32 target, u32 lba, u32 pa, bool write, bool by_interrupt)
{
	u32 flags = (write ? FLAG_WRITE : FLAG_READ) | (by_interrupt ? 0 : FLAG_NO_REPLY);
	u8 *frame = new_frame(c, write ? CMD_WRITE : CMD_READ, flags);

	put8(frame, F_TARGET, (u8)target);
	put8(frame, F_SGES, 1);
	put32(frame, F_LENGTH, 1); // blocks
	put32(frame, F_LBA, lba);
	put32(frame, F_IO_SGE, pa);
	put32(frame, F_IO_SGE + 4, BLOCK_SIZE);
	if (!by_interrupt)
		return finish_polled(c);
	replies_seen = 0;
	irq_request(10, megaraid_interrupt);
	irq_request(11, megaraid_interrupt);
	line_enable(IP_8259);
	timer_start(still_waiting, TICK); // in case the reply comes between the look and the wait
	irq_enable();
	post(c);
	for (u32 i = 0; i < 100000 && !replies_seen; i++)
		wait_instruction();
	irq_disable();
	timer_stop();
	line_disable(IP_8259);
	irq_free(10);
	irq_free(11);
	return replies_seen == 1 && frame_status(c) == STATUS_OK;
}
