// The kernel's page table: two levels in RAM, walked by the TLB handlers, as Linux lays it out on MIPS32 R2.
//
//   pgd: one word per 4 MB (4 KB pages) or 64 MB (16 KB pages), the kseg0 address of a page of PTEs
//   PTE: physical page address | C D V G NR XI M A W P      bits 0..5 software, 6.. shifted right by 6 are EntryLo
//
// One TLB entry maps an even/odd pair of pages and is global only when both halves have G, so a PTE's G bit is
// copied to its empty neighbour when set, and survives a clear as long as the neighbour has it.
#ifndef GUEST_PGTABLE_H
#define GUEST_PGTABLE_H

#define _PAGE_PRESENT  0x001
#define _PAGE_WRITE    0x002
#define _PAGE_ACCESSED 0x004
#define _PAGE_MODIFIED 0x008
#define _PAGE_NO_READ  0x020
#define _PAGE_GLOBAL   0x040
#define _PAGE_VALID    0x080
#define _PAGE_DIRTY    0x100
#define _CACHE_SHIFT   9
#define PTE_TO_ENTRYLO 6

#define PGDIR_SHIFT_4K  22
#define PGDIR_SHIFT_16K 26

#ifndef __ASSEMBLER__
#include "boot.h"
#include "types.h"

typedef u32 pte_t;

// Set by paging_init from boot_params.
extern u32 page_shift; // 12 or 14
extern u32 page_kernel; // PTE flags of a mapped kernel page, Config.K0 as cache attribute
#define PAGE_SIZE (1u << page_shift)
#define PAGE_MASK (~(PAGE_SIZE - 1))

extern u32 swapper_pg_dir[1024];
extern u32 *pgd_current;
extern pte_t invalid_pte_table[4096];

// Builds swapper_pg_dir: all slots invalid except the topmost, whose PTE page is part of the image's bss.
void paging_init(void);

// Address of va's PTE, or NULL when its pgd slot has no PTE page.
pte_t *lookup_pte(u32 va);
// Hangs a page of PTEs (kseg0 address, one page, cleared here) into va's pgd slot.
void pgd_populate(u32 va, pte_t *table);

void set_pte(pte_t *ptep, pte_t pteval);
void pte_clear(pte_t *ptep);

// Maps nr_pages at va to the page frames pfns[] (physical address >> page_shift); 0, or -1 when a pgd slot is empty.
// No flush, as vmap_pages_range_noflush.
int vmap_pages_range(u32 va, u32 nr_pages, const u32 *pfns);
// Clears the PTEs, present or not. No flush, as vunmap_range_noflush.
void vunmap_range(u32 va, u32 nr_pages);
// The PTE of va as the table has it, 0 without a PTE page.
u32 read_pte(u32 va);
#endif

#endif
