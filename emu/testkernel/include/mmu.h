// Address spaces, page tables, the TLB. For C and assembly.
//
// The page table has two levels, of pages of 4 or 16 KB (page=4k, page=16k):
//
//   root      1024 words: kseg0 address of a table, never null (empty_table stands in)
//             indexed by VA[31:22] with 4 KB pages, VA[31:24] with 16 KB pages
//   table     1024 page table entries, indexed by the ten bits of VA above the page's offset
//
//   entry     31      26 25  24  23 22   20 19                    0
//            +----------+---+---+---+------+-----------------------+
//            | C C C D V G| W | COW|OWN|  -   | frame number (4 KB)   |
//            +----------+---+---+---+------+-----------------------+
//   Rotated left by six it is an EntryLo with the software bits on top. W: may be written (D follows with the first store).
#ifndef MMU_H
#define MMU_H

#include "mips.h"

#define PTE_G   0x04000000
#define PTE_V   0x08000000
#define PTE_D   0x10000000
#define PTE_C   0x60000000
#define PTE_W   0x02000000
#define PTE_COW 0x01000000
#define PTE_OWN 0x00800000 // the frame goes back when the page is unmapped
#define PTE_FRAME 0x000fffff
#define PTE_ENTRYLO_ROTATE 6
#define ENTRYLO_BITS 26

// walk=linear: the tables of useg as one array of entries, a page of it for each table.
#define PTE_WINDOW   0xffc00000
#define CONTEXT_BASE 0xff800000 // what makes Context, shifted right by one, point into it

#ifndef __ASSEMBLER__
#include "types.h"

extern u32 page_shift; // 12 or 14
extern u32 page_size;
extern u32 page_mask_register; // CP0 PageMask for it
extern u32 tlb_entries;
extern bool linear;         // walk=linear
extern bool table_flushes;  // false: a planted fault

#define MAX_ASID 255

struct space {
	u32 **root;
	u32 asid;       // of `generation`, which may be over
	u32 generation; // 0: none yet
};
extern struct space kernel_space; // kseg2, global
extern struct space *current_space; // useg; NULL: nothing is mapped there

// mmu.c
void mmu_init(void);
void space_init(struct space *space);
void space_destroy(struct space *space); // gives tables and owned frames back; flushes nothing: its ASID is not used again
void space_switch(struct space *space);  // NULL: none
u32 *pte_lookup(struct space *space, u32 va); // NULL without a table
u32 *pte_create(struct space *space, u32 va);
static inline u32 make_pte(u32 pa, u32 flags) { return pa >> 12 | flags | PTE_C; }
static inline u32 pte_pa(u32 pte) { return (pte & PTE_FRAME) << 12; }

// tlb.c: whatever the TLB holds of the address goes, also what QEMU keeps behind the guest's back (shadow entries).
void tlb_flush_page(struct space *space, u32 va);
void tlb_flush_range(struct space *space, u32 va, u32 pages);
void tlb_flush_all(void);            // all but wired entries
void tlb_update(struct space *space, u32 va); // the entry, if there is one, becomes what the page table says
void tlb_drop(u32 index);                     // makes one entry invalid
s32 tlb_index(struct space *space, u32 va);   // of the entry for the address, negative: there is none
s32 tlb_probe(u32 entryhi);                   // the same for any EntryHi
void tlb_read(u32 index, u32 *entryhi, u32 *lo0, u32 *lo1, u32 *pagemask);
u32 entrylo(u32 pte);
void tlb_write_indexed(u32 index, u32 entryhi, u32 lo0, u32 lo1, u32 pagemask);

// frames.c: frames of page_size, the one freed last is handed out first.
u32 frame_alloc(void); // physical address; panics when there are none
void frame_free(u32 pa);  // or gives up one share of it
void frame_share(u32 pa); // one owner more
u32 frame_owners(u32 pa);
u32 frames_in_use(void);
void frames_init(void);

// vectors.S
extern u32 *page_roots[2]; // useg, kseg2
#endif

#endif
