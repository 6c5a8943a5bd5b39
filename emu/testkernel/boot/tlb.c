// The TLB instructions. Interrupts are off between the first access to EntryHi and the last.
#include "kernel.h"
#include "mmu.h"
#include "trap.h"

// An address that no look-up asks for, another one in each entry.
static u32 unique_entryhi(u32 index) { return KSEG0 + (index << (page_shift + 1)); }

u32 entrylo(u32 pte) { return (pte << PTE_ENTRYLO_ROTATE | pte >> (32 - PTE_ENTRYLO_ROTATE)) & ((1 << ENTRYLO_BITS) - 1); }

static u32 pair_address(u32 va) { return va & ~(2 * page_size - 1); }

bool space_has_asid(const struct space *space);
static bool may_be_cached(const struct space *space) { return space == &kernel_space || space_has_asid(space); }

// Leaves Index at the entry that matches, negative when there is none. A probe that finds none makes QEMU forget what it
// kept of the address.
static s32 probe(const struct space *space, u32 va)
{
	write_entryhi(pair_address(va) | (space == &kernel_space ? 0 : space->asid));
	tlbp();
	return (s32)read_index();
}

static void invalidate(u32 index)
{
	write_index(index);
	write_entryhi(unique_entryhi(index));
	write_entrylo0(0);
	write_entrylo1(0);
	tlbwi();
}

void tlb_drop(u32 index)
{
	u32 status = irq_save(), entryhi = read_entryhi();

	invalidate(index);
	write_entryhi(entryhi);
	irq_restore(status);
}

void tlb_flush_page(struct space *space, u32 va)
{
	u32 status = irq_save(), entryhi = read_entryhi();

	if (may_be_cached(space)) {
		s32 index = probe(space, va);

		if (index >= 0)
			invalidate((u32)index);
	}
	write_entryhi(entryhi);
	irq_restore(status);
}

void tlb_flush_range(struct space *space, u32 va, u32 pages)
{
	for (u32 i = 0; i < pages; i++)
		tlb_flush_page(space, va + i * page_size);
}

void tlb_flush_all(void)
{
	u32 status = irq_save(), entryhi = read_entryhi();

	for (u32 i = read_wired(); i < tlb_entries; i++)
		invalidate(i);
	write_entryhi(entryhi);
	irq_restore(status);
}

s32 tlb_probe(u32 entryhi)
{
	u32 status = irq_save(), old = read_entryhi();
	s32 index;

	write_entryhi(entryhi);
	tlbp();
	index = (s32)read_index();
	write_entryhi(old);
	irq_restore(status);
	return index;
}

s32 tlb_index(struct space *space, u32 va)
{
	if (!may_be_cached(space))
		return -1;
	return tlb_probe(pair_address(va) | (space == &kernel_space ? 0 : space->asid));
}

void tlb_read(u32 index, u32 *entryhi, u32 *lo0, u32 *lo1, u32 *pagemask)
{
	u32 status = irq_save(), old = read_entryhi();

	write_index(index);
	tlbr();
	*entryhi = read_entryhi();
	*lo0 = read_entrylo0();
	*lo1 = read_entrylo1();
	*pagemask = read_pagemask();
	write_pagemask(page_mask_register);
	write_entryhi(old);
	irq_restore(status);
}

static void load_pair(const u32 *pte)
{
	write_entrylo0(entrylo(pte[0]));
	write_entrylo1(entrylo(pte[1]));
}

void tlb_update(struct space *space, u32 va)
{
	u32 status = irq_save(), entryhi = read_entryhi();

	if (may_be_cached(space) && probe(space, va) >= 0) {
		load_pair(pte_lookup(space, pair_address(va)));
		tlbwi();
	}
	write_entryhi(entryhi);
	irq_restore(status);
}

void tlb_write_indexed(u32 index, u32 entryhi, u32 lo0, u32 lo1, u32 pagemask)
{
	u32 status = irq_save(), old = read_entryhi();

	write_index(index);
	write_entryhi(entryhi);
	write_entrylo0(lo0);
	write_entrylo1(lo1);
	write_pagemask(pagemask);
	tlbwi();
	write_pagemask(page_mask_register);
	write_entryhi(old);
	irq_restore(status);
}

extern u32 tlb_draw, tlb_index_mask;

// walk=c: called from the refill vector. EntryHi has the missing pair and the ASID.
struct frame *tlb_refill(struct frame *frame)
{
	u32 va = frame->badvaddr;
	struct space *space = (s32)va < 0 ? &kernel_space : current_space;
	u32 *pte = space ? pte_lookup(space, pair_address(va)) : NULL;
	static const u32 nothing[2];
	static const u32 nothing_global[2] = { PTE_G, PTE_G };

	load_pair(pte ? pte : space == &kernel_space ? nothing_global : nothing);
	if (has_value("replace", "indexed")) {
		u32 index;

		tlb_draw ^= tlb_draw << 13;
		tlb_draw ^= tlb_draw >> 17;
		tlb_draw ^= tlb_draw << 5;
		index = tlb_draw & tlb_index_mask;
		write_index(index < read_wired() ? index ^ tlb_index_mask : index);
		tlbwi();
	} else
		tlbwr();
	return frame;
}
