// Page tables and ASIDs. In unmapped memory, as everything that works on the TLB.
#include "kernel.h"
#include "mmu.h"

#define ROOT_BYTES 4096
#define TABLE_ENTRIES 1024

u32 page_shift, page_size, page_mask_register, tlb_entries;
struct space kernel_space, *current_space;
bool linear, table_flushes = true;

static u32 empty_table[TABLE_ENTRIES] __attribute__((aligned(4096))), empty_kernel_table[TABLE_ENTRIES];
static u32 *no_user_root[1024];
static u32 generation, next_asid;
u32 asid_limit, asid_generations;
bool asid_reuse_flushes = true; // false: a planted fault

static u32 root_index(u32 va) { return va >> (page_shift + 10); }
static u32 table_index(u32 va) { return va >> page_shift & (TABLE_ENTRIES - 1); }

static void root_init(struct space *space, u32 **root, u32 *empty)
{
	space->root = root;
	for (u32 i = 0; i < ROOT_BYTES / 4; i++)
		root[i] = empty;
	space->generation = 0;
}

void mmu_init(void)
{
	static u32 *kernel_root[1024];

	if (has_value("page", "16k")) {
		page_shift = 14;
		page_mask_register = PAGEMASK_16K;
	} else
		page_shift = 12;
	page_size = 1 << page_shift;
	linear = has_value("walk", "linear");
	if (linear && page_shift != 12)
		panic("walk=linear takes pages of 4 KB", NULL);
	write_c0(4, 0, CONTEXT_BASE);
	tlb_entries = (read_config1() >> 25 & 0x3f) + 1;
	frames_init();
	// Both halves of a pair have to be global, or neither is.
	for (u32 i = 0; i < TABLE_ENTRIES; i++)
		empty_kernel_table[i] = PTE_G;
	root_init(&kernel_space, kernel_root, empty_kernel_table);
	page_roots[1] = (u32 *)kernel_root;
	for (u32 i = 0; i < ARRAY_SIZE(no_user_root); i++)
		no_user_root[i] = empty_table;
	asid_limit = number_option("asids", MAX_ASID);
	if (asid_limit < 1 || asid_limit > MAX_ASID)
		asid_limit = MAX_ASID;
	generation = 1;
	next_asid = 1;
	write_wired(0);
	write_pagemask(page_mask_register);
	tlb_flush_all();
	space_switch(NULL);
}

void space_init(struct space *space)
{
	root_init(space, kseg0(frame_alloc()), empty_table);
}

u32 *pte_lookup(struct space *space, u32 va)
{
	u32 *table = space->root[root_index(va)];

	return table == empty_table || table == empty_kernel_table ? NULL : &table[table_index(va)];
}

u32 *pte_create(struct space *space, u32 va)
{
	u32 **slot = &space->root[root_index(va)];

	if (*slot == empty_table || *slot == empty_kernel_table) {
		u32 *table = kseg0(frame_alloc());

		memcpy(table, *slot, TABLE_ENTRIES * 4);
		*slot = table;
		// The window shows the empty table where this one is now.
		if (linear && space != &kernel_space && table_flushes)
			tlb_flush_page(space, PTE_WINDOW + root_index(va) * 4096);
	}
	return &(*slot)[table_index(va)];
}

void space_destroy(struct space *space)
{
	if (current_space == space)
		space_switch(NULL);
	for (u32 i = 0; i < ROOT_BYTES / 4; i++) {
		u32 *table = space->root[i];

		if (table == empty_table)
			continue;
		for (u32 j = 0; j < TABLE_ENTRIES; j++)
			if (table[j] & PTE_OWN)
				frame_free(pte_pa(table[j]));
		frame_free(phys(table));
	}
	frame_free(phys(space->root));
	space->root = NULL;
	space->generation = 0;
}

// An ASID is used once in a generation; when they are used up everything is flushed and all spaces get new ones.
void space_switch(struct space *space)
{
	u32 status = irq_save();

	current_space = space;
	if (!space) {
		page_roots[0] = (u32 *)no_user_root;
		write_entryhi(0); // no space has ASID 0
	} else {
		if (space->generation != generation) {
			if (next_asid > asid_limit) {
				generation++;
				asid_generations++;
				next_asid = 1;
				if (asid_reuse_flushes)
					tlb_flush_all();
			}
			space->asid = next_asid++;
			space->generation = generation;
		}
		page_roots[0] = (u32 *)space->root;
		write_entryhi(space->asid);
	}
	irq_restore(status);
}

bool space_has_asid(const struct space *space) { return space->generation == generation; }
