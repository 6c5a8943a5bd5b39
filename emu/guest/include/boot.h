// What the host tells the guest before the first instruction. The host writes the structure `boot_params` in RAM
// (emu/malta/machine.ts); start.S and setup.c read it.
#ifndef GUEST_BOOT_H
#define GUEST_BOOT_H

#define BOOT_PAGE_SHIFT 0
#define BOOT_TLB_MODE   4
#define BOOT_SEED       8
#define BOOT_MEMORY     12
#define BOOT_ENTRY      16
#define BOOT_ARGS       20

#define TLB_QEMU     0 // tlbwr: the engine picks the index and keeps shadow entries
#define TLB_HARDWARE 1 // tlbwi at an index the guest draws: no shadow entries

#ifndef __ASSEMBLER__
#include "types.h"

struct boot_params {
	u32 page_shift; // 12 or 14
	u32 tlb_mode;   // TLB_QEMU or TLB_HARDWARE
	u32 seed;       // of the TLB index generator; any value
	u32 memory;     // bytes of RAM
	u32 (*entry)(u32, u32, u32, u32); // first C function after set-up; its result goes to HOST_EXIT
	u32 args[4];
};
extern struct boot_params boot_params;

extern char _stext[], _etext[], _end[]; // of the image, from guest.ld
#endif

#endif
