// Exceptions: interrupts, and what a running test waits for.
#include "board.h"
#include "kernel.h"
#include "process.h"
#include "vm.h"

extern struct fault *guard_fault;
interrupt_hook *on_interrupt;
volatile u32 software_interrupts;

void timer_interrupt(void);

static struct frame *interrupt(struct frame *frame)
{
	u32 pending = read_cause() & frame->status & CAUSE_IP;

	if (on_interrupt)
		on_interrupt(frame);
	if (pending & (IP_SW0 | IP_SW1)) {
		software_interrupts++;
		write_cause(read_cause() & ~(IP_SW0 | IP_SW1));
	}
	if (pending & IP_TIMER)
		timer_interrupt();
	if (pending & IP_8259)
		i8259_interrupt();
	return pending & IP_TIMER && frame->status & ST_UM ? user_tick(frame) : frame;
}

static const char *name(u32 code)
{
	static const char names[][20] = {
		[EXC_MOD] = "TLB modified", [EXC_TLBL] = "TLB load", [EXC_TLBS] = "TLB store", [EXC_ADEL] = "address load",
		[EXC_ADES] = "address store", [EXC_SYS] = "syscall", [EXC_BP] = "break", [EXC_RI] = "reserved instruction",
		[EXC_CPU] = "coprocessor", [EXC_OV] = "overflow", [EXC_TR] = "trap",
	};

	return code < ARRAY_SIZE(names) && names[code][0] ? names[code] : "exception";
}

struct frame *exception(struct frame *frame)
{
	u32 code = CAUSE_EXCCODE(frame->cause);

	switch (code) {
	case EXC_INT:
		return interrupt(frame);
	case EXC_MOD:
	case EXC_TLBL:
	case EXC_TLBS:
		if (page_fault(frame->badvaddr, code))
			return frame;
	}
	if (frame->status & ST_UM)
		return code == EXC_SYS ? user_syscall(frame) : user_fault(frame, code);
	if (!guard_sp)
		panic(name(code), frame);
	*guard_fault = (struct fault){ code, frame->epc, frame->cause, frame->badvaddr, frame->status };
	frame->epc = (u32)guard_resume;
	return frame;
}
