// Wait queues: a locked list of entries, each with a function that wakes its task.
#include "kernel.h"

void init_waitqueue_head(wait_queue_head_t *wq)
{
	spin_lock_init(&wq->lock);
	INIT_LIST_HEAD(&wq->head);
}

static int autoremove_wake_function(struct wait_queue_entry *entry, u32 mode, int flags, void *key)
{
	wake_up_process(entry->private);
	list_del_init(&entry->entry);
	return 1;
}

void prepare_to_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry)
{
	entry->flags = 0;
	entry->private = current;
	entry->func = autoremove_wake_function;
	spin_lock(&wq->lock);
	list_add(&entry->entry, &wq->head);
	spin_unlock(&wq->lock);
}

void finish_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry)
{
	spin_lock(&wq->lock);
	if (!list_empty(&entry->entry))
		list_del_init(&entry->entry);
	spin_unlock(&wq->lock);
}

static noclone int __wake_up_common(wait_queue_head_t *wq, u32 mode, int nr_exclusive, int wake_flags, void *key)
{
	struct wait_queue_entry *curr, *next;

	curr = list_first_entry(&wq->head, struct wait_queue_entry, entry);
	if (&curr->entry == &wq->head)
		return nr_exclusive;
	while (&curr->entry != &wq->head) {
		u32 flags;

		next = list_entry(READ_ONCE(curr->entry.next), struct wait_queue_entry, entry);
		flags = READ_ONCE(curr->flags);
		if (curr->func(curr, mode, wake_flags, key) && (flags & 1) && !--nr_exclusive)
			break;
		curr = next;
	}
	return nr_exclusive;
}

static noclone void __wake_up_common_lock(wait_queue_head_t *wq, u32 mode, int nr_exclusive, int wake_flags, void *key)
{
	spin_lock(&wq->lock);
	nr_exclusive = __wake_up_common(wq, mode, nr_exclusive, wake_flags, key);
	spin_unlock(&wq->lock);
}

void __wake_up(wait_queue_head_t *wq, u32 mode, int nr_exclusive, void *key)
{
	__wake_up_common_lock(wq, mode, nr_exclusive, 0, key);
}

void init_completion(struct completion *x)
{
	x->done = 0;
	x->wait_head = 0;
}

void wait_for_completion(struct completion *x)
{
	while (!READ_ONCE(x->done)) {
		x->wait_head = (u32)current;
		schedule();
	}
	x->done--;
}

void complete(struct completion *x)
{
	u32 waiter = x->wait_head;

	x->done++;
	x->wait_head = 0;
	if (waiter)
		wake_up_process((struct task_struct *)waiter);
}
