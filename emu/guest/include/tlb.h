// The TLB: set-up at boot, flushes, and a look for tests.
#ifndef GUEST_TLB_H
#define GUEST_TLB_H

#include "types.h"

extern u32 tlb_size; // entries, from Config1
extern u32 tlb_has_ehinv; // Config4.IE: entries can be invalidated (P5600)

// PageMask, Wired, the refill handler for boot_params' page size and TLB mode, an empty TLB.
void tlb_init(void);

// Same order of tlbp, tlbwi and CP0 writes as arch/mips/mm/tlb-r4k.c: the engine's shadow entries depend on it.
void local_flush_tlb_all(void);
void local_flush_tlb_kernel_range(u32 start, u32 end);
void local_flush_tlb_one(u32 va);

// Copies a refill handler to the vector at +0.
void set_refill_handler(const void *start, const void *end);
// Index of the visible entry for va, -1 when there is none. Drops shadow entries that match va, as any tlbp does.
int tlb_probe(u32 va);

#endif
