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

static void worker_name(char *comm, u32 n) { snprintf(comm, TASK_COMM_LEN, "kworker/u%u:%u", 2 * nr_cpu_ids, n); }

// The unbound workers that earlier initcalls leave idle, by the pids in recorded boots' logs: three with 4 KB pages. With 16 KB two, so
// the second host's scan waits for a third to be made.
void unbound_workers_start(void)
{
	static const u8 pids[] = { 8, 19, 26 };
	u32 workers = page_shift == 12 ? 3 : 2;
	char comm[TASK_COMM_LEN];
	u32 i;

	for (i = workers; i > 0; i--) {
		u32 n = i % workers; // who is made last runs first; the first worker is to go idle last

		worker_name(comm, n);
		kthread_create(worker_thread, POOL_UNBOUND, pids[n], comm);
	}
}

// create_worker() of the unbound pool, run by the host in the worker that manages it.
u32 create_worker(u32 pid, u32 n, u32 unused1, u32 unused2)
{
	char comm[TASK_COMM_LEN];

	worker_name(comm, n);
	kthread_run(worker_thread, POOL_UNBOUND, pid, comm);
	return 0;
}
