// The callback list in three segments: done (may run), wait (for the grace period under way), next.
#include "kernel.h"

struct rcu_data {
	struct rcu_head *head;
	struct rcu_head **done_tail; // end of the callbacks whose grace period is over
	struct rcu_head **wait_tail; // end of those waiting for the grace period under way
	struct rcu_head **next_tail;
	u32 done_len, wait_len, next_len;
};

struct rcu_data rcu_data = { NULL, &rcu_data.head, &rcu_data.head, &rcu_data.head, 0, 0, 0 };

noclone void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	head->next = NULL;
	*rcu_data.next_tail = head;
	rcu_data.next_tail = &head->next;
	rcu_data.next_len++;
}

// A grace period starts: it covers all that is queued by now.
u32 rcu_gp_start(u32 a, u32 b, u32 c, u32 d)
{
	rcu_data.wait_tail = rcu_data.next_tail;
	rcu_data.wait_len += rcu_data.next_len;
	rcu_data.next_len = 0;
	return rcu_data.wait_len;
}

// It ends: what it covered may run.
u32 rcu_gp_end(u32 a, u32 b, u32 c, u32 d)
{
	rcu_data.done_tail = rcu_data.wait_tail;
	rcu_data.done_len += rcu_data.wait_len;
	rcu_data.wait_len = 0;
	return rcu_data.done_len;
}

// The RCU softirq: at most `blimit` callbacks, then back (rcu_do_batch). Returns how many remain ready.
noclone u32 rcu_core(u32 blimit, u32 b, u32 c, u32 d)
{
	u32 count = 0;

	while (rcu_data.done_len && count < blimit) {
		struct rcu_head *head = rcu_data.head;
		void (*func)(struct rcu_head *);

		if (&head->next == rcu_data.done_tail)
			rcu_data.done_tail = &rcu_data.head;
		if (&head->next == rcu_data.wait_tail)
			rcu_data.wait_tail = &rcu_data.head;
		if (&head->next == rcu_data.next_tail)
			rcu_data.next_tail = &rcu_data.head;
		rcu_data.head = head->next;
		rcu_data.done_len--;
		count++;
		func = head->func;
		head->func = NULL;
		func(head);
	}
	return rcu_data.done_len;
}

// Grace periods: the host says what to do next (src/kernel/rcu.ts).
u32 rcu_gp_kthread(u32 unused)
{
	for (;;)
		hostcall0(HC_RCU_GP);
}

EXPORTS rcu_offsets(void)
{
	EXPORT_OFFSET(rcu_data, done_len);
	EXPORT_OFFSET(rcu_data, wait_len);
	EXPORT_OFFSET(rcu_data, next_len);
}
