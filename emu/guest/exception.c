// The C end of the exception path, and the table the general vector reads.
#include "doorbell.h"
#include "ptrace.h"

u32 exception_handlers[32];
int (*exception_hook)(struct pt_regs *regs);

void do_exception(struct pt_regs *regs)
{
	if (exception_hook && exception_hook(regs))
		return;
	hostcall1(HOST_EXCEPTION, regs);
}
