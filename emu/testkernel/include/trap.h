// The frame that an exception leaves on the kernel stack, and who looks at it. For C and assembly.
#ifndef TRAP_H
#define TRAP_H

// Below the frame the four words that o32 gives a callee.
#define FRAME_REGS     16
#define FRAME_LO       144
#define FRAME_HI       148
#define FRAME_STATUS   152
#define FRAME_CAUSE    156
#define FRAME_EPC      160
#define FRAME_BADVADDR 164
#define FRAME_ENTRYHI  168
#define FRAME_SIZE     176

#ifndef __ASSEMBLER__
#include "types.h"

struct frame {
	u32 arguments[4];
	u32 regs[32];
	u32 lo, hi;
	u32 status, cause, epc, badvaddr, entryhi;
	u32 pad;
};
_Static_assert(sizeof(struct frame) == FRAME_SIZE, "frame");

#define REG_V0 2
#define REG_A0 4
#define REG_A1 5
#define REG_A2 6
#define REG_A3 7
#define REG_T0 8
#define REG_SP 29
#define REG_S8 30
#define REG_RA 31

// trap.c: every exception but a TLB refill. Interrupts are off, EXL is clear. Returns the frame to go on with.
struct frame *exception(struct frame *frame);

// What an exception looked like to whoever waited for it.
struct fault {
	u32 code;     // Cause.ExcCode
	u32 epc;
	u32 cause;
	u32 badvaddr;
	u32 status;
};

// vectors.S: calls fn(a0, a1); returns true when it ended in an exception that nothing else handles, which is then in `fault`.
bool guarded_call(void *fn, u32 a0, u32 a1, struct fault *fault);
extern u32 guard_sp;          // 0: no guarded call is running
void guard_resume(void);

// Sees interrupts before anything else. For tests; NULL: nobody.
typedef void interrupt_hook(struct frame *frame);
extern interrupt_hook *on_interrupt;
#endif

#endif
