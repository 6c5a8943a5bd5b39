// Kernel threads: what switch_to saves, how a thread starts. The host schedules; the guest only switches.
#ifndef GUEST_THREAD_H
#define GUEST_THREAD_H

#define THREAD_REG16 0
#define THREAD_REG28 32
#define THREAD_REG29 36
#define THREAD_REG30 40
#define THREAD_REG31 44
#define THREAD_STATUS 48

#define INIT_STACK_SIZE 16384

#ifndef __ASSEMBLER__
#include "types.h"

// The callee-saved state of a thread that is not running. Embed it where you like (a task_struct).
struct thread {
	u32 reg16_23[8]; // s0..s7
	u32 reg28;       // gp: free for a current-thread pointer, the compiler does not use it
	u32 reg29;       // sp
	u32 reg30;       // fp
	u32 reg31;       // ra
	u32 cp0_status;
};

// Saves the caller in *prev and continues *next where it called switch_to (or at its start). Returns, in next's context,
// the thread that was left, as Linux's resume() does.
struct thread *switch_to(struct thread *prev, struct thread *next);

// Prepares *t so that the first switch_to it runs fn(arg) on the stack that ends at stack_top (8-byte aligned).
// When fn returns the thread makes the host call HOST_THREAD_EXIT with its result and must not be resumed.
void thread_init(struct thread *t, void *stack_top, u32 (*fn)(u32), u32 arg, u32 gp);

// Runs fn(a0, a1, a2) on another stack and returns its result (interrupt and softirq stacks).
u32 call_on_stack(void *stack_top, u32 (*fn)(u32, u32, u32), u32 a0, u32 a1, u32 a2);

// The stack start-up runs on: init_stack .. init_stack + INIT_STACK_SIZE.
extern char init_stack[INIT_STACK_SIZE];
#endif

#endif
