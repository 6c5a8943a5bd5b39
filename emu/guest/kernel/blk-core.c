// A request queue's birth, freeze and death (block/blk-core.c, blk-sysfs.c).
#include "kernel.h"

static struct kmem_cache *blk_requestq_cachep;
static int blk_queue_ids;

void blk_dev_init(void) { blk_requestq_cachep = kmem_cache_create("request_queue", sizeof(struct request_queue), 0); }

static noclone void blk_queue_usage_counter_release(struct percpu_ref *ref)
{
	struct request_queue *q = container_of(ref, struct request_queue, q_usage_counter);

	wake_up_all(&q->mq_freeze_wq);
}

noinline struct request_queue *blk_alloc_queue(void)
{
	struct request_queue *q = kmem_cache_zalloc(blk_requestq_cachep);

	q->last_merge = NULL;
	q->id = blk_queue_ids++;
	q->stats = blk_alloc_queue_stats();
	q->usage = 1;
	init_waitqueue_head(&q->mq_freeze_wq);
	if (percpu_ref_init(&q->q_usage_counter, blk_queue_usage_counter_release, true))
		return NULL;
	q->queue_depth = 128;
	return q;
}

static noclone void blk_freeze_queue_start(struct request_queue *q)
{
	if (++q->mq_freeze_depth == 1)
		percpu_ref_kill_and_confirm(&q->q_usage_counter, NULL);
}

static noinline void blk_mq_freeze_queue_wait(struct request_queue *q)
{
	wait_event(q->mq_freeze_wq, percpu_ref_is_zero(&q->q_usage_counter));
}

static void blk_mq_exit_queue(struct request_queue *q)
{
	struct blk_mq_hw_ctx *hctx = q->hctx_table[0];

	list_del(&q->tag_set_list);
	hctx->tags = NULL;
	sbitmap_free(&hctx->ctx_map, 0);
	kfree(hctx->ctxs);
	q->tag_set->exit_request(hctx->fq->flush_rq);
	kfree(hctx->fq->flush_rq);
	kfree(hctx->fq);
	kfree(hctx);
	q->hctx_table[0] = NULL;
}

noclone void blk_mq_destroy_queue(struct request_queue *q)
{
	q->dying = 1;
	blk_freeze_queue_start(q);
	wake_up_all(&q->mq_freeze_wq);
	blk_mq_freeze_queue_wait(q);
	blk_mq_exit_queue(q);
}

static noinline void blk_mq_sysfs_release(struct blk_mq_ctxs *ctxs)
{
	free_percpu(ctxs->queue_ctx);
	kfree(ctxs);
}

static void blk_free_queue_rcu(struct rcu_head *head)
{
	struct request_queue *q = container_of(head, struct request_queue, rcu_head);

	__percpu_ref_exit(&q->q_usage_counter);
	kmem_cache_free(blk_requestq_cachep, q);
}

static noinline void blk_release_queue(struct request_queue *q)
{
	blk_stat_free_callback(q->poll_cb);
	kfree(q->stats);
	blk_mq_sysfs_release(q->mq_kobj);
	call_rcu(&q->rcu_head, blk_free_queue_rcu);
}

void blk_put_queue(struct request_queue *q)
{
	if (--q->usage == 0)
		blk_release_queue(q);
}
