// From the first C instruction to boot_params.entry: vectors, page table, TLB, console.
#include "addrspace.h"
#include "boot.h"
#include "console.h"
#include "doorbell.h"
#include "mipsregs.h"
#include "pgtable.h"
#include "ptrace.h"
#include "string.h"
#include "tlb.h"

// Defaults; the host fills in its own before the start.
struct boot_params boot_params = { .page_shift = 12, .memory = 128 << 20 };

_Static_assert(offsetof(struct boot_params, args) == BOOT_ARGS, "boot.h");
_Static_assert(offsetof(struct pt_regs, cp0_status) == PT_STATUS, "ptrace.h");
_Static_assert(sizeof(struct pt_regs) == PT_SIZE, "ptrace.h");

extern char general_vector[], general_vector_end[], handle_other[], handle_badvaddr[];

static void trap_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(exception_handlers); i++)
		exception_handlers[i] = (u32)handle_other;
	exception_handlers[EXCCODE_ADEL] = (u32)handle_badvaddr;
	exception_handlers[EXCCODE_ADES] = (u32)handle_badvaddr;
	memcpy((void *)(KSEG0 + 0x180), general_vector, general_vector_end - general_vector);
}

void start_guest(void)
{
	u32 result = 0;

	trap_init();
	paging_init();
	tlb_init();
	uart_init();
	if (boot_params.entry)
		result = boot_params.entry(boot_params.args[0], boot_params.args[1], boot_params.args[2],
					   boot_params.args[3]);
	for (;;)
		hostcall1(HOST_EXIT, result);
}
