// Request queues as blk-mq builds them for a SCSI device: one hardware queue, shared host tags. The structures keep
// the sizes and, for the fields that matter, the offsets they have in the real kernel (32 bit, Linux 6.1): which field
// a stale memset hits depends on them.
#ifndef KERNEL_BLKDEV_H
#define KERNEL_BLKDEV_H

#include "kernfs.h"
#include "percpu-refcount.h"
#include "sbitmap.h"
#include "wait.h"

struct request_queue;
struct blk_mq_hw_ctx;

// Software queue of one CPU, in per-CPU memory: 192 bytes aligned 64.
struct blk_mq_ctx {
	u32 lock;
	struct list_head rq_lists[3];
	u32 pad[9]; // to the next cache line
	u32 cpu;
	u16 index_hw[4];
	struct blk_mq_hw_ctx *hctxs[3];
	struct request_queue *queue;
	struct blk_mq_ctxs *ctxs;
	u32 kobj[9];
	u32 rest[15];
};

struct blk_mq_ctxs {
	u32 kobj[9];
	struct blk_mq_ctx *queue_ctx; // per-CPU
};

struct request {
	struct request_queue *q;
	struct blk_mq_ctx *mq_ctx;
	struct blk_mq_hw_ctx *mq_hctx;
	u32 cmd_flags;
	u32 rq_flags;
	int tag;
	int internal_tag;
	u32 timeout;
	u32 data_len;
	u32 sector[2];
	void *bio;
	struct completion *end_io_data;
	u32 result;
	struct list_head queuelist;
	u32 rest[26];
};

struct blk_mq_tags {
	u32 nr_tags;
	u32 nr_reserved_tags;
	u32 active_queues;
	struct sbitmap bitmap_tags;
	u32 wait_states[20];
	struct request **rqs;
	struct request **static_rqs; // at 120
	u32 page_list[2];
	u32 lock[1];
};

struct blk_mq_hw_ctx {
	u32 lock[7];
	struct list_head dispatch;
	u32 run_work[21];
	u32 flags;
	void *sched_data;
	struct request_queue *queue; // at 128
	struct blk_flush_queue *fq;
	void *driver_data;
	struct sbitmap ctx_map;
	u32 pad[3];
	struct blk_mq_ctx **ctxs; // at 176
	u32 nr_ctx;
	u32 dispatch_wait[6];
	struct blk_mq_tags *tags; // at 208
	struct blk_mq_tags *sched_tags;
	u32 rest[26];
};

struct blk_flush_queue {
	u32 flags[8];
	struct request *flush_rq;
	u32 lock;
};

struct blk_mq_tag_set {
	const char *name;
	struct blk_mq_tags *tags;
	u32 queue_depth;
	u32 cmd_size;
	struct list_head tag_list;
	int (*queue_rq)(struct request *rq);
	void (*init_request)(struct request *rq);
	void (*exit_request)(struct request *rq);
};

// Latency statistics in per-CPU memory: 16 buckets of 40 bytes, the 640-byte area of the report.
#define BLK_MQ_POLL_STATS_BKTS 16
struct blk_rq_stat {
	u64 mean, min, max;
	u32 nr_samples;
	u32 pad;
	u64 batch;
};

struct blk_stat_callback {
	struct list_head list;
	u32 timer[5];
	struct blk_rq_stat *cpu_stat; // per-CPU
	void *bucket_fn;
	u32 buckets;
	struct blk_rq_stat *stat;
	void *timer_fn;
	struct request_queue *data;
	struct rcu_head rcu; // at 52
};

struct request_queue {
	struct request *last_merge;
	void *elevator;
	struct percpu_ref q_usage_counter; // at 8
	void *stats;
	void *rq_qos;
	u32 rq_qos_mutex[4];
	struct blk_mq_tag_set *mq_ops; // at 40
	struct blk_mq_ctx *queue_ctx;  // per-CPU
	u32 queue_depth;
	struct blk_mq_hw_ctx *hctx_table[3];
	u32 nr_hw_queues;
	void *queuedata;
	u32 queue_flags;
	u32 pm_only;
	int id;
	u32 queue_lock;
	void *disk;
	u32 kobj[9];
	struct blk_mq_ctxs *mq_kobj; // at 128
	u32 limits_head[6];
	struct blk_stat_callback *poll_cb; // at 156
	struct blk_rq_stat *poll_stat;
	u32 timeout[5];
	u32 timeout_work[4];
	u32 limits[37];
	struct list_head requeue_list; // at 348
	u32 requeue_work[11];
	u32 sysfs_lock[10];
	u32 pad[1];
	struct rcu_head rcu_head; // at 444
	wait_queue_head_t mq_freeze_wq;
	u32 mq_freeze_lock[4];
	struct blk_mq_tag_set *tag_set;
	struct list_head tag_set_list;
	u32 mq_freeze_depth;
	u32 dying;
	u32 usage; // references to the queue itself
	u32 tail[3];
};

_Static_assert(sizeof(struct blk_mq_ctx) == 192, "the 192-byte per-CPU area");
_Static_assert(sizeof(struct blk_rq_stat) * BLK_MQ_POLL_STATS_BKTS == 640, "the 640-byte per-CPU area");
_Static_assert(offsetof(struct blk_mq_tags, static_rqs) == 120, "as in the crash dumps: BadVA 00000078");
_Static_assert(sizeof(struct blk_mq_hw_ctx) == 320 && offsetof(struct blk_mq_hw_ctx, tags) == 208, "as in Linux");
_Static_assert(sizeof(struct request) == 168 && sizeof(struct blk_stat_callback) == 60, "as in Linux");
_Static_assert(sizeof(struct request_queue) == 528, "seven to a 4 KB slab");
_Static_assert(offsetof(struct request_queue, rcu_head) == 444, "as in the crash dumps");

void blk_dev_init(void);
int blk_mq_alloc_tag_set(struct blk_mq_tag_set *set);
struct request_queue *blk_alloc_queue(void);
struct request_queue *blk_mq_init_queue(struct blk_mq_tag_set *set);
void blk_mq_destroy_queue(struct request_queue *q);
void blk_put_queue(struct request_queue *q);

struct request *blk_mq_alloc_request(struct request_queue *q);
void blk_mq_free_request(struct request *rq);
void blk_execute_rq(struct request *rq);
void blk_mq_complete_request(struct request *rq);
void blk_mq_run_done_list(void);
u32 blk_done_softirq(u32 a, u32 b, u32 c, u32 d);

struct blk_stat_callback *blk_stat_alloc_callback(struct request_queue *q);
void blk_stat_free_callback(struct blk_stat_callback *cb);
void *blk_alloc_queue_stats(void);

#endif
