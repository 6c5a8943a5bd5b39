// The TLB and the page table: refills, pairs, protection, flushes, stale entries, how many entries there are.
#include "selftest.h"
#include "../include/addrspace.h"
#include "../include/boot.h"
#include "../include/console.h"
#include "../include/mipsregs.h"
#include "../include/pgtable.h"
#include "../include/string.h"
#include "../include/tlb.h"

#define PAGES 300
#define QEMU_TLB_MAX 128
#define FIRST 16 // pool pages below are other tests'
static u32 pfns[PAGES];

static u32 page_va(u32 n)
{
	return VA_LOW + (n << page_shift);
}

// Maps VA_LOW's page n to the pool page PAGES - 1 - n, so that neighbours in one are not neighbours in the other.
static void map_all(void)
{
	for (u32 i = 0; i < PAGES; i++)
		pfns[i] = pool_pfn(FIRST + PAGES - 1 - i);
	CHECK_EQ(vmap_pages_range(VA_LOW, PAGES, pfns), 0);
	local_flush_tlb_all();
}

static void unmap_all(void)
{
	vunmap_range(VA_LOW, PAGES);
	local_flush_tlb_all();
}

void test_refill(void)
{
	map_all();
	for (u32 i = 0; i < PAGES; i++) {
		u32 offset = (i * 68) & (PAGE_SIZE - 4);

		writel(0xa5000000 + i, page_va(i) + offset);
	}
	for (u32 i = 0; i < PAGES; i++) {
		u32 offset = (i * 68) & (PAGE_SIZE - 4);
		volatile u32 *page = pool_page(FIRST + PAGES - 1 - i);

		CHECK_EQ(page[offset / 4], 0xa5000000 + i);
		page[offset / 4] = ~i;
	}
	for (u32 i = 0; i < PAGES; i++)
		CHECK_EQ(readl(page_va(i) + ((i * 68) & (PAGE_SIZE - 4))), ~i);
	// A block over many pages, all at once.
	memset((void *)page_va(3), 0x3c, 40 * PAGE_SIZE);
	for (u32 i = 3; i < 43; i++)
		CHECK_EQ(pool_page(FIRST + PAGES - 1 - i)[PAGE_SIZE / 4 - 1], 0x3c3c3c3c);
	CHECK(pool_page(FIRST + PAGES - 1 - 43)[0] != 0x3c3c3c3c);
	unmap_all();
}

void test_pairs(void)
{
	u32 even = VA_TOP, odd = VA_TOP + PAGE_SIZE, pfn = pool_pfn(4);

	local_flush_tlb_all();
	CHECK_EQ(read_pte(even), 0);
	// Only the even page: the odd half is empty but global, so that the pair's entry is.
	vmap_pages_range(even, 1, &pfn);
	CHECK_EQ(read_pte(odd), _PAGE_GLOBAL);
	writel(0x11112222, even);
	CHECK_EQ(*pool_page(4), 0x11112222);
	expect_trap((u32)try_store_resume);
	try_store(odd, 1);
	CHECK_EQ(trap.count, 1);
	CHECK_EQ(TRAP_EXCCODE, EXCCODE_TLBS);
	CHECK_EQ(trap.badvaddr, odd);
	expect_no_trap();
	// The entry with the invalid half stays in the TLB: the invalid handler mends it, no flush needed.
	pfn = pool_pfn(5);
	vmap_pages_range(odd, 1, &pfn);
	writel(0x33334444, odd + 4);
	CHECK_EQ(pool_page(5)[1], 0x33334444);
	// Clearing one keeps it global as long as the other is; clearing both as well (Linux never takes it back).
	vunmap_range(even, 1);
	CHECK_EQ(read_pte(even), _PAGE_GLOBAL);
	CHECK_EQ(read_pte(odd) & (_PAGE_PRESENT | _PAGE_GLOBAL), _PAGE_PRESENT | _PAGE_GLOBAL);
	vunmap_range(odd, 1);
	CHECK_EQ(read_pte(odd), _PAGE_GLOBAL);
	local_flush_tlb_kernel_range(even, even + 2 * PAGE_SIZE);
	// Global entries do not look at the ASID.
	vmap_pages_range(odd, 1, &pfn);
	CHECK_EQ(readl(odd + 4), 0x33334444);
	write_c0_entryhi(0x55);
	ehb();
	CHECK(reachable(odd));
	write_c0_entryhi(0);
	ehb();
	vunmap_range(odd, 1);
	local_flush_tlb_all();
}

void test_write_protection(void)
{
	u32 va = VA_TOP + 8 * PAGE_SIZE, pfn = pool_pfn(6);
	u32 clean;

	// Writable but clean: the modified handler sets the dirty bits and nobody else hears of it.
	vmap_pages_range(va, 1, &pfn);
	clean = read_pte(va) & ~(_PAGE_DIRTY | _PAGE_MODIFIED);
	set_pte(lookup_pte(va), clean);
	readl(va);
	writel(1, va);
	CHECK_EQ(read_pte(va), clean | _PAGE_DIRTY | _PAGE_MODIFIED);
	// Present but old (not valid): the load handler makes it young.
	set_pte(lookup_pte(va), clean & ~(_PAGE_VALID | _PAGE_ACCESSED));
	local_flush_tlb_all();
	readl(va);
	CHECK_EQ(read_pte(va), clean);
	// Old and clean: one store sets all.
	set_pte(lookup_pte(va), clean & ~(_PAGE_VALID | _PAGE_ACCESSED));
	local_flush_tlb_all();
	writel(2, va);
	CHECK_EQ(read_pte(va), clean | _PAGE_DIRTY | _PAGE_MODIFIED);
	CHECK_EQ(*pool_page(6), 2);
	vunmap_range(va, 1);
	local_flush_tlb_all();
}

static u32 reachable_pairs(u32 first, u32 n)
{
	u32 hits = 0;

	for (u32 i = first; i < first + n; i++)
		hits += reachable(page_va(2 * i));
	return hits;
}

static void fill_tlb(u32 pairs)
{
	local_flush_tlb_all();
	for (u32 i = 0; i < pairs; i++)
		tlb_write_at(i, page_va(2 * i));
}

void test_flush_range(void)
{
	u32 half = tlb_size / 2;

	map_all();
	fill_tlb(tlb_size);
	CHECK_EQ(reachable_pairs(0, tlb_size), tlb_size);
	// One page: its pair and no other.
	local_flush_tlb_kernel_range(page_va(7), page_va(8));
	CHECK(!reachable(page_va(6)));
	CHECK(!reachable(page_va(7)));
	CHECK_EQ(reachable_pairs(0, tlb_size), tlb_size - 1);
	// A range that starts in an odd page and ends in an even one: both pairs go whole.
	fill_tlb(tlb_size);
	local_flush_tlb_kernel_range(page_va(3), page_va(5));
	CHECK_EQ(reachable_pairs(0, 4), 2);
	CHECK(reachable(page_va(0)) && reachable(page_va(6)));
	// As many pairs as half the TLB: still pair by pair. One more: everything.
	fill_tlb(tlb_size);
	local_flush_tlb_kernel_range(page_va(0), page_va(2 * half));
	CHECK_EQ(reachable_pairs(0, tlb_size), half);
	fill_tlb(tlb_size);
	local_flush_tlb_kernel_range(page_va(0), page_va(2 * half + 2));
	CHECK_EQ(reachable_pairs(0, tlb_size), 0);
	// Addresses that are not in the TLB harm nothing that was written with tlbwi.
	fill_tlb(tlb_size);
	local_flush_tlb_kernel_range(page_va(2 * tlb_size), page_va(2 * tlb_size + 4));
	CHECK_EQ(reachable_pairs(0, tlb_size), tlb_size);
	local_flush_tlb_one(page_va(11));
	CHECK_EQ(reachable_pairs(0, tlb_size), tlb_size - 1);
	unmap_all();
}

// The bug this project is about, in one page: a translation outlives its PTE.
void test_stale(void)
{
	u32 va = VA_TOP + 0xb0000, old_pfn = pool_pfn(10), new_pfn = pool_pfn(11);
	volatile u32 *old_page = pool_page(10), *new_page = pool_page(11);

	local_flush_tlb_all();
	vmap_pages_range(va, 1, &old_pfn);
	writel(0x11111111, va + 0x20);
	CHECK_EQ(old_page[8], 0x11111111);
	// Clear the PTE, give the page to somebody else, do not flush.
	vunmap_range(va, 1);
	old_page[8] = 0x5a5a5a5a;
	new_page[8] = 0x77777777;
	writel(0xdeadc0de, va + 0x20);
	CHECK_EQ(old_page[8], 0xdeadc0de);
	// Populate the address again: the store still lands in the old page.
	vmap_pages_range(va, 1, &new_pfn);
	writel(0, va + 0x20);
	CHECK_EQ(old_page[8], 0);
	CHECK_EQ(new_page[8], 0x77777777);
	CHECK_EQ(readl(va + 0x20), 0);
	// Flushed, it reaches the new one.
	local_flush_tlb_kernel_range(va, va + PAGE_SIZE);
	CHECK_EQ(readl(va + 0x20), 0x77777777);
	writel(0x22222222, va + 0x20);
	CHECK_EQ(new_page[8], 0x22222222);
	CHECK_EQ(old_page[8], 0);
	// Unmapped and flushed, it faults.
	vunmap_range(va, 1);
	local_flush_tlb_kernel_range(va, va + PAGE_SIZE);
	expect_trap((u32)try_store_resume);
	try_store(va + 0x20, 0x33333333);
	CHECK_EQ(trap.count, 1);
	CHECK_EQ(TRAP_EXCCODE, EXCCODE_TLBS);
	CHECK_EQ(trap.badvaddr, va + 0x20);
	expect_no_trap();
	CHECK_EQ(new_page[8], 0x22222222);
	local_flush_tlb_all();
}

// qemu: an entry that tlbwr replaces stays usable as a shadow, up to 128 entries in all, so 100 pairs refilled (64 on the
// P5600) are as many reachable. hardware: as many as the TLB has entries.
void test_capacity(void)
{
	map_all();
	if (boot_params.tlb_mode == TLB_QEMU) {
		u32 pairs = tlb_size == 16 ? 100 : QEMU_TLB_MAX - tlb_size;

		for (u32 i = 0; i < pairs; i++)
			readl(page_va(2 * i));
		CHECK_EQ(reachable_pairs(0, pairs), pairs);
		CHECK(reachable(page_va(2 * pairs - 1)));
	} else {
		// Some index may not have been drawn yet: go on until each must have been.
		for (u32 round = 0; round < 40; round++)
			for (u32 i = 0; i < 100; i++)
				readl(page_va(2 * i));
		CHECK_EQ(reachable_pairs(0, 100), tlb_size);
	}
	// What the guest can see is the TLB's size in either mode.
	{
		u32 visible = 0;

		for (u32 i = 0; i < 100; i++)
			visible += tlb_probe(page_va(2 * i)) >= 0;
		if (boot_params.tlb_mode == TLB_HARDWARE)
			CHECK_EQ(visible, tlb_size);
		else
			CHECK(visible > 0 && visible <= tlb_size);
	}
	unmap_all();
	CHECK_EQ(reachable_pairs(0, 100), 0);
}
