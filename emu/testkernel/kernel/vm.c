// Page faults: pages that appear when touched, dirty pages, pages that are copied when written to.
#include "kernel.h"
#include "process.h"
#include "vm.h"

u32 pages_in, dirtied, copied;

static const struct region heap = { HEAP_START, HEAP_END, PTE_W, 0 };
static u32 heap_next = HEAP_START, vmap_next = VMAP_START;

static const struct region *find_region(u32 va)
{
	if ((s32)va < 0)
		return va >= heap.start && va < heap.end ? &heap : NULL;
	if (!current)
		return NULL;
	for (u32 i = 0; i < ARRAY_SIZE(current->regions); i++)
		if (va >= current->regions[i].start && va < current->regions[i].end)
			return &current->regions[i];
	return NULL;
}

static void page_in(u32 *pte, u32 va, const struct region *region, bool store)
{
	u32 frame = frame_alloc();
	u32 global = (s32)va < 0 ? PTE_G : 0;

	va &= ~(page_size - 1);
	if (region->source)
		memcpy(kseg0(frame), kseg0(region->source + (va - region->start)), page_size);
	else
		memset(kseg0(frame), 0, page_size);
	// Clean until it is written to: the first store raises TLB modified.
	*pte = make_pte(frame, PTE_V | PTE_OWN | global | region->flags | (store ? PTE_D : 0));
	pages_in++;
}

// Shared since a fork: the last owner keeps the page, the others get a copy, and the entry of the old frame has to go.
static void copy_page(struct space *space, u32 va, u32 *pte)
{
	u32 old = pte_pa(*pte);

	if (frame_owners(old) == 1) {
		*pte = (*pte & ~PTE_COW) | PTE_W | PTE_D;
		return;
	}
	*pte = make_pte(frame_alloc(), PTE_V | PTE_OWN | PTE_W | PTE_D);
	memcpy(kseg0(pte_pa(*pte)), kseg0(old), page_size);
	tlb_flush_page(space, va);
	frame_free(old);
	copied++;
}

bool page_fault(u32 va, u32 code)
{
	struct space *space = (s32)va < 0 ? &kernel_space : current_space;
	bool store = code != EXC_TLBL;
	u32 *pte = space ? pte_lookup(space, va) : NULL;

	if (!space)
		return false;
	if (!pte || !(*pte & PTE_V)) {
		const struct region *region = find_region(va);

		if (!region || (store && !(region->flags & PTE_W)))
			return false;
		page_in(pte_create(space, va), va, region, store);
	} else if (store && !(*pte & PTE_D)) {
		if (*pte & PTE_COW)
			copy_page(space, va, pte);
		else if (*pte & PTE_W) {
			*pte |= PTE_D;
			dirtied++;
		} else
			return false;
	}
	tlb_update(space, va);
	return true;
}

// Pairs begin at even pages: two blocks never share an entry, so flushing one says nothing about another.
static void *reserve(u32 *next, u32 pages, u32 end)
{
	void *start = (void *)*next;

	*next += ((pages + 1) & ~1u) * page_size;
	if (*next > end)
		panic("out of kseg2 addresses", NULL);
	return start;
}

void *heap_pages(u32 pages) { return reserve(&heap_next, pages, HEAP_END); }
void *vmap_pages(u32 pages) { return reserve(&vmap_next, pages, VMAP_END); }

void vmap(void *page, u32 frame, u32 flags)
{
	*pte_create(&kernel_space, (u32)page) = make_pte(frame, PTE_V | PTE_G | PTE_OWN | flags);
}

void vunmap(void *start, u32 pages)
{
	for (u32 i = 0; i < pages; i++) {
		u32 va = (u32)start + i * page_size;
		u32 *pte = pte_lookup(&kernel_space, va);
		u32 old = pte ? *pte : 0;

		if (!(old & PTE_V))
			continue;
		*pte = PTE_G;
		tlb_flush_page(&kernel_space, va);
		frame_free(pte_pa(old));
	}
}

void heap_free(void *start, u32 pages) { vunmap(start, pages); }
