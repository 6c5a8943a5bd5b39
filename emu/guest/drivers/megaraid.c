// MegaRAID driver, the running part: commands out, replies in. Called by the SCSI mid-layer and the interrupt handler.
#include "megaraid.h"

#define MFI_IO_TIMEOUT_SECS 180
#define POLL_INTERVAL_US    20000

#define READ_6   0x08
#define WRITE_6  0x0a
#define READ_10  0x28
#define WRITE_10 0x2a
#define READ_12  0xa8
#define WRITE_12 0xaa
#define READ_16  0x88
#define WRITE_16 0x8a
#define MODE_SELECT 0x15
#define SYNCHRONIZE_CACHE 0x35

#define MAX_FRAME_UNITS 2  // used of a frame: the frame, and INIT's queue information
#define POOL_FRAME_UNITS 17 // Linux has room for lists of up to 60 elements
#define SENSE_SIZE      128

// All commands at once, whose frames and sense buffers fill a thousand kilobytes of single pages: these are the first that pages of
// the per-CPU allocator go to when a controller is probed.
int megasas_alloc_cmds(struct megasas_instance *instance)
{
	struct dma_pool frames = { .size = MEGAMFI_FRAME_SIZE * POOL_FRAME_UNITS };
	struct dma_pool senses = { .size = SENSE_SIZE };
	u32 i;

	instance->mfi_frame_size = MEGAMFI_FRAME_SIZE * MAX_FRAME_UNITS;
	for (i = 0; i < instance->max_mfi_cmds; i++) {
		instance->cmd_list[i] = kzalloc(sizeof(struct megasas_cmd));
		if (!instance->cmd_list[i])
			return -1;
	}
	for (i = 0; i < instance->max_mfi_cmds; i++) {
		struct megasas_cmd *cmd = instance->cmd_list[i];

		cmd->frame = dma_pool_alloc(&frames);
		cmd->sense = dma_pool_alloc(&senses);
		if (!cmd->frame || !cmd->sense)
			return -1;
		memset(cmd->frame, 0, instance->mfi_frame_size);
		cmd->frame_phys_addr = __pa(cmd->frame);
		cmd->sense_phys_addr = __pa(cmd->sense);
		cmd->index = i;
		cmd->frame->hdr.context = le32(i);
		list_add_tail(&cmd->list, &instance->cmd_pool);
	}
	instance->nr_cmds = i;
	return 0;
}

struct megasas_cmd *megasas_get_cmd(struct megasas_instance *instance)
{
	struct megasas_cmd *cmd;

	if (list_empty(&instance->cmd_pool)) {
		printk("megaraid_sas %s: Command pool empty!\n", instance->name);
		return NULL;
	}
	cmd = list_first_entry(&instance->cmd_pool, struct megasas_cmd, list);
	list_del_init(&cmd->list);
	return cmd;
}

void megasas_return_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd)
{
	cmd->rq = NULL;
	cmd->rq_sense = NULL;
	cmd->frame_count = 0;
	memset(cmd->frame, 0, instance->mfi_frame_size);
	cmd->frame->hdr.context = le32(cmd->index);
	list_add(&cmd->list, &instance->cmd_pool);
}

void megasas_fire_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd)
{
	u32 further = cmd->frame_count ? cmd->frame_count - 1 : 0;

	writel_le((cmd->frame_phys_addr | further << 1) | 1, instance->reg_set + MFI_INBOUND_QUEUE_PORT);
}

int megasas_issue_polled(struct megasas_instance *instance, struct megasas_cmd *cmd)
{
	struct megasas_header *hdr = &cmd->frame->hdr;
	u32 polls = MFI_IO_TIMEOUT_SECS * 1000 / (POLL_INTERVAL_US / 1000);

	hdr->cmd_status = MFI_STAT_INVALID_STATUS;
	hdr->flags |= le16(MFI_FRAME_DONT_POST_IN_REPLY_QUEUE);
	megasas_fire_cmd(instance, cmd);
	while (READ_ONCE(hdr->cmd_status) == MFI_STAT_INVALID_STATUS) {
		if (polls-- == 0)
			return DCMD_TIMEOUT;
		udelay(POLL_INTERVAL_US);
	}
	return READ_ONCE(hdr->cmd_status) == MFI_STAT_OK ? DCMD_SUCCESS : DCMD_FAILED;
}

int megasas_issue_blocked(struct megasas_instance *instance, struct megasas_cmd *cmd)
{
	init_completion(&cmd->done);
	megasas_fire_cmd(instance, cmd);
	wait_for_completion(&cmd->done);
	return cmd->status_drv;
}

// Index of the target among the two channels of its kind.
static u32 megasas_dev_index(u32 channel, u32 id)
{
	return (channel % 2) * MEGASAS_MAX_DEV_PER_CHANNEL + id;
}

int megasas_slave_alloc(struct megasas_instance *instance, u32 channel, u32 id)
{
	u32 index = megasas_dev_index(channel, id);
	struct megasas_device *device;

	// Physical drives are scanned only when the firmware exposes them.
	if (!MEGASAS_IS_LOGICAL(channel) && !instance->pd_list_not_supported &&
	    instance->pd_list[index].driveState != MR_PD_STATE_SYSTEM)
		return -6;
	device = kzalloc(sizeof(*device));
	if (!device)
		return -12;
	instance->devices[channel * MEGASAS_MAX_DEV_PER_CHANNEL + id] = device;
	if (MEGASAS_IS_LOGICAL(channel))
		instance->ld_tgtid_status[index] = LD_TARGET_ID_ACTIVE;
	return 0;
}

void megasas_slave_destroy(struct megasas_instance *instance, u32 channel, u32 id)
{
	struct megasas_device **device = &instance->devices[channel * MEGASAS_MAX_DEV_PER_CHANNEL + id];

	if (MEGASAS_IS_LOGICAL(channel))
		instance->ld_tgtid_status[megasas_dev_index(channel, id)] = LD_TARGET_ID_DELETED;
	if (*device)
		kfree(*device);
	*device = NULL;
}

static u16 data_direction(u8 opcode, u32 len)
{
	if (len == 0)
		return MFI_FRAME_DIR_NONE;
	switch (opcode) {
	case WRITE_6:
	case WRITE_10:
	case WRITE_12:
	case WRITE_16:
	case MODE_SELECT:
		return MFI_FRAME_DIR_WRITE;
	default:
		return MFI_FRAME_DIR_READ;
	}
}

static bool is_read_write(u8 opcode)
{
	switch (opcode) {
	case READ_6:
	case WRITE_6:
	case READ_10:
	case WRITE_10:
	case READ_12:
	case WRITE_12:
	case READ_16:
	case WRITE_16:
		return true;
	default:
		return false;
	}
}

static u32 be32(const u8 *p) { return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3]; }

// Reads and writes of logical drives: LD_READ, LD_WRITE, in blocks.
static void megasas_build_ldio(struct megasas_cmd *cmd, u32 index, const u8 *cdb, u32 cdb_len, void *buf, u32 len)
{
	struct megasas_io_frame *ldio = &cmd->frame->io;
	u32 lba_hi = 0, lba_lo, count;

	switch (cdb_len) {
	case 6:
		lba_lo = be32(cdb) & 0x1fffff;
		count = cdb[4];
		break;
	case 10:
		lba_lo = be32(cdb + 2);
		count = (u32)cdb[7] << 8 | cdb[8];
		break;
	case 12:
		lba_lo = be32(cdb + 2);
		count = be32(cdb + 6);
		break;
	default:
		lba_hi = be32(cdb + 2);
		lba_lo = be32(cdb + 6);
		count = be32(cdb + 10);
		break;
	}
	ldio->hdr.cmd = cdb[0] & 0x02 ? MFI_CMD_LD_WRITE : MFI_CMD_LD_READ;
	ldio->hdr.target_id = index;
	ldio->hdr.lun = cdb_len != 6 ? cdb[1] : 0; // access byte
	ldio->hdr.flags = le16(data_direction(cdb[0], len));
	ldio->hdr.data_xfer_len = le32(count);
	ldio->start_lba_lo = le32(lba_lo);
	ldio->start_lba_hi = le32(lba_hi);
	ldio->hdr.sge_count = len ? 1 : 0;
	if (len) {
		ldio->sge[0].phys_addr = le32(__pa(buf));
		ldio->sge[0].length = le32(len);
	}
	ldio->hdr.sense_len = SCSI_SENSE_BUFFERSIZE;
	ldio->sense_buf_phys_addr_lo = le32(cmd->sense_phys_addr);
	cmd->frame_count = 1;
}

// Everything else: the CDB goes to the device as it is.
static void megasas_build_dcdb(struct megasas_cmd *cmd, u32 channel, u32 index, u32 lun, const u8 *cdb, u32 cdb_len,
			       void *buf, u32 len)
{
	struct megasas_pthru_frame *pthru = &cmd->frame->pthru;

	pthru->hdr.cmd = MEGASAS_IS_LOGICAL(channel) ? MFI_CMD_LD_SCSI_IO : MFI_CMD_PD_SCSI_IO;
	pthru->hdr.target_id = index;
	pthru->hdr.lun = lun;
	pthru->hdr.cdb_len = cdb_len;
	pthru->hdr.flags = le16(data_direction(cdb[0], len));
	pthru->hdr.data_xfer_len = le32(len);
	memcpy(pthru->cdb, cdb, cdb_len);
	pthru->hdr.sge_count = len ? 1 : 0;
	if (len) {
		pthru->sge[0].phys_addr = le32(__pa(buf));
		pthru->sge[0].length = le32(len);
	}
	pthru->hdr.sense_len = SCSI_SENSE_BUFFERSIZE;
	pthru->sense_buf_phys_addr_lo = le32(cmd->sense_phys_addr);
	cmd->frame_count = 1;
}

// What the driver answers without asking the firmware: the result, or -1 for a command to be sent.
static int megasas_refuse(struct megasas_instance *instance, u32 channel, u32 id, u32 lun, u8 opcode)
{
	if (instance->unload || !instance->devices[channel * MEGASAS_MAX_DEV_PER_CHANNEL + id])
		return DID_NO_CONNECT << 16;
	if (!MEGASAS_IS_LOGICAL(channel))
		return -1;
	if (instance->ld_tgtid_status[megasas_dev_index(channel, id)] == LD_TARGET_ID_DELETED)
		return DID_NO_CONNECT << 16;
	// The id within the channel, not the index: ids 64.. of both channels never reach the firmware.
	if (id >= instance->fw_supported_vd_count || lun != 0)
		return DID_BAD_TARGET << 16;
	if (opcode == SYNCHRONIZE_CACHE) // the controller looks after its drives' caches
		return DID_OK << 16;
	return -1;
}

int megasas_queue_command(struct megasas_instance *instance, struct request *rq, u32 channel, u32 id, u32 lun,
			  const u8 *cdb, u32 cdb_len, void *buf, u32 len, u8 *sense)
{
	u32 index = megasas_dev_index(channel, id);
	int result = cdb_len > 16 ? DID_ERROR << 16 : megasas_refuse(instance, channel, id, lun, cdb[0]);
	struct megasas_cmd *cmd;

	if (result != -1) {
		scsi_done(rq, result);
		return 0;
	}
	cmd = megasas_get_cmd(instance);
	if (!cmd)
		return SCSI_MLQUEUE_HOST_BUSY;
	if (MEGASAS_IS_LOGICAL(channel) && is_read_write(cdb[0]))
		megasas_build_ldio(cmd, index, cdb, cdb_len, buf, len);
	else
		megasas_build_dcdb(cmd, channel, index, lun, cdb, cdb_len, buf, len);
	cmd->rq = rq;
	cmd->rq_sense = sense;
	instance->fw_outstanding++;
	megasas_fire_cmd(instance, cmd);
	return 0;
}

// The firmware's answer to a SCSI command in the mid-layer's terms.
static int megasas_scsi_result(struct megasas_instance *instance, struct megasas_cmd *cmd)
{
	struct megasas_header *hdr = &cmd->frame->hdr;

	switch (hdr->cmd_status) {
	case MFI_STAT_OK:
		return DID_OK << 16;
	case MFI_STAT_SCSI_IO_FAILED:
	case MFI_STAT_LD_INIT_IN_PROGRESS:
		return DID_ERROR << 16 | (hdr->scsi_status == 0xf0 ? SAM_STAT_CHECK_CONDITION : hdr->scsi_status);
	case MFI_STAT_SCSI_DONE_WITH_ERROR:
		if (hdr->scsi_status == SAM_STAT_CHECK_CONDITION && cmd->rq_sense) {
			u32 n = hdr->sense_len < SCSI_SENSE_BUFFERSIZE ? hdr->sense_len : SCSI_SENSE_BUFFERSIZE;

			memset(cmd->rq_sense, 0, SCSI_SENSE_BUFFERSIZE);
			memcpy(cmd->rq_sense, cmd->sense, n);
		}
		return DID_OK << 16 | hdr->scsi_status;
	case MFI_STAT_LD_OFFLINE:
	case MFI_STAT_DEVICE_NOT_FOUND:
		return DID_BAD_TARGET << 16;
	default:
		printk("megaraid_sas %s: MFI FW status %#x\n", instance->name, hdr->cmd_status);
		return DID_ERROR << 16;
	}
}

static void megasas_complete_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd)
{
	struct megasas_header *hdr = &cmd->frame->hdr;

	switch (hdr->cmd) {
	case MFI_CMD_PD_SCSI_IO:
	case MFI_CMD_LD_SCSI_IO:
	case MFI_CMD_LD_READ:
	case MFI_CMD_LD_WRITE:
		instance->fw_outstanding--;
		scsi_done(cmd->rq, megasas_scsi_result(instance, cmd));
		megasas_return_cmd(instance, cmd);
		break;
	case MFI_CMD_DCMD:
		if (cmd == instance->aen_cmd) {
			// An event, or the abort of the wait for one. Nobody in this kernel asks for them.
			instance->aen_cmd = NULL;
			megasas_return_cmd(instance, cmd);
			break;
		}
		cmd->status_drv = hdr->cmd_status == MFI_STAT_OK ? DCMD_SUCCESS : DCMD_FAILED;
		complete(&cmd->done);
		break;
	default:
		printk("megaraid_sas %s: Unknown command completed! [0x%X]\n", instance->name, hdr->cmd);
		break;
	}
}

// Empties the reply queue (Linux: a tasklet). noinline: it shows in call traces.
static noinline void megasas_complete_cmd_dpc(struct megasas_instance *instance)
{
	u32 producer = le32(READ_ONCE(*instance->producer));
	u32 consumer = le32(READ_ONCE(*instance->consumer));

	while (consumer != producer) {
		u32 context = le32(READ_ONCE(instance->reply_queue[consumer]));

		if (context >= instance->nr_cmds) {
			printk("megaraid_sas %s: Unexpected context value %x\n", instance->name, context);
			asm volatile("break 512"); // BUG()
		}
		megasas_complete_cmd(instance, instance->cmd_list[context]);
		if (++consumer == instance->max_fw_cmds + 1)
			consumer = 0;
	}
	WRITE_ONCE(*instance->consumer, le32(producer));
}

int megasas_isr(struct megasas_instance *instance)
{
	u32 status = readl_le(instance->reg_set + MFI_OUTBOUND_INTR_STATUS);

	instance->isr_calls++;
	if (!(status & MFI_REPLY_1078_MESSAGE_INTERRUPT))
		return 0;
	writel_le(status, instance->reg_set + MFI_OUTBOUND_DOORBELL_CLEAR);
	readl_le(instance->reg_set + MFI_OUTBOUND_DOORBELL_CLEAR); // flushes the posted write
	megasas_complete_cmd_dpc(instance);
	return 1;
}

u32 megasas_interrupt(u32 a, u32 b, u32 c, u32 d)
{
	u32 handled = 0;

	for (u32 i = 0; i < megasas_nr_instances; i++)
		handled += megasas_isr(megasas_instances[i]);
	return handled;
}
