// Latency statistics: allocated with every queue, freed through RCU.
#include "kernel.h"

struct blk_queue_stats {
	struct list_head callbacks;
	u32 lock;
};

void *blk_alloc_queue_stats(void)
{
	struct blk_queue_stats *stats = kmalloc(sizeof(*stats));

	INIT_LIST_HEAD(&stats->callbacks);
	stats->lock = 0;
	return stats;
}

noinline struct blk_stat_callback *blk_stat_alloc_callback(struct request_queue *q)
{
	struct blk_stat_callback *cb = kmalloc(sizeof(*cb));

	cb->stat = kmalloc(BLK_MQ_POLL_STATS_BKTS * sizeof(struct blk_rq_stat));
	cb->cpu_stat = __alloc_percpu(BLK_MQ_POLL_STATS_BKTS * sizeof(struct blk_rq_stat), 8);
	cb->bucket_fn = NULL;
	cb->data = q;
	cb->buckets = BLK_MQ_POLL_STATS_BKTS;
	cb->timer_fn = NULL;
	INIT_LIST_HEAD(&cb->list);
	return cb;
}

static void blk_stat_free_callback_rcu(struct rcu_head *head)
{
	struct blk_stat_callback *cb = container_of(head, struct blk_stat_callback, rcu);

	free_percpu(cb->cpu_stat);
	kfree(cb->stat);
	kfree(cb);
}

void blk_stat_free_callback(struct blk_stat_callback *cb)
{
	if (cb)
		call_rcu(&cb->rcu, blk_stat_free_callback_rcu);
}
