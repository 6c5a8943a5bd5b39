// Work items: queued with the host, run by the guest's kworker threads (src/kernel/workqueue.ts).
#ifndef KERNEL_WORKQUEUE_H
#define KERNEL_WORKQUEUE_H

#include "list.h"

struct work_struct {
	struct list_head entry;
	u32 (*func)(u32 arg);
	u32 arg;
};

extern struct work_struct pcpu_balance_work;

void queue_work(u32 pool, struct work_struct *work);
u32 worker_thread(u32 pool);
void unbound_workers_start(void);
u32 create_worker(u32 pid, u32 n, u32 unused1, u32 unused2);

#endif
