// Wait queues and completions (kernel/sched/wait.c, completion.c).
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "list.h"
#include "spinlock.h"

typedef struct wait_queue_head {
	spinlock_t lock;
	struct list_head head;
} wait_queue_head_t;

#define WAIT_QUEUE_HEAD_INIT(name) { SPINLOCK_UNLOCKED, { &(name).head, &(name).head } }

struct wait_queue_entry {
	u32 flags;
	void *private; // the waiting task
	int (*func)(struct wait_queue_entry *entry, u32 mode, int flags, void *key);
	struct list_head entry;
};

void init_waitqueue_head(wait_queue_head_t *wq);
void prepare_to_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry);
void finish_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry);
void __wake_up(wait_queue_head_t *wq, u32 mode, int nr_exclusive, void *key);
#define wake_up_all(wq) __wake_up(wq, 3, 0, NULL)

#define wait_event(wq, condition)                          \
	do {                                               \
		struct wait_queue_entry __entry;           \
		if (condition)                             \
			break;                             \
		for (;;) {                                 \
			prepare_to_wait(&(wq), &__entry);  \
			if (condition)                     \
				break;                     \
			schedule();                        \
		}                                          \
		finish_wait(&(wq), &__entry);              \
	} while (0)

struct completion {
	u32 done;
	u32 wait_head; // the waiting task or 0: one waiter is all this kernel has
};

void init_completion(struct completion *x);
void wait_for_completion(struct completion *x);
void complete(struct completion *x);

#endif
