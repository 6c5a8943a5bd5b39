// Loads and stores: unaligned ones over the edge of a page, linked ones, the dirty bit, the TLB instructions.
#include "test.h"
#include "trap.h"
#include "vm.h"

u32 load_word(const u32 *address);
u32 store_word(u32 *address, u32 value);
u32 linked(u32 *word, u32 value);
u32 linked_over_refill(u32 *word, const u32 *page);

struct unaligned { u32 word; } __attribute__((packed)); // lwl and lwr, swl and swr

static u32 noinline load_unaligned(const void *at) { return ((const struct unaligned *)at)->word; }
static void noinline store_unaligned(void *at, u32 value) { ((struct unaligned *)at)->word = value; }

static u32 word_of(const u8 *b)
{
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
	return (u32)b[3] << 24 | (u32)b[2] << 16 | (u32)b[1] << 8 | b[0];
}

// Three bytes on one page and one on the next, and so on; either page may have to be filled first.
void test_unaligned(void)
{
	for (u32 offset = 0; offset < 8; offset++) {
		u8 *page = heap_pages(2), *at = page + page_size - 4 + offset;

		check("zeros", load_unaligned(at), 0);
		for (u32 i = 0; i < 4; i++)
			at[i] = (u8)(0x11 * (i + 1) + offset);
		check("load", load_unaligned(at), word_of(at));
		heap_free(page, 2);
		page = heap_pages(2);
		at = page + page_size - 4 + offset;
		store_unaligned(at, 0x01020304 + offset);
		check("store", word_of(at), 0x01020304 + offset);
		check("byte before", at[-1], 0);
		check("byte behind", at[4], 0);
		heap_free(page, 2);
	}
}

void test_linked(void)
{
	u32 word = 5, *page = heap_pages(1);

	check("sc says", linked(&word, 6), 1);
	check("stored", word, 6);
	check("sc after an exception says", linked_over_refill(&word, page), 0);
	check("not stored", word, 6);
	store_word(page, 1);
	check("mapped: sc says", linked(page, 7), 1);
	check("mapped: stored", *page, 7);
	heap_free(page, 1);
}

// A page is clean until the first store to it, which is an exception of its own.
void test_dirty(void)
{
	u32 *pages = heap_pages(8), before = dirtied;

	for (u32 i = 0; i < 8; i++)
		check("zeros", load_word(pages + i * page_size / 4), 0);
	check("all clean", dirtied, before);
	for (u32 turn = 0; turn < 2; turn++)
		for (u32 i = 0; i < 8; i++) {
			store_word(pages + i * page_size / 4, i);
			check("stored", load_word(pages + i * page_size / 4), i);
		}
	check("each dirtied once", dirtied, before + 8);
	heap_free(pages, 8);
}

// More pages than the TLB has entries, in a random order.
void test_refills(void)
{
	u32 n = 4 * tlb_entries, *pages = heap_pages(n), random = 1;

	for (u32 i = 0; i < n; i++)
		store_word(pages + i * page_size / 4, i);
	for (u32 i = 0; i < 20000; i++) {
		u32 page;

		random = random * 1664525 + 1013904223;
		page = (random >> 16) % n;
		check("its own word", load_word(pages + page * page_size / 4), page);
	}
	heap_free(pages, n);
}

void test_tlb_instructions(void)
{
	u32 va = 0xe9000000, lo = (2 * page_size) >> 6 | ENTRYLO_C | ENTRYLO_V | ENTRYLO_D;

	for (u32 index = 0; index < tlb_entries; index++) {
		u32 hi, lo0, lo1, pagemask;

		write_wired(index + 1 < tlb_entries ? index + 1 : 0); // refills leave it alone
		tlb_write_indexed(index, va | 5, lo, lo | page_size >> 6, page_mask_register);
		tlb_read(index, &hi, &lo0, &lo1, &pagemask);
		check("tlbr: EntryHi", hi, va | 5);
		check("tlbr: EntryLo0", lo0, lo);
		check("tlbr: EntryLo1", lo1, lo | page_size >> 6);
		check("tlbr: PageMask", pagemask, page_mask_register);
		check("tlbp finds it", (u32)tlb_probe(va | 5), index);
		check("tlbp with another ASID does not", (u32)tlb_probe(va | 6) & INDEX_P, INDEX_P);
		tlb_drop(index);
		check("tlbp after it was overwritten does not", (u32)tlb_probe(va | 5) & INDEX_P, INDEX_P);
		if (index >= tlb_entries / 2)
			break; // the rest is for the code that runs
	}
	write_wired(tlb_entries / 2);
	for (u32 i = 0; i < 100; i++)
		check("Random is not below Wired", read_random() >= tlb_entries / 2 && read_random() < tlb_entries, 1);
	write_wired(0);
}

// Entries of other sizes than the page table's, made from constants.
void test_page_sizes(void)
{
	static const struct {
		u32 mask, size;
	} sizes[] = {
		{ PAGEMASK_4K, 0x1000 }, { PAGEMASK_16K, 0x4000 }, { PAGEMASK_64K, 0x10000 }, { PAGEMASK_1M, 0x100000 },
	};

	write_wired(1); // refills leave entry 0 alone
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 size = sizes[i].size, va = 0xe8000000;
		u32 lo = (2 * size) >> 6 | ENTRYLO_C | ENTRYLO_V | ENTRYLO_G; // physical 2 * size and 3 * size
		struct fault fault = { 0 };

		tlb_write_indexed(0, va, lo, lo + (size >> 6), sizes[i].mask);
		check("even page", load_word((u32 *)(va + size - 4)), *(u32 *)kseg0(3 * size - 4));
		check("odd page", load_word((u32 *)(va + 2 * size - 4)), *(u32 *)kseg0(4 * size - 4));
		check("read-only", guarded_call(store_word, va, 0, &fault), 1);
		check("read-only", fault.code, EXC_MOD);
		check("beyond", guarded_call(load_word, va + 2 * size, 0, &fault), 1);
		check("beyond", fault.code, EXC_TLBL);
		tlb_drop(0);
		check("gone", guarded_call(load_word, va, 0, &fault), 1);
	}
	write_wired(0);
}
