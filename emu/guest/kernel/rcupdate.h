// RCU callbacks: call_rcu and the segmented list (kernel/rcu/tree.c, rcu_segcblist.c). Grace periods are the host's
// (src/kernel/rcu.ts).
#ifndef KERNEL_RCUPDATE_H
#define KERNEL_RCUPDATE_H

#include "types.h"

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

u32 rcu_gp_kthread(u32 unused);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

#endif
