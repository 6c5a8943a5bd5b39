// Task creation and the two doors to the scheduler.
#include "kernel.h"

struct task_struct init_task = { .pid = 0, .comm = "swapper/0", .stack = init_stack };

// The host has chosen `next`; runs in the context of the task that gives up the CPU.
u32 context_switch(u32 prev, u32 next, u32 unused1, u32 unused2)
{
	switch_to(&((struct task_struct *)prev)->thread, &((struct task_struct *)next)->thread);
	return 0;
}

struct task_struct *kthread_create(u32 (*fn)(u32), u32 arg, u32 pid, const char *comm)
{
	struct task_struct *task = kzalloc(sizeof(*task));

	task->stack = (void *)hostcall3(HC_ALLOC_PAGES, page_shift == 12 ? 1 : 0, 0, __builtin_return_address(0));
	task->pid = pid;
	task->fn = fn;
	task->arg = arg;
	snprintf(task->comm, sizeof(task->comm), "%s", comm);
	thread_init(&task->thread, (char *)task->stack + THREAD_SIZE - 32, fn, arg, (u32)task);
	hostcall1(HC_NEW_TASK, task);
	return task;
}

void __schedule(u32 state) { hostcall1(HC_SCHEDULE, state); }

void schedule(void) { __schedule(TASK_UNINTERRUPTIBLE); }

void wake_up_process(struct task_struct *task) { hostcall1(HC_WAKE_UP, task); }

EXPORTS task_offsets(void)
{
	EXPORT_OFFSET(task_struct, pid);
	EXPORT_OFFSET(task_struct, comm);
	EXPORT_OFFSET(task_struct, stack);
	EXPORT_SIZE(task_struct);
}
