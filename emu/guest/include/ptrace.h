// The register frame an exception leaves on the stack, laid out as Linux's struct pt_regs (MIPS32).
#ifndef GUEST_PTRACE_H
#define GUEST_PTRACE_H

#define PT_R0     32 // after eight words for the callee's argument save area
#define PT_STATUS 160
#define PT_HI     164
#define PT_LO     168
#define PT_BVADDR 172
#define PT_CAUSE  176
#define PT_EPC    180
#define PT_SIZE   184

#ifndef __ASSEMBLER__
#include "types.h"

struct pt_regs {
	u32 pad0[8];
	u32 regs[32]; // $26 and $27 are not saved
	u32 cp0_status;
	u32 hi;
	u32 lo;
	u32 cp0_badvaddr;
	u32 cp0_cause;
	u32 cp0_epc;
};

// Called by the exception entry for everything the TLB handlers did not settle. The default asks the host
// (HOST_EXCEPTION). Returning resumes at regs->cp0_epc with the frame's registers.
void do_exception(struct pt_regs *regs);

// When set, sees the frame first; a nonzero result means "settled, resume". For self tests and fix-ups.
extern int (*exception_hook)(struct pt_regs *regs);

// One entry point per ExcCode, read by the general vector at +0x180. Assembly functions; only k0 and k1 are free.
extern u32 exception_handlers[32];
#endif

#endif
