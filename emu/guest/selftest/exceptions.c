// Every exception class, in and out of delay slots: ExcCode, EPC, BD and BadVAddr. Then faults inside handlers.
#include "selftest.h"
#include "../include/addrspace.h"
#include "../include/console.h"
#include "../include/doorbell.h"
#include "../include/mipsregs.h"
#include "../include/pgtable.h"
#include "../include/ptrace.h"
#include "../include/tlb.h"

#define DECLARE(name)                                                                \
	extern u32 trap_##name(u32), slot_##name(u32);                               \
	extern char trap_##name##_epc[], trap_##name##_resume[], slot_##name##_epc[], slot_##name##_resume[];
DECLARE(lw)
DECLARE(sw)
DECLARE(lb)
DECLARE(sh)
DECLARE(syscall)
DECLARE(break)
DECLARE(reserved)
DECLARE(cop1)
DECLARE(overflow)
DECLARE(teq)
extern u32 slot_jr(u32), slot_untaken(u32), trap_jump(u32);
extern char slot_jr_epc[], slot_jr_resume[], slot_untaken_epc[], slot_untaken_resume[], trap_jump_resume[];
extern char nested_handler[], nested_handler_load[];

#define UNMAPPED   (VA_LOW + 0x3ff004) // a pgd slot with PTEs, the PTE empty
#define NO_PTES    0xd0000010          // a pgd slot without PTEs
#define ALIGNED    0x80100000
#define READ_ONLY  (VA_LOW + 0x100000)
#define NO_ADDRESS 0xffffffff

static void check_trap(u32 (*fn)(u32), u32 argument, const char *resume, u32 exccode, const char *epc, u32 bd, u32 badvaddr)
{
	expect_trap((u32)resume);
	fn(argument);
	CHECK_EQ(trap.count, 1);
	CHECK_EQ(TRAP_EXCCODE, exccode);
	CHECK_EQ(trap.epc, epc);
	CHECK_EQ(TRAP_BD, bd);
	if (badvaddr != NO_ADDRESS)
		CHECK_EQ(trap.badvaddr, badvaddr);
	expect_no_trap();
}

#define BOTH(name, argument, exccode, badvaddr)                                                                 \
	do {                                                                                                    \
		check_trap(trap_##name, argument, trap_##name##_resume, exccode, trap_##name##_epc, 0, badvaddr); \
		check_trap(slot_##name, argument, slot_##name##_resume, exccode, slot_##name##_epc, 1, badvaddr); \
	} while (0)

static void check_fetch(u32 address, u32 exccode)
{
	check_trap(trap_jump, address, trap_jump_resume, exccode, (const char *)address, 0, address);
}

void test_exceptions(void)
{
	u32 pfn = pool_pfn(8);

	local_flush_tlb_all();
	BOTH(lw, ALIGNED + 1, EXCCODE_ADEL, ALIGNED + 1);
	BOTH(lw, UNMAPPED + 2, EXCCODE_ADEL, UNMAPPED + 2);
	BOTH(sw, ALIGNED + 2, EXCCODE_ADES, ALIGNED + 2);
	BOTH(sh, ALIGNED + 3, EXCCODE_ADES, ALIGNED + 3);
	for (int warm = 0; warm < 2; warm++) { // first a TLB miss, then an invalid entry
		BOTH(lw, UNMAPPED, EXCCODE_TLBL, UNMAPPED);
		BOTH(lb, UNMAPPED + 3, EXCCODE_TLBL, UNMAPPED + 3);
		BOTH(sw, UNMAPPED + 0x10000, EXCCODE_TLBS, UNMAPPED + 0x10000);
		BOTH(lw, NO_PTES, EXCCODE_TLBL, NO_PTES);
		BOTH(sw, NO_PTES, EXCCODE_TLBS, NO_PTES);
		BOTH(lw, 4, EXCCODE_TLBL, 4);
		BOTH(sw, 0, EXCCODE_TLBS, 0);
		BOTH(lw, 0xfffffffc, EXCCODE_TLBL, 0xfffffffc);
	}
	vmap_pages_range(READ_ONLY, 1, &pfn);
	set_pte(lookup_pte(READ_ONLY), *lookup_pte(READ_ONLY) & ~(_PAGE_WRITE | _PAGE_DIRTY | _PAGE_MODIFIED));
	BOTH(sw, READ_ONLY + 8, EXCCODE_MOD, READ_ONLY + 8);
	BOTH(sh, READ_ONLY + 10, EXCCODE_MOD, READ_ONLY + 10);
	check_trap(slot_jr, UNMAPPED, slot_jr_resume, EXCCODE_TLBL, slot_jr_epc, 1, UNMAPPED);
	check_trap(slot_untaken, UNMAPPED, slot_untaken_resume, EXCCODE_TLBS, slot_untaken_epc, 1, UNMAPPED);
	check_trap(slot_jr, ALIGNED + 1, slot_jr_resume, EXCCODE_ADEL, slot_jr_epc, 1, ALIGNED + 1);

	BOTH(syscall, 0, EXCCODE_SYS, NO_ADDRESS);
	BOTH(break, 0, EXCCODE_BP, NO_ADDRESS);
	BOTH(reserved, 0, EXCCODE_RI, NO_ADDRESS);
	BOTH(cop1, 0, EXCCODE_CPU, NO_ADDRESS);
	BOTH(overflow, 0x7fffffff, EXCCODE_OV, NO_ADDRESS);
	BOTH(teq, 0, EXCCODE_TR, NO_ADDRESS);

	check_fetch(0, EXCCODE_TLBL);
	check_fetch(0, EXCCODE_TLBL);
	check_fetch(NO_PTES & ~15, EXCCODE_TLBL);
	check_fetch(UNMAPPED, EXCCODE_TLBL);
	check_fetch(ALIGNED + 2, EXCCODE_ADEL);

	vunmap_range(READ_ONLY, 1);
	local_flush_tlb_all();
}

static u32 inner_count;

// Faults twice inside the handling of a break: first a load settled by the refill handler, then one that is not.
static int faulting_hook(struct pt_regs *regs)
{
	struct pt_regs *volatile outer = regs;
	u32 value;

	if (((regs->cp0_cause >> 2) & 31) != EXCCODE_BP) {
		inner_count++;
		CHECK_EQ((regs->cp0_cause >> 2) & 31, EXCCODE_TLBL);
		CHECK_EQ(regs->cp0_badvaddr, UNMAPPED);
		CHECK_EQ(regs->cp0_epc, (u32)try_load_resume - 4);
		regs->cp0_epc = (u32)try_load_resume;
		return 1;
	}
	value = try_load(VA_LOW + 0x200000);
	CHECK_EQ(value, 0x12345678);
	CHECK_EQ(inner_count, 0);
	try_load(UNMAPPED);
	CHECK_EQ(inner_count, 1);
	CHECK_EQ(outer->cp0_epc, (u32)trap_break_epc);
	outer->cp0_epc = (u32)trap_break_resume;
	return 1;
}

void test_nested(void)
{
	int (*hook)(struct pt_regs *) = exception_hook;
	u32 handler = exception_handlers[EXCCODE_SYS];
	u32 pfn = pool_pfn(9);

	*pool_page(9) = 0x12345678;
	vmap_pages_range(VA_LOW + 0x200000, 1, &pfn);
	local_flush_tlb_all();
	inner_count = 0;
	exception_hook = faulting_hook;
	trap_break(0);
	exception_hook = hook;
	CHECK_EQ(inner_count, 1);

	// A miss while EXL is set: the general vector, EPC still the syscall's, BadVAddr and ExcCode the load's.
	exception_handlers[EXCCODE_SYS] = (u32)nested_handler;
	expect_trap((u32)trap_syscall_resume);
	asm volatile("move $v1, %0\n\tjal trap_syscall" : : "r"(NO_PTES) : "v0", "v1", "ra", "memory");
	CHECK_EQ(trap.count, 1);
	CHECK_EQ(TRAP_EXCCODE, EXCCODE_TLBL);
	CHECK_EQ(trap.badvaddr, NO_PTES);
	CHECK_EQ(trap.epc, (u32)trap_syscall_epc);
	expect_no_trap();
	exception_handlers[EXCCODE_SYS] = handler;
	vunmap_range(VA_LOW + 0x200000, 1);
	local_flush_tlb_all();
}
