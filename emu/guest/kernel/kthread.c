// Threads made on request by kthreadd, for whom the requester sleeps (kernel/kthread.c).
#include "kernel.h"

struct kthread_create_info {
	u32 (*fn)(u32);
	u32 arg;
	u32 pid;
	const char *comm;
	struct task_struct *result;
	struct completion done;
	struct list_head list;
};

static struct list_head kthread_create_list = { &kthread_create_list, &kthread_create_list };
static struct task_struct *kthreadd_task;

// A new thread says that it is there and sleeps until somebody starts it.
static u32 kthread(u32 arg)
{
	struct kthread_create_info *create = (struct kthread_create_info *)arg;
	u32 (*fn)(u32) = create->fn;
	u32 fn_arg = create->arg;

	create->result = current;
	complete(&create->done);
	schedule();
	return fn(fn_arg);
}

u32 kthreadd(u32 unused)
{
	for (;;) {
		while (!list_empty(&kthread_create_list)) {
			struct kthread_create_info *create =
				list_first_entry(&kthread_create_list, struct kthread_create_info, list);

			list_del_init(&create->list);
			kthread_create(kthread, (u32)create, create->pid, create->comm);
		}
		schedule();
	}
}

void kthreadd_start(void) { kthreadd_task = kthread_create(kthreadd, 0, 2, "kthreadd"); }

// kthread_create() and wake_up_process() of a running system.
void kthread_run(u32 (*fn)(u32), u32 arg, u32 pid, const char *comm)
{
	struct kthread_create_info create = { .fn = fn, .arg = arg, .pid = pid, .comm = comm };

	init_completion(&create.done);
	INIT_LIST_HEAD(&create.list);
	list_add_tail(&create.list, &kthread_create_list);
	wake_up_process(kthreadd_task);
	wait_for_completion(&create.done);
	wake_up_process(create.result);
}
