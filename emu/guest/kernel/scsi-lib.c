// One SCSI command through the request queue (drivers/scsi/scsi_lib.c).
#include "kernel.h"
#include "../drivers/megaraid.h"

// The driver's part of a request, behind it in memory (scsi_cmnd).
struct scsi_cmnd {
	struct scsi_device *device;
	u32 cmd_len;
	u8 cmnd[16];
	void *buffer;
	u32 bufflen;
	u8 *sense_buffer;
	u32 rest[38];
};

static inline struct scsi_cmnd *blk_mq_rq_to_pdu(struct request *rq) { return (struct scsi_cmnd *)(rq + 1); }

static struct kmem_cache *scsi_sense_cache;

static void scsi_mq_init_request(struct request *rq) { blk_mq_rq_to_pdu(rq)->sense_buffer = kmem_cache_alloc(scsi_sense_cache); }

static void scsi_mq_exit_request(struct request *rq) { kmem_cache_free(scsi_sense_cache, blk_mq_rq_to_pdu(rq)->sense_buffer); }

void scsi_done(struct request *rq, u32 result)
{
	rq->result = result;
	blk_mq_complete_request(rq);
}

static noinline int scsi_dispatch_cmd(struct request *rq)
{
	struct scsi_cmnd *cmd = blk_mq_rq_to_pdu(rq);
	struct scsi_device *sdev = cmd->device;

	return megasas_queue_command(sdev->host->hostdata, rq, sdev->channel, sdev->id, sdev->lun, cmd->cmnd,
				     cmd->cmd_len, cmd->buffer, cmd->bufflen, cmd->sense_buffer);
}

// The interrupt of a command that the firmware answers at once comes in at the step behind the dispatch.
static noinline int scsi_queue_rq(struct request *rq)
{
	struct scsi_cmnd *cmd = blk_mq_rq_to_pdu(rq);
	struct sbitmap *budget = &cmd->device->budget_map;
	int token = sbitmap_get(budget);
	int busy = scsi_dispatch_cmd(rq);

	if (busy)
		rq->result = DID_ERROR << 16;
	sbitmap_put(budget, token);
	step(STEP_SUBMIT);
	return busy;
}

noinline int scsi_execute(struct scsi_device *sdev, const u8 *cdb, u32 cmd_len, void *buffer, u32 len)
{
	struct request *rq = blk_mq_alloc_request(sdev->request_queue);
	struct scsi_cmnd *cmd;
	int result;

	if (!rq)
		return DID_BAD_TARGET << 16;
	cmd = blk_mq_rq_to_pdu(rq);
	cmd->device = sdev;
	cmd->cmd_len = cmd_len;
	memcpy(cmd->cmnd, cdb, cmd_len);
	cmd->buffer = buffer;
	cmd->bufflen = len;
	memset(cmd->sense_buffer, 0, SCSI_SENSE_BUFFERSIZE);
	blk_execute_rq(rq);
	result = rq->result;
	blk_mq_free_request(rq);
	return result;
}

// megasas asks for 80 scatter-gather entries at most; two fit into the command.
#define SCSI_CMD_SIZE (sizeof(struct scsi_cmnd) + 2 * 16)

// What a host's error handler and the rescuer of its work queue do here.
u32 scsi_host_thread(u32 unused)
{
	for (;;)
		schedule();
}

// scsi_host_alloc(): the thread that asks sleeps twice, while its threads are made.
struct Scsi_Host *scsi_host_alloc(u32 host_no)
{
	struct Scsi_Host *shost = kzalloc(sizeof(*shost));
	char name[TASK_COMM_LEN];

	shost->host_no = host_no;
	snprintf(name, sizeof(name), "scsi_eh_%u", host_no);
	kthread_run(scsi_host_thread, 0, SCSI_FIRST_PID + 2 * host_no, name);
	snprintf(name, sizeof(name), "scsi_tmf_%u", host_no);
	kthread_run(scsi_host_thread, 0, SCSI_FIRST_PID + 2 * host_no + 1, name);
	return shost;
}

void scsi_add_host(struct Scsi_Host *shost)
{
	INIT_LIST_HEAD(&shost->__devices);
	INIT_LIST_HEAD(&shost->__targets);
	if (!scsi_sense_cache)
		scsi_sense_cache = kmem_cache_create("scsi_sense_cache", SCSI_SENSE_BUFFERSIZE, 32);
	shost->tag_set.name = "scsi";
	shost->tag_set.queue_depth = megasas_max_commands(shost->hostdata);
	shost->tag_set.cmd_size = SCSI_CMD_SIZE;
	shost->tag_set.queue_rq = scsi_queue_rq;
	shost->tag_set.init_request = scsi_mq_init_request;
	shost->tag_set.exit_request = scsi_mq_exit_request;
	blk_mq_alloc_tag_set(&shost->tag_set);
	shost->gendev = kobject_create_and_add("host", NULL, 6);
}
