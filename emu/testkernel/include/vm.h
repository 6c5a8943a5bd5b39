// Demand paging. Called by the trap handler and by tests that want memory in kseg2.
#ifndef VM_H
#define VM_H

#include "mmu.h"

// Part of an address space that is filled page by page as it is touched.
struct region {
	u32 start, end;
	u32 flags;  // PTE_W or 0
	u32 source; // physical address of its contents, 0: zeros
};

// Handles the fault when the page table or a region allows the access. `code` is EXC_MOD, EXC_TLBL or EXC_TLBS.
bool page_fault(u32 va, u32 code);
extern u32 pages_in, dirtied, copied; // pages filled, first stores to clean ones, copies of shared ones

// The kernel's heap in kseg2: pages that appear when touched. Addresses are not used twice.
void *heap_pages(u32 pages);
void heap_free(void *start, u32 pages); // unmaps, flushes, gives the frames back

// Addresses in kseg2 where only vmap() puts something.
void *vmap_pages(u32 pages);
void vmap(void *page, u32 frame, u32 flags); // PTE_W, PTE_D; replaces what is there and flushes nothing
void vunmap(void *start, u32 pages);         // unmaps, flushes, gives the frames back

#define HEAP_START 0xd0000000
#define HEAP_END   0xd4000000
#define VMAP_START 0xd8000000
#define VMAP_END   0xdc000000

#endif
