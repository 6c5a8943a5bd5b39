// Exceptions: code, EPC, the delay slot bit, BadVAddr (snippets in faults.S); fetch faults; branches that run again.
#include "test.h"
#include "trap.h"
#include "vm.h"

#define BAD  0xe0001000 // nothing is ever mapped there
#define DATA ((u32)data) // aligned

#define NO_ADDRESS 0xffffffff // BadVAddr says nothing
#define NOTHING 99             // no exception: what the snippet returns

static u32 data[4];
const void *fault_snippet;
u32 fault_arguments(u32 a0, u32 a1);
u32 jump(u32 target);

#define FAULTS(fault, p)                                        \
	fault(p, load, EXC_TLBL, 0, BAD)                        \
	fault(p, load_byte, EXC_TLBL, 0, BAD + 3)               \
	fault(p, store, EXC_TLBS, 0, BAD + 4)                   \
	fault(p, store_byte, EXC_TLBS, 0, BAD)                  \
	fault(p, load_half_odd, EXC_ADEL, 0, DATA + 1)          \
	fault(p, load_odd, EXC_ADEL, 0, DATA + 2)               \
	fault(p, store_odd, EXC_ADES, 0, DATA + 3)              \
	fault(p, store_half_odd, EXC_ADES, 0, DATA + 1)         \
	fault(p, linked_odd, EXC_ADEL, 0, DATA + 1)             \
	fault(p, overflow, EXC_OV, 0, NO_ADDRESS)               \
	fault(p, overflow_immediate, EXC_OV, 0, NO_ADDRESS)     \
	fault(p, overflow_subtract, EXC_OV, 0, NO_ADDRESS)      \
	fault(p, break, EXC_BP, 0, NO_ADDRESS)                  \
	fault(p, syscall, EXC_SYS, 0, NO_ADDRESS)               \
	fault(p, trap_equal, EXC_TR, 0, NO_ADDRESS)             \
	fault(p, trap_immediate, EXC_TR, 0, NO_ADDRESS)         \
	fault(p, trap_unsigned, EXC_TR, 0, NO_ADDRESS)          \
	fault(p, trap_not, NOTHING, 0, 0)                       \
	fault(p, reserved, EXC_RI, 0, NO_ADDRESS)               \
	fault(p, coprocessor1, EXC_CPU, 0, NO_ADDRESS)          \
	fault(p, coprocessor1_load, EXC_CPU, 0, NO_ADDRESS)     \
	fault(p, slot_load_b, EXC_TLBL, 1, BAD)                 \
	fault(p, slot_load_beq, EXC_TLBL, 1, BAD)               \
	fault(p, slot_load_untaken, EXC_TLBL, 1, BAD)           \
	fault(p, slot_load_likely, EXC_TLBL, 1, BAD)            \
	fault(p, slot_load_nullified, NOTHING, 0, 0)            \
	fault(p, slot_load_bal, EXC_TLBL, 1, BAD)               \
	fault(p, slot_load_j, EXC_TLBL, 1, BAD)                 \
	fault(p, slot_load_jal, EXC_TLBL, 1, BAD)               \
	fault(p, slot_load_jr, EXC_TLBL, 1, BAD)                \
	fault(p, slot_load_jalr, EXC_TLBL, 1, BAD)              \
	fault(p, slot_load_jr_hb, EXC_TLBL, 1, BAD)             \
	fault(p, slot_store_taken, EXC_TLBS, 1, BAD)            \
	fault(p, slot_store_untaken, EXC_TLBS, 1, BAD)          \
	fault(p, slot_store_likely, EXC_TLBS, 1, BAD)           \
	fault(p, slot_store_nullified, NOTHING, 0, 0)           \
	fault(p, slot_odd, EXC_ADEL, 1, DATA + 1)               \
	fault(p, slot_overflow_taken, EXC_OV, 1, NO_ADDRESS)    \
	fault(p, slot_overflow_untaken, EXC_OV, 1, NO_ADDRESS)  \
	fault(p, slot_break_taken, EXC_BP, 1, NO_ADDRESS)       \
	fault(p, slot_break_untaken, EXC_BP, 1, NO_ADDRESS)     \
	fault(p, slot_syscall_taken, EXC_SYS, 1, NO_ADDRESS)    \
	fault(p, slot_syscall_untaken, EXC_SYS, 1, NO_ADDRESS)  \
	fault(p, slot_trap_taken, EXC_TR, 1, NO_ADDRESS)        \
	fault(p, slot_trap_nullified, NOTHING, 0, 0)            \
	fault(p, slot_reserved, EXC_RI, 1, NO_ADDRESS)          \
	fault(p, slot_coprocessor, EXC_CPU, 1, NO_ADDRESS)

#define declare(prefix, name, code, slot, address) extern char prefix##_##name[], prefix##_##name##_at[];
FAULTS(declare, mapped)
FAULTS(declare, unmapped)

struct expected {
	char name[36];
	const char *function, *at;
	u32 code, slot, badvaddr;
};

static void expect(const struct expected *e)
{
	struct fault fault = { .code = NOTHING };

	fault_snippet = e->function;
	guarded_call(fault_arguments, BAD, DATA, &fault);
	if (!check(e->name, fault.code, e->code) || e->code == NOTHING)
		return;
	check(e->name, fault.epc, (u32)e->at);
	check(e->name, fault.cause >> 31, e->slot);
	if (e->badvaddr != NO_ADDRESS)
		check(e->name, fault.badvaddr, e->badvaddr);
	if (e->code == EXC_CPU)
		check(e->name, (fault.cause & CAUSE_CE) >> CAUSE_CE_SHIFT, 1);
}

void test_faults_unmapped(void)
{
	const struct expected all[] = {
#define entry(prefix, name, code, slot, address) { #prefix " " #name, prefix##_##name, prefix##_##name##_at, code, slot, address },
		FAULTS(entry, unmapped)
	};

	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		expect(&all[i]);
}

void test_faults_mapped(void)
{
	const struct expected all[] = { FAULTS(entry, mapped) };

	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		expect(&all[i]);
}

static void expect_fetch_fault(const char *what, u32 target, u32 code)
{
	struct fault fault = { .code = NOTHING };

	guarded_call(jump, target, 0, &fault);
	check(what, fault.code, code);
	check(what, fault.epc, target);
	check(what, fault.badvaddr, target);
	check(what, fault.cause >> 31, 0);
}

void test_fetch_faults(void)
{
	expect_fetch_fault("nothing mapped in kseg2", BAD, EXC_TLBL);
	expect_fetch_fault("nothing mapped in useg", 0x00001000, EXC_TLBL);
	expect_fetch_fault("not a multiple of four, mapped", (u32)mapped_load + 2, EXC_ADEL);
	expect_fetch_fault("not a multiple of four, unmapped", (u32)unmapped_load + 2, EXC_ADEL);
}

#define NOP    0x00000000
#define JR_RA  0x03e00008
#define LI_V0(n) (0x24020000 | (n))
#define B_OVER 0x10000002 // b .+12

// Code that runs over the end of a page into one that is not there yet: straight on, and with the branch on the one page
// and its delay slot on the other.
void test_fetch_page_in(void)
{
	for (u32 slot = 0; slot < 2; slot++) {
		u32 *page = vmap_pages(2);
		u32 *last = page + page_size / 4 - 1, *next = last + 1;
		struct fault fault = { .code = NOTHING };
		u32 frame = frame_alloc(), *code = kseg1(frame);

		vmap(page, frame_alloc(), PTE_W | PTE_D);
		*last = slot ? B_OVER : LI_V0(7);
		code[0] = LI_V0(8);
		code[1] = NOP;
		code[2] = JR_RA; // where the branch goes
		code[3] = NOP;
		// The next page has no entry: the first fetch from it faults.
		check("faults", guarded_call(last, 0, 0, &fault), 1);
		check("code", fault.code, EXC_TLBL);
		check("BadVAddr", fault.badvaddr, (u32)next);
		check("EPC", fault.epc, slot ? (u32)last : (u32)next);
		check("delay slot", fault.cause >> 31, slot);
		// With the entry it goes through.
		vmap(next, frame, 0);
		check("no fault", guarded_call(last, 0, 0, &fault), 0);
		vunmap(page, 2);
	}
}

void test_slot_restart(void)
{
#define RESTARTS(restart)                 \
	restart(bne, 0, 2000)             \
	restart(bne, 1, 1000)             \
	restart(beq, 0, 1000)             \
	restart(beq, 1, 2000)             \
	restart(bgtz, 1, 1000)            \
	restart(bgtz, 0, 2000)            \
	restart(bnel, 1, 1000)            \
	restart(bgezal, 1, 1000)          \
	restart(bgezal, 0xffffffff, 2000) \
	restart(jr, 0, 1000)              \
	restart(jalr, 0, 1000)
#define run(name, condition, expected)                                                                  \
	{                                                                                               \
		u32 restart_##name(u32 *, u32);                                                               \
		u32 *page = heap_pages(1);                                                              \
		check("page is not there", *pte_create(&kernel_space, (u32)page) & PTE_V, 0);           \
		check("restarted " #name, restart_##name(page, condition), expected);                   \
		check("page is there", (*pte_lookup(&kernel_space, (u32)page) & PTE_V) != 0, 1);        \
		heap_free(page, 1);                                                                     \
	}
	RESTARTS(run)
	u32 restart_store(u32 * address, u32 condition);
	u32 *page = heap_pages(1);

	check("restarted store", restart_store(page, 5), 1000);
	check("stored", *page, 5);
	heap_free(page, 1);
}
