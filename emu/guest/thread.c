// Thread creation and end; the switch itself is switch.S.
#include "thread.h"
#include "doorbell.h"
#include "mipsregs.h"
#include "string.h"

_Static_assert(offsetof(struct thread, reg28) == THREAD_REG28, "thread.h");
_Static_assert(offsetof(struct thread, reg31) == THREAD_REG31, "thread.h");
_Static_assert(offsetof(struct thread, cp0_status) == THREAD_STATUS, "thread.h");

void thread_entry(void);

void thread_init(struct thread *t, void *stack_top, u32 (*fn)(u32), u32 arg, u32 gp)
{
	memset(t, 0, sizeof(*t));
	t->reg16_23[0] = (u32)fn;
	t->reg16_23[1] = arg;
	t->reg28 = gp;
	t->reg29 = (u32)stack_top - 32;
	t->reg31 = (u32)thread_entry;
	t->cp0_status = read_c0_status();
}

void thread_exit(u32 result)
{
	for (;;)
		hostcall1(HOST_THREAD_EXIT, result);
}
