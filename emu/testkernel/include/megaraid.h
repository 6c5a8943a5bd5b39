// MegaRAID controllers (LSI SAS1078, Linux's megaraid_sas.h): frames in memory, posted one by one. Everything that the
// controller reads or writes is little endian.
#ifndef MEGARAID_H
#define MEGARAID_H

#include "types.h"

#define MAX_CONTROLLERS 4
#define MAX_TARGETS     16
#define BLOCK_SIZE      512

struct controller {
	u32 registers;  // physical address of BAR 0
	bool operational;
	u32 nr_replies; // length of its reply queue
	u32 next_reply; // index in it
};

// Finds the controllers in PCI slots 10 to 21, gives their BARs addresses and brings them up. Returns how many there are.
u32 megaraid_probe(void);
extern struct controller controllers[MAX_CONTROLLERS];

// Blocks of the disk, 0 when there is none. Polled.
u32 disk_blocks(struct controller *controller, u32 target);
// One block from or to physical address `pa`. True when the firmware says OK. Either polls the frame's status or waits for the
// interrupt.
bool disk_transfer(struct controller *controller, u32 target, u32 lba, u32 pa, bool write, bool by_interrupt);
extern u32 megaraid_interrupts;

#endif
