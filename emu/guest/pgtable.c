// The kernel's page table (include/pgtable.h).
#include "pgtable.h"
#include "boot.h"
#include "mipsregs.h"
#include "string.h"

#define PTRS_PER_PTE (PAGE_SIZE / sizeof(pte_t))

u32 page_shift;
u32 page_kernel;
u32 swapper_pg_dir[1024] __attribute__((aligned(4096)));
u32 *pgd_current;
pte_t invalid_pte_table[4096] __attribute__((aligned(16384)));
// For the topmost pgd slot: Linux has a PTE page there from boot on, for its fixed mappings.
static pte_t top_pte_table[4096] __attribute__((aligned(16384)));

static u32 pgdir_shift(void)
{
	return 2 * page_shift - 2;
}

static u32 *pgd_slot(u32 va)
{
	return &swapper_pg_dir[va >> pgdir_shift()];
}

void paging_init(void)
{
	u32 slots;

	page_shift = boot_params.page_shift;
	slots = 1u << (32 - pgdir_shift());
	for (u32 i = 0; i < slots; i++)
		swapper_pg_dir[i] = (u32)invalid_pte_table;
	swapper_pg_dir[slots - 1] = (u32)top_pte_table;
	pgd_current = swapper_pg_dir;
	page_kernel = _PAGE_PRESENT | _PAGE_WRITE | _PAGE_ACCESSED | _PAGE_MODIFIED | _PAGE_GLOBAL | _PAGE_VALID |
		      _PAGE_DIRTY | (read_c0_config() & 7) << _CACHE_SHIFT;
}

pte_t *lookup_pte(u32 va)
{
	u32 table = *pgd_slot(va);

	if (table == (u32)invalid_pte_table)
		return NULL;
	return (pte_t *)table + ((va >> page_shift) & (PTRS_PER_PTE - 1));
}

void pgd_populate(u32 va, pte_t *table)
{
	memset(table, 0, PAGE_SIZE);
	*pgd_slot(va) = (u32)table;
}

static pte_t *buddy_of(pte_t *ptep)
{
	return (pte_t *)((u32)ptep ^ sizeof(pte_t));
}

void set_pte(pte_t *ptep, pte_t pteval)
{
	*ptep = pteval;
	if ((pteval & _PAGE_GLOBAL) && *buddy_of(ptep) == 0)
		*buddy_of(ptep) = _PAGE_GLOBAL;
}

void pte_clear(pte_t *ptep)
{
	set_pte(ptep, *buddy_of(ptep) & _PAGE_GLOBAL);
}

int vmap_pages_range(u32 va, u32 nr_pages, const u32 *pfns)
{
	for (u32 i = 0; i < nr_pages; i++, va += PAGE_SIZE) {
		pte_t *ptep = lookup_pte(va);

		if (!ptep)
			return -1;
		set_pte(ptep, pfns[i] << page_shift | page_kernel);
	}
	return 0;
}

void vunmap_range(u32 va, u32 nr_pages)
{
	for (; nr_pages; nr_pages--, va += PAGE_SIZE) {
		pte_t *ptep = lookup_pte(va);

		if (ptep)
			pte_clear(ptep);
	}
}

u32 read_pte(u32 va)
{
	pte_t *ptep = lookup_pte(va);

	return ptep ? *ptep : 0;
}
