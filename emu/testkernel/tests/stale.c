// Translations that change: each test changes the page table the way kernels do, flushes, and finds the new state. With
// plant=NAME the flush (or what NAME says) is left out, and the access afterwards goes through a stale entry: what a
// translation checker has to report. Every entry is flushed at the end, so nothing else is stale.
#include "test.h"
#include "trap.h"
#include "vm.h"

u32 load_word(const u32 *address);           // code.S
u32 store_word(u32 *address, u32 value);
u32 call_code(const void *code);

#define OLD 0x0000aaaa
#define NEW 0x0000bbbb
#define PAGES 4
#define CROWD 400
#define USER_PAGE 0x10000000

static u32 frame_with(u32 value)
{
	u32 frame = frame_alloc();

	*(u32 *)kseg0(frame) = value;
	return frame;
}

static void plant_note(const char *what, const void *address, u32 value)
{
	printf("# planted: %s %08x gave %08x\n", what, (u32)address, value);
}

// Uses more pages than any TLB has entries, so that random replacement throws out what was there.
static void crowd_out(void)
{
	u32 *page = vmap_pages(CROWD);

	for (u32 i = 0; i < CROWD; i++) {
		vmap(page + i * page_size / 4, frame_with(i), 0);
		check("one of many pages", load_word(page + i * page_size / 4), i);
	}
	vunmap(page, CROWD);
}

// Pages move to other frames; `crowded`: others are used before they are used again.
static void remap(bool plant, bool crowded)
{
	u32 *page = vmap_pages(PAGES);
	u32 old[PAGES];

	for (u32 i = 0; i < PAGES; i++) {
		vmap(page + i * page_size / 4, old[i] = frame_with(OLD + i), PTE_W | PTE_D);
		check("before", load_word(page + i * page_size / 4), OLD + i);
	}
	for (u32 i = 0; i < PAGES; i++) {
		vmap(page + i * page_size / 4, frame_with(NEW + i), PTE_W | PTE_D);
		if (!plant)
			tlb_flush_page(&kernel_space, (u32)page + i * page_size);
	}
	if (crowded)
		crowd_out();
	for (u32 i = 0; i < PAGES; i++) {
		u32 *address = page + i * page_size / 4, value = load_word(address);

		if (plant)
			plant_note("load of", address, value);
		else
			check("after", value, NEW + i);
	}
	vunmap(page, PAGES);
	for (u32 i = 0; i < PAGES; i++)
		frame_free(old[i]);
}

void test_remap(void) { remap(planted("noflush"), false); }

// By chance the old translation is gone when the page is used again: random replacement has thrown it out.
void test_remap_crowded(void) { remap(planted("crowded"), true); }

// The page goes, its frame gets another owner.
void test_unmap(void)
{
	bool plant = planted("nofree");
	u32 *page = vmap_pages(1), *other = vmap_pages(1), frame = frame_with(OLD), reused;
	struct fault fault = { 0 };

	vmap(page, frame, PTE_W | PTE_D);
	check("before", load_word(page), OLD);
	*pte_lookup(&kernel_space, (u32)page) = PTE_G;
	if (!plant)
		tlb_flush_page(&kernel_space, (u32)page);
	frame_free(frame);
	reused = frame_with(NEW);
	vmap(other, reused, PTE_W | PTE_D);
	if (guarded_call(store_word, (u32)page, OLD, &fault))
		check("a page that is gone faults", fault.code, EXC_TLBS);
	else
		plant_note("store to a page that is gone; the new owner's", other, *(u32 *)kseg0(reused));
	check("the frame freed last is handed out first", reused, frame);
	check("the new owner's", load_word(other), plant ? OLD : NEW);
	check("did it fault", fault.code != 0, !plant);
	tlb_flush_page(&kernel_space, (u32)page);
	vunmap(other, 1);
}

// A range goes; the flush covers all of it, or not the last two pages.
void test_unmap_range(void)
{
	bool plant = planted("partial");
	u32 *page = vmap_pages(6), frames[6];

	for (u32 i = 0; i < 6; i++) {
		vmap(page + i * page_size / 4, frames[i] = frame_with(OLD + i), PTE_W | PTE_D);
		check("before", load_word(page + i * page_size / 4), OLD + i);
	}
	for (u32 i = 0; i < 6; i++)
		*pte_lookup(&kernel_space, (u32)page + i * page_size) = PTE_G;
	tlb_flush_range(&kernel_space, (u32)page, plant ? 4 : 6);
	for (u32 i = 6; i--;) { // the last ones first: the others' exceptions need TLB entries
		u32 *address = page + i * page_size / 4;
		struct fault fault = { 0 };

		if (guarded_call(load_word, (u32)address, 0, &fault))
			check("code", fault.code, EXC_TLBL);
		else
			plant_note("load of unmapped", address, OLD + i);
		check("did it fault", fault.code != 0, !plant || i < 4);
	}
	tlb_flush_range(&kernel_space, (u32)page, 6);
	for (u32 i = 0; i < 6; i++)
		frame_free(frames[i]);
}

// The page becomes read-only.
void test_protect(void)
{
	bool plant = planted("protect");
	u32 *page = vmap_pages(1);
	struct fault fault = { 0 };

	vmap(page, frame_with(OLD), PTE_W | PTE_D);
	store_word(page, NEW);
	*pte_lookup(&kernel_space, (u32)page) &= ~(PTE_W | PTE_D);
	if (!plant)
		tlb_flush_page(&kernel_space, (u32)page);
	if (guarded_call(store_word, (u32)page, OLD, &fault))
		check("a store to a read-only page", fault.code, EXC_MOD);
	else
		plant_note("store to read-only", page, load_word(page));
	check("did it fault", fault.code != 0, !plant);
	tlb_flush_page(&kernel_space, (u32)page);
	vunmap(page, 1);
}

static u32 frame_returning(u32 value)
{
	u32 frame = frame_alloc(), *code = kseg0(frame);

	code[0] = 0x03e00008;         // jr ra
	code[1] = 0x24020000 | value; // li v0, value
	asm volatile("synci 0(%0); sync" : : "r"(code) : "memory");
	return frame;
}

// Code moves to another frame.
void test_remap_code(void)
{
	bool plant = planted("exec");
	u32 *page = vmap_pages(1), old = frame_returning(1), value;

	vmap(page, old, 0);
	check("before", call_code(page), 1);
	vmap(page, frame_returning(2), 0);
	if (!plant)
		tlb_flush_page(&kernel_space, (u32)page);
	value = call_code(page);
	if (plant)
		plant_note("code at", page, value);
	else
		check("after", value, 2);
	vunmap(page, 1);
	frame_free(old);
}

// An address space ends and its ASID goes to the next one: not before everything was flushed.
void test_asid_reuse(void)
{
	extern u32 asid_limit;
	extern bool asid_reuse_flushes;
	u32 old_limit = asid_limit, *page = (u32 *)USER_PAGE, value, asid;
	struct space one, two;

	asid_limit = 1;
	space_init(&one);
	space_init(&two);
	*pte_create(&one, USER_PAGE) = make_pte(frame_with(OLD), PTE_V | PTE_W | PTE_D | PTE_OWN);
	*pte_create(&two, USER_PAGE) = make_pte(frame_with(NEW), PTE_V | PTE_W | PTE_D | PTE_OWN);
	space_switch(&one);
	check("the first space's", load_word(page), OLD);
	asid = one.asid;
	asid_reuse_flushes = !planted("asid");
	space_switch(&two);
	asid_reuse_flushes = true;
	check("the same ASID", two.asid, asid);
	value = load_word(page);
	if (planted("asid"))
		plant_note("load of", page, value);
	else
		check("the second space's", value, NEW);
	tlb_flush_all();
	space_switch(NULL);
	space_destroy(&one);
	space_destroy(&two);
	asid_limit = old_limit;
}

// A second entry for the same address: probing first, as one has to, or not. QEMU does not mind, real cores stop.
void test_second_entry(void)
{
	u32 *page = vmap_pages(1), hi = (u32)page, lo0, lo1;
	u32 status = irq_save();
	s32 index;

	vmap(page, frame_with(OLD), PTE_W | PTE_D);
	check("before", load_word(page), OLD);
	lo0 = entrylo(pte_lookup(&kernel_space, hi)[0]);
	lo1 = entrylo(pte_lookup(&kernel_space, hi)[1]);
	index = tlb_index(&kernel_space, hi);
	if (index >= 0) {
		if (planted("dup"))
			index = index + 1 < (s32)tlb_entries ? index + 1 : index - 1;
		tlb_write_indexed((u32)index, hi, lo0, lo1, page_mask_register);
		check("after", load_word(page), OLD);
		if (planted("dup"))
			plant_note("with two entries load of", page, OLD);
	}
	while (tlb_index(&kernel_space, hi) >= 0)
		tlb_flush_page(&kernel_space, hi);
	irq_restore(status);
	vunmap(page, 1);
}

// A wired entry is its own authority: it stays valid whatever becomes of the word that it was made from.
void test_wired(void)
{
	u32 *window = vmap_pages(2), frame = frame_with(OLD), word = make_pte(frame, PTE_V | PTE_D | PTE_G);
	volatile u32 *source = &word;

	write_wired(1);
	tlb_write_indexed(0, (u32)window, entrylo(*source), entrylo(PTE_G), page_mask_register);
	tlb_flush_all();
	check("survives a flush of all", load_word(window), OLD);
	if (planted("wired"))
		*source = 0;
	for (u32 i = 0; i < 4 * tlb_entries; i++) {
		u32 *page = heap_pages(1);

		check("a new page", load_word(page), 0);
		heap_free(page, 1);
	}
	check("survives refills", load_word(window), OLD);
	store_word(window, NEW);
	check("writable", *(u32 *)kseg0(frame), NEW);
	write_wired(0);
	tlb_flush_page(&kernel_space, (u32)window);
	frame_free(frame);
}

// Changes that need no flush: nobody may call them stale.
void test_no_flush_needed(void)
{
	u32 *page = vmap_pages(2), *pte, frame = frame_with(OLD);

	vmap(page, frame, PTE_W);
	pte = pte_lookup(&kernel_space, (u32)page);
	check("clean page", load_word(page), OLD);
	*pte |= PTE_COW; // software bits are not the TLB's business
	check("software bit set", load_word(page), OLD);
	*pte &= ~PTE_COW;
	check("software bit cleared", load_word(page), OLD);
	*pte = make_pte(frame + page_size, PTE_V | PTE_G); // elsewhere and back, not touched in between
	*pte = make_pte(frame, PTE_V | PTE_G | PTE_W | PTE_OWN);
	check("moved and moved back", load_word(page), OLD);
	store_word(page, NEW); // TLB modified: more permission, the entry is brought up to date
	check("dirty", (*pte & PTE_D) != 0, 1);
	check("after the store", load_word(page), NEW);
	// The neighbour's entry is there and invalid; the page becomes valid without a flush.
	vmap(page + page_size / 4, frame_with(OLD), PTE_W | PTE_D);
	check("the neighbour", load_word(page + page_size / 4), OLD);
	check("unchanged", load_word(page), NEW);
	vunmap(page, 2);
}

// The table moves: what the entries were made from is overwritten, and they are still right.
void test_moved_table(void)
{
	u32 *page = vmap_pages(2), va = (u32)page, *old, copy;

	if (!planted("moved")) {
		skip("only with plant=moved");
		return;
	}
	vmap(page, frame_with(OLD), PTE_W | PTE_D);
	check("before", load_word(page), OLD);
	old = pte_lookup(&kernel_space, va & ~(page_size * 1024 - 1));
	copy = frame_alloc();
	memcpy(kseg0(copy), old, 4096);
	kernel_space.root[va >> (page_shift + 10)] = kseg0(copy);
	frame_free(phys(old));
	check("after", load_word(page), OLD);
	store_word(page, NEW);
	vunmap(page, 2);
}
