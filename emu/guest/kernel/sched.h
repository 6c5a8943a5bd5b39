// Tasks. The host schedules (src/kernel/scheduler.ts); the guest owns the structures and the stacks.
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "hostcalls.h"
#include "list.h"
#include "thread.h"

#define THREAD_SIZE   8192
#define TASK_COMM_LEN 16

struct task_struct {
	struct thread thread; // what switch_to saves
	u32 pid;
	char comm[TASK_COMM_LEN];
	void *stack; // lowest address of THREAD_SIZE bytes
	u32 (*fn)(u32);
	u32 arg;
	u32 on_cpu_stack; // stands for the rest of Linux's task_struct
};

register struct task_struct *current asm("$28");

extern struct task_struct init_task;

// Makes a task that will run fn(arg) when first scheduled.
struct task_struct *kthread_create(u32 (*fn)(u32), u32 arg, u32 pid, const char *comm);
// Asks kthreadd for one, waits for it and starts it.
void kthread_run(u32 (*fn)(u32), u32 arg, u32 pid, const char *comm);
void kthreadd_start(void);
u32 kthreadd(u32 unused);
void schedule(void);
void __schedule(u32 state);
void wake_up_process(struct task_struct *task);

static inline void cond_resched(void) { hostcall0(HC_COND_RESCHED); }

static inline void step(u32 which) { hostcall1(HC_STEP, which); }

#endif
