// Runs the tests one after the other and counts the failures; the services they share.
#include "selftest.h"
#include "../include/addrspace.h"
#include "../include/boot.h"
#include "../include/console.h"
#include "../include/mipsregs.h"
#include "../include/pgtable.h"
#include "../include/ptrace.h"
#include "../include/string.h"
#include "../include/tlb.h"

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "library", test_library },
	{ "doorbell", test_doorbell },
	{ "threads", test_threads },
	{ "refill", test_refill },
	{ "pairs", test_pairs },
	{ "write-protection", test_write_protection },
	{ "exceptions", test_exceptions },
	{ "nested", test_nested },
	{ "flush-range", test_flush_range },
	{ "stale-translation", test_stale },
	{ "capacity", test_capacity },
};

static u32 failures, failed_tests;

void check_failed(const char *file, u32 line, const char *what, u32 got, u32 want)
{
	if (++failures <= 10)
		printk("     %s:%u: %s is %x, not %x\n", file, line, what, got, want);
}

u32 pool_pfn(u32 n)
{
	return (POOL_BASE >> page_shift) + n;
}

volatile u32 *pool_page(u32 n)
{
	return __va(pool_pfn(n) << page_shift);
}

struct trap_record trap;
static u32 trap_resume;

void expect_trap(u32 resume)
{
	trap.count = 0;
	trap_resume = resume;
}

void expect_no_trap(void)
{
	trap_resume = 0;
}

static int record_trap(struct pt_regs *regs)
{
	if (!trap_resume)
		return 0;
	trap.count++;
	trap.epc = regs->cp0_epc;
	trap.cause = regs->cp0_cause;
	trap.badvaddr = regs->cp0_badvaddr;
	regs->cp0_epc = trap_resume;
	return 1;
}

extern u32 probe_misses;
extern char probe_refill[], probe_refill_end[];

bool reachable(u32 va)
{
	u32 saved[64];

	memcpy(saved, (void *)KSEG0, sizeof(saved));
	set_refill_handler(probe_refill, probe_refill_end);
	probe_misses = 0;
	asm volatile("lw $zero, 0(%0)" : : "r"(va) : "memory");
	memcpy((void *)KSEG0, saved, sizeof(saved));
	return probe_misses == 0;
}

void tlb_write_at(u32 index, u32 va)
{
	u32 old_entryhi = read_c0_entryhi();
	pte_t *even = lookup_pte(va & (PAGE_MASK << 1));

	write_c0_entryhi(va & (PAGE_MASK << 1));
	write_c0_entrylo0(even[0] >> PTE_TO_ENTRYLO);
	write_c0_entrylo1(even[1] >> PTE_TO_ENTRYLO);
	write_c0_index(index);
	ehb();
	tlbwi();
	ehb();
	write_c0_entryhi(old_entryhi);
}

u32 selftest_main(void)
{
	exception_hook = record_trap;
	// Two pages of PTEs for VA_LOW's 8 MB (4 KB pages; one and a spare with 16 KB pages).
	pgd_populate(VA_LOW, (pte_t *)pool_page(0));
	if (page_shift == 12)
		pgd_populate(VA_LOW + (4 << 20), (pte_t *)pool_page(1));
	printk("selftest: PrId %08x, %u TLB entries, %u KB pages, %s TLB, %u MB RAM\n", read_c0_prid(), tlb_size,
	       PAGE_SIZE >> 10, boot_params.tlb_mode == TLB_HARDWARE ? "hardware" : "qemu", boot_params.memory >> 20);
	for (u32 i = 0; i < ARRAY_SIZE(tests); i++) {
		failures = 0;
		expect_no_trap();
		tests[i].run();
		printk("%s %s\n", failures ? "FAIL" : "ok  ", tests[i].name);
		if (failures)
			failed_tests++;
	}
	printk("selftest: %u of %u passed\n", (u32)ARRAY_SIZE(tests) - failed_tests, (u32)ARRAY_SIZE(tests));
	return failed_tests;
}
