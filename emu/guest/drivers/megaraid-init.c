// MegaRAID driver, bringing a controller up: firmware state, reply queue, INIT, controller information, drive lists. The
// console lines and their order are those of megaraid_sas 07.719.03.00-rc1 (Linux 6.1) with a QEMU controller.
#include "megaraid.h"

#define MEGASAS_VERSION "07.719.03.00-rc1"
#define SGE_BUFFER_SIZE 4096
#define EVT_DETAIL_SIZE 256
#define RESET_WAIT_US   180000000
#define STATE_POLL_US   20000

#define dev_info(instance, fmt, ...) printk("megaraid_sas %s: " fmt, (instance)->name, ##__VA_ARGS__)

struct megasas_instance *megasas_instances[MEGASAS_MAX_ADAPTERS];
u32 megasas_nr_instances;

u32 megasas_max_commands(const struct megasas_instance *instance) { return instance->max_scsi_cmds; }

static u32 read_fw_status(struct megasas_instance *instance)
{
	return readl_le(instance->reg_set + MFI_OUTBOUND_SCRATCH_PAD_0);
}

static void megasas_enable_intr(struct megasas_instance *instance)
{
	writel_le(0xffffffff, instance->reg_set + MFI_OUTBOUND_DOORBELL_CLEAR);
	writel_le(~MFI_REPLY_1078_MESSAGE_INTERRUPT, instance->reg_set + MFI_OUTBOUND_INTR_MASK);
	readl_le(instance->reg_set + MFI_OUTBOUND_INTR_MASK);
}

static void megasas_disable_intr(struct megasas_instance *instance)
{
	writel_le(0xffffffff, instance->reg_set + MFI_OUTBOUND_INTR_MASK);
	readl_le(instance->reg_set + MFI_OUTBOUND_INTR_MASK);
}

// Helps the firmware out of the state it is in, where the host can.
static int leave_state(struct megasas_instance *instance, u32 state)
{
	switch (state) {
	case MFI_STATE_WAIT_HANDSHAKE:
		writel_le(MFI_INIT_CLEAR_HANDSHAKE | MFI_INIT_HOTPLUG, instance->reg_set + MFI_INBOUND_DOORBELL);
		return 0;
	case MFI_STATE_BOOT_MESSAGE_PENDING:
		writel_le(MFI_INIT_HOTPLUG, instance->reg_set + MFI_INBOUND_DOORBELL);
		return 0;
	case MFI_STATE_OPERATIONAL:
		megasas_disable_intr(instance);
		writel_le(MFI_RESET_FLAGS, instance->reg_set + MFI_INBOUND_DOORBELL);
		return 0;
	case MFI_STATE_UNDEFINED:
	case MFI_STATE_BB_INIT:
	case MFI_STATE_FW_INIT:
	case MFI_STATE_FW_INIT_2:
	case MFI_STATE_DEVICE_SCAN:
	case MFI_STATE_FLUSH_CACHE:
		return 0;
	case MFI_STATE_FAULT:
		dev_info(instance, "FW in FAULT state, Fault code:0x%x subcode:0x%x func:%s\n",
			 read_fw_status(instance) & 0x0fff0000, read_fw_status(instance) & 0xff00, "megasas_transition_to_ready");
		return -1;
	default:
		dev_info(instance, "Unknown state 0x%x\n", state);
		return -1;
	}
}

static int megasas_transition_to_ready(struct megasas_instance *instance)
{
	u32 status = read_fw_status(instance);

	if ((status & MFI_STATE_MASK) != MFI_STATE_READY)
		dev_info(instance, "Waiting for FW to come to ready state\n");
	while ((status & MFI_STATE_MASK) != MFI_STATE_READY) {
		u32 old = status;
		u32 waited = 0;

		if (leave_state(instance, status & MFI_STATE_MASK))
			return -1;
		while ((status = read_fw_status(instance)) == old) {
			if (waited >= RESET_WAIT_US) {
				dev_info(instance, "FW state [%d] hasn't changed in %d secs\n", old & MFI_STATE_MASK,
					 RESET_WAIT_US / 1000000);
				return -1;
			}
			udelay(STATE_POLL_US);
			waited += STATE_POLL_US;
		}
	}
	dev_info(instance, "FW now in Ready state\n");
	return 0;
}

// A direct command with one buffer that the firmware fills.
static struct megasas_dcmd_frame *prepare_dcmd(struct megasas_cmd *cmd, u32 opcode, void *buf, u32 len)
{
	struct megasas_dcmd_frame *dcmd = &cmd->frame->dcmd;

	memset(&dcmd->mbox, 0, sizeof(dcmd->mbox));
	dcmd->hdr.cmd = MFI_CMD_DCMD;
	dcmd->hdr.cmd_status = MFI_STAT_INVALID_STATUS;
	dcmd->hdr.sge_count = 1;
	dcmd->hdr.flags = le16(MFI_FRAME_DIR_READ);
	dcmd->hdr.data_xfer_len = le32(len);
	dcmd->opcode = le32(opcode);
	dcmd->sge[0].phys_addr = le32(__pa(buf));
	dcmd->sge[0].length = le32(len);
	return dcmd;
}

// After a polled command. One that timed out is still the firmware's: its frame must not be used again.
static void finish_polled(struct megasas_instance *instance, struct megasas_cmd *cmd, int ret)
{
	if (ret != DCMD_TIMEOUT)
		megasas_return_cmd(instance, cmd);
}

static int issue_init_mfi(struct megasas_instance *instance)
{
	struct megasas_cmd *cmd = megasas_get_cmd(instance);
	struct megasas_init_frame *init;
	struct megasas_init_queue_info *info;
	int ret;

	if (!cmd)
		return -1;
	// The frame needs no list, so the queue information takes the list's place, behind the first 64 bytes.
	init = &cmd->frame->init;
	info = (struct megasas_init_queue_info *)(cmd->frame->raw_bytes + MEGAMFI_FRAME_SIZE);
	memset(info, 0, sizeof(*info));
	info->reply_queue_entries = le32(instance->max_fw_cmds + 1);
	info->reply_queue_start_phys_addr_lo = le32(__pa(instance->reply_queue));
	info->producer_index_phys_addr_lo = le32(__pa(instance->producer));
	info->consumer_index_phys_addr_lo = le32(__pa(instance->consumer));
	init->hdr.cmd = MFI_CMD_INIT;
	init->hdr.data_xfer_len = le32(sizeof(*info));
	init->queue_info_new_phys_addr_lo = le32(cmd->frame_phys_addr + MEGAMFI_FRAME_SIZE);
	megasas_disable_intr(instance);
	ret = megasas_issue_polled(instance, cmd);
	if (ret)
		dev_info(instance, "Failed to init firmware\n");
	finish_polled(instance, cmd, ret);
	return ret;
}

static u32 info32(const u8 *info, u32 offset) { return le32(*(const le32_t *)(info + offset)); }
static u32 info16(const u8 *info, u32 offset) { return le16(*(const le16_t *)(info + offset)); }
static const char *yes_no(u32 bit) { return bit ? "Yes" : "No"; }

static void print_ctrl_info(struct megasas_instance *instance)
{
	const u8 *info = instance->ctrl_info_buf;
	u32 ops3 = info32(info, CTRL_INFO_ADAPTER_OPS3);
	u32 memory = info16(info, CTRL_INFO_MEMORY_SIZE);

	step(STEP_FW_INIT);
	dev_info(instance, "controller type\t: %s(%dMB)\n", memory ? "MR" : "iMR", memory);
	instance->disableOnlineCtrlReset = info32(info, CTRL_INFO_ONOFF) >> 10 & 1;
	dev_info(instance, "Online Controller Reset(OCR)\t: %s\n",
		 instance->disableOnlineCtrlReset ? "Disabled" : "Enabled");
	dev_info(instance, "Secure JBOD support\t: %s\n", yes_no(ops3 >> 18 & 1));
	dev_info(instance, "NVMe passthru support\t: %s\n", yes_no(info16(info, CTRL_INFO_ADAPTER_OPS4) >> 13 & 1));
	dev_info(instance, "FW provided TM TaskAbort/Reset timeout\t: %d secs/%d secs\n", info[CTRL_INFO_TASK_ABORT_TO],
		 info[CTRL_INFO_MAX_RESET_TO]);
	dev_info(instance, "JBOD sequence map support\t: %s\n", yes_no(ops3 >> 24 & 1));
	dev_info(instance, "PCI Lane Margining support\t: %s\n", yes_no(info32(info, CTRL_INFO_ADAPTER_OPS5) >> 12 & 1));
}

static int megasas_get_ctrl_info(struct megasas_instance *instance)
{
	struct megasas_cmd *cmd = megasas_get_cmd(instance);
	int ret;

	if (!cmd)
		return -1;
	prepare_dcmd(cmd, MR_DCMD_CTRL_GET_INFO, instance->ctrl_info_buf, CTRL_INFO_SIZE)->mbox.b[0] = 1;
	ret = megasas_issue_polled(instance, cmd);
	if (ret == DCMD_SUCCESS)
		print_ctrl_info(instance);
	else
		dev_info(instance, "Could get controller info Fail\n");
	finish_polled(instance, cmd, ret);
	return ret;
}

static int megasas_init_adapter_mfi(struct megasas_instance *instance)
{
	u32 status = read_fw_status(instance);

	// One less than the firmware takes, so that the reply queue, one longer, is no longer than that.
	instance->max_fw_cmds = (status & 0xffff) - 1;
	instance->max_mfi_cmds = instance->max_fw_cmds;
	instance->max_num_sge = status >> 16 & 0xff;
	instance->max_scsi_cmds = instance->max_fw_cmds - MEGASAS_INT_CMDS;
	instance->cmd_list = kzalloc(instance->max_mfi_cmds * sizeof(struct megasas_cmd *));
	instance->reply_queue = dma_alloc_coherent((instance->max_fw_cmds + 1) * sizeof(u32));
	if (!instance->cmd_list || !instance->reply_queue || megasas_alloc_cmds(instance))
		return -1;
	if (issue_init_mfi(instance) || megasas_get_ctrl_info(instance))
		return -1;
	dev_info(instance, "megasas_init_mfi: fw_support_ieee=%d\n", read_fw_status(instance) & 0x04000000);
	return 0;
}

static int megasas_get_pd_list(struct megasas_instance *instance)
{
	struct MR_PD_LIST *list = instance->pd_list_buf;
	struct megasas_cmd *cmd = megasas_get_cmd(instance);
	int ret;

	if (!cmd)
		return -1;
	memset(list, 0, sizeof(*list));
	prepare_dcmd(cmd, MR_DCMD_PD_LIST_QUERY, list, MEGASAS_MAX_PD * sizeof(*list))->mbox.b[0] =
		MR_PD_QUERY_TYPE_EXPOSED_TO_HOST;
	ret = megasas_issue_polled(instance, cmd);
	if (ret == DCMD_FAILED) {
		dev_info(instance, "MR_DCMD_PD_LIST_QUERY failed/not supported by firmware\n");
		instance->pd_list_not_supported = 1;
	} else if (ret == DCMD_SUCCESS && le32(list->count) <= MEGASAS_MAX_PD) {
		memset(instance->pd_list, 0, sizeof(instance->pd_list));
		for (u32 i = 0; i < le32(list->count); i++) {
			u32 id = le16(list->addr[i].deviceId);

			if (id >= MEGASAS_MAX_PD)
				continue;
			instance->pd_list[id].tid = id;
			instance->pd_list[id].driveType = list->addr[i].scsiDevType;
			instance->pd_list[id].driveState = MR_PD_STATE_SYSTEM;
		}
	}
	finish_polled(instance, cmd, ret);
	return ret == DCMD_TIMEOUT ? -1 : 0;
}

// For firmware that does not know LD_LIST_QUERY.
static int megasas_get_ld_list(struct megasas_instance *instance)
{
	struct MR_LD_LIST *list = instance->ld_list_buf;
	struct megasas_cmd *cmd = megasas_get_cmd(instance);
	int ret;

	if (!cmd)
		return -1;
	prepare_dcmd(cmd, MR_DCMD_LD_GET_LIST, list, sizeof(*list));
	ret = megasas_issue_polled(instance, cmd);
	if (ret == DCMD_SUCCESS && le32(list->ldCount) <= instance->fw_supported_vd_count) {
		memset(instance->ld_ids, 0xff, sizeof(instance->ld_ids));
		for (u32 i = 0; i < le32(list->ldCount); i++)
			if (list->ldList[i].state != 0)
				instance->ld_ids[list->ldList[i].targetId] = list->ldList[i].targetId;
	}
	finish_polled(instance, cmd, ret);
	return ret;
}

static int megasas_ld_list_query(struct megasas_instance *instance)
{
	struct MR_LD_TARGETID_LIST *list = instance->ld_targetid_list_buf;
	struct megasas_cmd *cmd = megasas_get_cmd(instance);
	int ret;

	if (!cmd)
		return -1;
	memset(list, 0, sizeof(*list));
	prepare_dcmd(cmd, MR_DCMD_LD_LIST_QUERY, list, sizeof(*list))->mbox.b[0] = MR_LD_QUERY_TYPE_EXPOSED_TO_HOST;
	ret = megasas_issue_polled(instance, cmd);
	if (ret == DCMD_SUCCESS && le32(list->count) <= instance->fw_supported_vd_count) {
		memset(instance->ld_ids, 0xff, sizeof(instance->ld_ids));
		for (u32 i = 0; i < le32(list->count); i++)
			instance->ld_ids[list->targetId[i]] = list->targetId[i];
	}
	finish_polled(instance, cmd, ret);
	if (ret == DCMD_FAILED) {
		dev_info(instance, "DCMD not supported by firmware - megasas_ld_list_query 4932\n");
		ret = megasas_get_ld_list(instance);
	}
	return ret;
}

static void print_limits(struct megasas_instance *instance)
{
	const u8 *info = instance->ctrl_info_buf;
	u32 sectors = (1u << info[CTRL_INFO_STRIPE_MIN]) * info16(info, CTRL_INFO_MAX_STRIPS);
	u32 request = info32(info, CTRL_INFO_MAX_REQUEST_SIZE);

	dev_info(instance, "pci id\t\t: (0x%04x)/(0x%04x)/(0x%04x)/(0x%04x)\n", info16(info, CTRL_INFO_PCI_VENDOR),
		 info16(info, CTRL_INFO_PCI_VENDOR + 2), info16(info, CTRL_INFO_PCI_VENDOR + 4),
		 info16(info, CTRL_INFO_PCI_VENDOR + 6));
	instance->UnevenSpanSupport = info32(info, CTRL_INFO_ADAPTER_OPS2) >> 20 & 1;
	dev_info(instance, "unevenspan support\t: %s\n", instance->UnevenSpanSupport ? "yes" : "no");
	dev_info(instance, "firmware crash dump\t: %s\n", info32(info, CTRL_INFO_ADAPTER_OPS3) >> 6 & 1 ? "yes" : "no");
	dev_info(instance, "JBOD sequence map\t: disabled\n");
	if (request < sectors)
		sectors = request;
	instance->max_sectors_per_req = instance->max_num_sge * SGE_BUFFER_SIZE / 512;
	if (sectors && sectors < instance->max_sectors_per_req)
		instance->max_sectors_per_req = sectors;
}

// The buffers the real driver allocates while it loads, except those for crash dumps and other controller series.
static int alloc_ctrl_dma_buffers(struct megasas_instance *instance)
{
	instance->producer = dma_alloc_coherent(sizeof(u32));
	instance->consumer = dma_alloc_coherent(sizeof(u32));
	instance->evt_detail = dma_alloc_coherent(EVT_DETAIL_SIZE);
	instance->pd_list_buf = dma_alloc_coherent(MEGASAS_MAX_PD * sizeof(struct MR_PD_LIST));
	instance->ctrl_info_buf = dma_alloc_coherent(CTRL_INFO_SIZE);
	instance->ld_list_buf = dma_alloc_coherent(sizeof(struct MR_LD_LIST));
	instance->ld_targetid_list_buf = dma_alloc_coherent(sizeof(struct MR_LD_TARGETID_LIST));
	if (!instance->producer || !instance->consumer || !instance->evt_detail || !instance->pd_list_buf ||
	    !instance->ctrl_info_buf || !instance->ld_list_buf || !instance->ld_targetid_list_buf) {
		dev_info(instance, "Failed to allocate DMA buffers\n");
		return -1;
	}
	*instance->producer = 0;
	*instance->consumer = 0;
	return 0;
}

static int megasas_init_fw(struct megasas_instance *instance)
{
	u32 base = instance->pdev->bar[0].start;

	instance->reg_set = KSEG1 | base;
	dev_info(instance, "BAR:0x0  BAR's base_addr(phys):0x%08x  mapped virt_addr:0x%08x\n", base, instance->reg_set);
	if (megasas_transition_to_ready(instance)) {
		dev_info(instance, "Failed to transition controller to ready from megasas_init_fw!\n");
		return -1;
	}
	dev_info(instance, "32 bit DMA mask and 32 bit consistent mask\n");
	if (alloc_ctrl_dma_buffers(instance))
		return -1;
	step(STEP_FW_COMMANDS);
	dev_info(instance, "current msix/online cpus\t: (0/1)\n");
	dev_info(instance, "RDPQ mode\t: (disabled)\n");
	instance->fw_supported_vd_count = MAX_LOGICAL_DRIVES;
	if (megasas_init_adapter_mfi(instance))
		return -1;
	megasas_enable_intr(instance);
	dev_info(instance, "INIT adapter done\n");
	dev_info(instance, "JBOD sequence map is disabled megasas_setup_jbod_map 5802\n");
	if (megasas_get_pd_list(instance)) {
		dev_info(instance, "failed to get PD list\n");
		return -1;
	}
	if (megasas_ld_list_query(instance)) {
		dev_info(instance, "failed to get LD list\n");
		return -1;
	}
	print_limits(instance);
	return 0;
}

struct pci_dev *megasas_enable_device(u32 slot)
{
	struct pci_dev *pdev = pci_get_slot(slot);

	if (megasas_nr_instances == 0)
		printk("megasas: %s\n", MEGASAS_VERSION);
	if (!pdev || pdev->vendor != PCI_VENDOR_ID_LSI_LOGIC || pdev->device != PCI_DEVICE_ID_LSI_SAS1078R ||
	    megasas_nr_instances == MEGASAS_MAX_ADAPTERS)
		return NULL;
	pci_enable_device_mem(pdev, "megaraid_sas");
	pci_set_master(pdev);
	return pdev;
}

struct megasas_instance *megasas_init_instance(struct pci_dev *pdev)
{
	struct megasas_instance *instance = kzalloc(sizeof(*instance));

	if (!instance)
		return NULL;
	instance->devices = kzalloc(MEGASAS_MAX_CHANNELS * MEGASAS_MAX_DEV_PER_CHANNEL * sizeof(instance->devices[0]));
	instance->pdev = pdev;
	instance->name = pdev->name;
	instance->unload = 1;
	INIT_LIST_HEAD(&instance->cmd_pool);
	if (!instance->devices || megasas_init_fw(instance)) {
		dev_info(instance, "Failed from megasas_init_fw\n");
		// Buffers stay: this kernel has no way to give coherent memory back.
		if (instance->reg_set)
			megasas_disable_intr(instance);
		return NULL;
	}
	dev_info(instance, "Max firmware commands: %d shared with default hw_queues = 1 poll_queues 0\n",
		 instance->max_fw_cmds);
	megasas_instances[megasas_nr_instances++] = instance;
	instance->unload = 0;
	return instance;
}

int megasas_start_aen(struct megasas_instance *instance)
{
	struct megasas_cmd *cmd = megasas_get_cmd(instance);
	struct megasas_evt_log_info *log = (struct megasas_evt_log_info *)instance->evt_detail;
	struct megasas_dcmd_frame *dcmd;
	int ret;

	if (!cmd)
		return -1;
	prepare_dcmd(cmd, MR_DCMD_CTRL_EVENT_GET_INFO, log, sizeof(*log));
	ret = megasas_issue_blocked(instance, cmd);
	instance->last_seq_num = le32(log->newest_seq_num) + 1;
	megasas_return_cmd(instance, cmd);
	if (ret != DCMD_SUCCESS)
		return -1;

	cmd = megasas_get_cmd(instance);
	if (!cmd)
		return -1;
	memset(instance->evt_detail, 0, EVT_DETAIL_SIZE);
	dcmd = prepare_dcmd(cmd, MR_DCMD_CTRL_EVENT_WAIT, instance->evt_detail, EVT_DETAIL_SIZE);
	dcmd->mbox.w[0] = le32(instance->last_seq_num);
	dcmd->mbox.w[1] = le32(MR_EVT_LOCALE_ALL | (u32)MR_EVT_CLASS_DEBUG << 24);
	instance->aen_cmd = cmd;
	megasas_fire_cmd(instance, cmd); // stays with the firmware until there is an event
	return 0;
}

struct megasas_instance *megasas_probe_one(u32 slot)
{
	struct pci_dev *pdev = megasas_enable_device(slot);

	return pdev ? megasas_init_instance(pdev) : NULL;
}
