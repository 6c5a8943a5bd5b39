// blk-mq: tag sets, queue set-up, and one request from allocation to completion (block/blk-mq.c, blk-mq-tag.c).
#include "kernel.h"

struct blk_mq_alloc_data {
	struct request_queue *q;
	struct blk_mq_ctx *ctx;
	struct blk_mq_hw_ctx *hctx;
	u32 rq_flags;
};

// Requests come in big blocks: the largest that divide the set well, from order 4 down (blk_mq_alloc_rqs).
static void blk_mq_alloc_rqs(struct blk_mq_tag_set *set, struct blk_mq_tags *tags)
{
	u32 rq_size = (sizeof(struct request) + set->cmd_size + 31) & ~31;
	u32 order = 4; // whatever the page size
	u32 i = 0;

	while (i < set->queue_depth) {
		u32 left = (set->queue_depth - i) * rq_size;
		u32 j, fit;
		char *block;

		while (order && left < PAGE_SIZE << (order - 1))
			order--;
		block = (char *)hostcall3(HC_ALLOC_PAGES, order, 0, __builtin_return_address(0));
		memset(block, 0, PAGE_SIZE << order);
		fit = (PAGE_SIZE << order) / rq_size;
		for (j = 0; j < fit && i < set->queue_depth; j++, i++) {
			tags->static_rqs[i] = (struct request *)(block + j * rq_size);
			set->init_request(tags->static_rqs[i]);
		}
	}
}

noinline int blk_mq_alloc_tag_set(struct blk_mq_tag_set *set)
{
	struct blk_mq_tags *tags = kzalloc(sizeof(*tags));

	INIT_LIST_HEAD(&set->tag_list);
	tags->nr_tags = set->queue_depth;
	if (sbitmap_init_node(&tags->bitmap_tags, set->queue_depth, -1, true))
		return -1;
	tags->rqs = kzalloc(set->queue_depth * sizeof(*tags->rqs));
	tags->static_rqs = kzalloc(set->queue_depth * sizeof(*tags->static_rqs));
	blk_mq_alloc_rqs(set, tags);
	set->tags = tags;
	step(STEP_TAG_SET);
	cond_resched();
	return 0;
}

static noinline struct blk_flush_queue *blk_alloc_flush_queue(struct blk_mq_tag_set *set)
{
	struct blk_flush_queue *fq = kzalloc(sizeof(*fq));

	fq->flush_rq = kzalloc((sizeof(struct request) + set->cmd_size + 31) & ~31);
	return fq;
}

static noinline struct blk_mq_hw_ctx *blk_mq_alloc_hctx(struct request_queue *q, struct blk_mq_tag_set *set)
{
	struct blk_mq_hw_ctx *hctx = kzalloc(sizeof(*hctx));

	INIT_LIST_HEAD(&hctx->dispatch);
	hctx->queue = q;
	hctx->ctxs = kzalloc(nr_cpu_ids * sizeof(*hctx->ctxs));
	sbitmap_init_node(&hctx->ctx_map, nr_cpu_ids, 5, false);
	hctx->fq = blk_alloc_flush_queue(set);
	set->init_request(hctx->fq->flush_rq);
	hctx->tags = set->tags;
	return hctx;
}

static void blk_mq_init_cpu_queues(struct request_queue *q)
{
	u32 cpu, i;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		struct blk_mq_ctx *ctx = per_cpu_ptr(q->queue_ctx, cpu);

		ctx->cpu = cpu;
		ctx->lock = 0;
		for (i = 0; i < 3; i++)
			INIT_LIST_HEAD(&ctx->rq_lists[i]);
		ctx->queue = q;
	}
}

static void blk_mq_map_swqueue(struct request_queue *q)
{
	struct blk_mq_hw_ctx *hctx = q->hctx_table[0];
	u32 cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++) {
		struct blk_mq_ctx *ctx = per_cpu_ptr(q->queue_ctx, cpu);
		u32 type;

		for (type = 0; type < 3; type++)
			ctx->hctxs[type] = hctx;
		ctx->index_hw[0] = hctx->nr_ctx;
		hctx->ctxs[hctx->nr_ctx++] = ctx;
	}
}

static noinline void blk_mq_init_allocated_queue(struct blk_mq_tag_set *set, struct request_queue *q)
{
	struct blk_mq_ctxs *ctxs;
	u32 cpu;

	q->mq_ops = set;
	q->poll_cb = blk_stat_alloc_callback(q);
	ctxs = kzalloc(sizeof(*ctxs));
	step(STEP_QUEUE_CTX);
	ctxs->queue_ctx = __alloc_percpu(sizeof(struct blk_mq_ctx), 64);
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		per_cpu_ptr(ctxs->queue_ctx, cpu)->ctxs = ctxs;
	q->mq_kobj = ctxs;
	q->queue_ctx = ctxs->queue_ctx;
	q->hctx_table[0] = blk_mq_alloc_hctx(q, set);
	q->nr_hw_queues = 1;
	INIT_LIST_HEAD(&q->requeue_list);
	blk_mq_init_cpu_queues(q);
	q->tag_set = set;
	list_add_tail(&q->tag_set_list, &set->tag_list);
	blk_mq_map_swqueue(q);
}

noinline struct request_queue *blk_mq_init_queue(struct blk_mq_tag_set *set)
{
	struct request_queue *q = blk_alloc_queue();

	if (q)
		blk_mq_init_allocated_queue(set, q);
	return q;
}

static noclone int blk_queue_enter(struct request_queue *q)
{
	while (!percpu_ref_tryget_live_rcu(&q->q_usage_counter)) {
		if (q->dying)
			return -19; // ENODEV
		wait_event(q->mq_freeze_wq, !q->mq_freeze_depth);
	}
	return 0;
}

static noclone struct request *blk_mq_rq_ctx_init(struct blk_mq_alloc_data *data, struct request **static_rqs, u32 tag)
{
	struct request *rq = static_rqs[tag];

	rq->mq_hctx = data->hctx;
	rq->mq_ctx = data->ctx;
	rq->q = data->q;
	rq->rq_flags = data->rq_flags;
	rq->tag = tag;
	rq->internal_tag = -1;
	rq->timeout = 0;
	rq->end_io_data = NULL;
	rq->result = 0;
	INIT_LIST_HEAD(&rq->queuelist);
	data->hctx->tags->rqs[tag] = rq;
	return rq;
}

// A tail call, as the real compiler makes it: crash dumps show the caller's caller as ra.
static noclone __attribute__((optimize("optimize-sibling-calls"))) struct request *
__blk_mq_alloc_requests(struct blk_mq_alloc_data *data)
{
	struct blk_mq_tags *tags;
	int tag;

	data->ctx = this_cpu_ptr(data->q->queue_ctx);
	data->hctx = data->ctx->hctxs[0];
	tags = data->hctx->tags;
	tag = sbitmap_get(&tags->bitmap_tags);
	if (tag < 0)
		return NULL;
	return blk_mq_rq_ctx_init(data, tags->static_rqs, tag);
}

noclone struct request *blk_mq_alloc_request(struct request_queue *q)
{
	struct blk_mq_alloc_data data = { .q = q };
	struct request *rq;

	if (blk_queue_enter(q))
		return NULL;
	rq = __blk_mq_alloc_requests(&data);
	if (!rq)
		percpu_ref_put(&q->q_usage_counter);
	return rq;
}

noinline void blk_mq_free_request(struct request *rq)
{
	struct request_queue *q = rq->q;

	sbitmap_put(&rq->mq_hctx->tags->bitmap_tags, rq->tag);
	percpu_ref_put(&q->q_usage_counter);
}

// Completed requests wait here for the block softirq, the last one first.
static struct request *blk_cpu_done;

// A hardware queue with one software queue completes where it is; else it is the softirq's work.
noinline void blk_mq_complete_request(struct request *rq)
{
	if (rq->mq_hctx->nr_ctx == 1) {
		complete(rq->end_io_data);
		return;
	}
	rq->queuelist.next = (struct list_head *)blk_cpu_done;
	blk_cpu_done = rq;
	raise_softirq(BLOCK_SOFTIRQ);
}

noinline u32 blk_done_softirq(u32 a, u32 b, u32 c, u32 d)
{
	struct request *rq = blk_cpu_done;

	blk_cpu_done = NULL;
	while (rq) {
		struct request *next = (struct request *)rq->queuelist.next;

		complete(rq->end_io_data);
		rq = next;
	}
	return 0;
}

noinline void blk_execute_rq(struct request *rq)
{
	struct completion wait;

	init_completion(&wait);
	rq->end_io_data = &wait;
	if (rq->q->mq_ops->queue_rq(rq))
		blk_mq_complete_request(rq);
	wait_for_completion(&wait);
}
