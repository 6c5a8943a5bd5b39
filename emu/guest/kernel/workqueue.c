// kworker threads.
#include "kernel.h"

void queue_work(u32 pool, struct work_struct *work) { hostcall2(HC_QUEUE_WORK, pool, work); }

static noclone void process_one_work(struct work_struct *work) { work->func(work->arg); }

u32 worker_thread(u32 pool)
{
	for (;;) {
		struct work_struct *work = (struct work_struct *)hostcall1(HC_NEXT_WORK, pool);

		if (work)
			process_one_work(work);
	}
}

char worker_comm[TASK_COMM_LEN]; // written by the host

// Run by the host when a pool needs a (further) worker.
u32 create_worker(u32 pool, u32 pid, u32 comm, u32 unused)
{
	return (u32)kthread_create(worker_thread, pool, pid, (const char *)comm);
}
