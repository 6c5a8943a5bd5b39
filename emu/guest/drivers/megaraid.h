// The MegaRAID SAS driver (Linux: drivers/scsi/megaraid/megaraid_sas_base.c), for controllers of the MFI series:
// commands are frames in memory, posted one by one, answered through a reply queue.
//
//   kernel start-up   pci_init(); for each controller megasas_probe_one(), scsi_add_host, scsi_scan_host,
//                     megasas_start_aen()
//   SCSI mid-layer    megasas_slave_alloc(), megasas_queue_command(), megasas_slave_destroy()
//   interrupt         megasas_interrupt()
#ifndef DRIVERS_MEGARAID_H
#define DRIVERS_MEGARAID_H

#include "kernel.h"
#include "mfi.h"
#include "pci.h"

#define PCI_VENDOR_ID_LSI_LOGIC   0x1000
#define PCI_DEVICE_ID_LSI_SAS1078R 0x0060

// Two channels of physical drives, two of logical ones, 128 ids each: 512 targets for the SCSI scan.
#define MEGASAS_MAX_PD_CHANNELS     2
#define MEGASAS_MAX_LD_CHANNELS     2
#define MEGASAS_MAX_CHANNELS        (MEGASAS_MAX_PD_CHANNELS + MEGASAS_MAX_LD_CHANNELS)
#define MEGASAS_MAX_DEV_PER_CHANNEL 128
#define MEGASAS_MAX_PD              (MEGASAS_MAX_PD_CHANNELS * MEGASAS_MAX_DEV_PER_CHANNEL)
#define MEGASAS_MAX_LD_IDS          (MEGASAS_MAX_LD_CHANNELS * MEGASAS_MAX_DEV_PER_CHANNEL)
#define MAX_LOGICAL_DRIVES          64
#define MEGASAS_MAX_ADAPTERS        3
#define MEGASAS_INT_CMDS            32 // commands the driver keeps for itself
#define MEGASAS_IS_LOGICAL(channel) ((channel) >= MEGASAS_MAX_PD_CHANNELS)

// Result of a SCSI command: host byte << 16 | SCSI status.
#define DID_OK         0x00
#define DID_NO_CONNECT 0x01
#define DID_BAD_TARGET 0x04
#define DID_ERROR      0x07
#define SAM_STAT_CHECK_CONDITION 0x02
#define SCSI_MLQUEUE_HOST_BUSY   0x1055
#define SCSI_SENSE_BUFFERSIZE    96

// Result of the internal commands.
#define DCMD_SUCCESS 0
#define DCMD_TIMEOUT 1
#define DCMD_FAILED  2

// State of a logical target id.
#define LD_TARGET_ID_INITIAL 0
#define LD_TARGET_ID_ACTIVE  1
#define LD_TARGET_ID_DELETED 2

struct megasas_pd_list {
	u16 tid;
	u8 driveType;
	u8 driveState;
};

// Per-device data of the driver (struct MR_PRIV_DEVICE), allocated by megasas_slave_alloc.
struct megasas_device {
	u8 is_tm_capable, tm_busy;
	u32 sdev_priv_busy;
	u32 r1_ldio_hint;
	u8 interface_type, task_abort_tmo, target_reset_tmo;
};

struct megasas_cmd {
	union megasas_frame *frame;
	u32 frame_phys_addr;
	u8 *sense;
	u32 sense_phys_addr;
	u32 index;
	struct list_head list;
	u32 frame_count;
	struct request *rq; // of a SCSI command
	u8 *rq_sense;       // its sense buffer, or NULL
	struct completion done; // of an internal command
	int status_drv;         // and its DCMD_* result
};

struct megasas_instance {
	struct pci_dev *pdev;
	const char *name; // 0000:00:14.0
	u32 reg_set;      // BAR 0 in kseg1

	le32_t *producer;
	le32_t *consumer;
	le32_t *reply_queue;
	u32 max_fw_cmds;   // one less than the firmware takes; the reply queue has one entry more
	u32 max_mfi_cmds;
	u32 max_scsi_cmds; // the host's can_queue
	u32 max_num_sge;
	u32 max_sectors_per_req;
	u32 mfi_frame_size;

	struct megasas_cmd **cmd_list; // by context; NULL while not made
	u32 nr_cmds;
	struct list_head cmd_pool;
	u32 fw_outstanding;

	u8 *ctrl_info_buf;
	struct MR_PD_LIST *pd_list_buf;
	struct MR_LD_LIST *ld_list_buf;
	struct MR_LD_TARGETID_LIST *ld_targetid_list_buf;
	u8 *evt_detail;
	struct megasas_cmd *aen_cmd;
	u32 last_seq_num;

	struct megasas_pd_list pd_list[MEGASAS_MAX_PD];
	u8 ld_ids[MEGASAS_MAX_LD_IDS];
	u8 ld_tgtid_status[MEGASAS_MAX_LD_IDS];
	struct megasas_device **devices; // by channel * 128 + id
	u32 fw_supported_vd_count;
	u8 pd_list_not_supported;
	u8 disableOnlineCtrlReset;
	u8 UnevenSpanSupport;
	u8 unload;
	u32 isr_calls;
};

// Brings the controller at 00:`slot`.0 up to the point where a SCSI host can be added. NULL when it fails (the console
// says why). Measures the PCI bus first when nobody has.
// The first half of a probe, and the second: between them the midlayer makes a host.
struct pci_dev *megasas_enable_device(u32 slot);
struct megasas_instance *megasas_init_instance(struct pci_dev *pdev);
// Both.
struct megasas_instance *megasas_probe_one(u32 slot);
// Commands the mid-layer may have outstanding (can_queue).
u32 megasas_max_commands(const struct megasas_instance *instance);
// Asks for events: reads the last sequence number, sleeping, and leaves one command with the firmware. 0 or negative.
int megasas_start_aen(struct megasas_instance *instance);

// A new device of the SCSI scan: 0, or -ENXIO (-6) for one that is not to be scanned.
int megasas_slave_alloc(struct megasas_instance *instance, u32 channel, u32 id);
// A device goes away, also one that megasas_slave_alloc refused.
void megasas_slave_destroy(struct megasas_instance *instance, u32 channel, u32 id);
// Takes one SCSI command; scsi_done(rq, DID << 16 | SAM status) tells when it is done, perhaps before this returns. buf
// is kseg0 memory, len 0: no data. sense may be NULL, else it has SCSI_SENSE_BUFFERSIZE bytes.
// Returns 0, or SCSI_MLQUEUE_HOST_BUSY when the command was not taken.
int megasas_queue_command(struct megasas_instance *instance, struct request *rq, u32 channel, u32 id, u32 lun,
			  const u8 *cdb, u32 cdb_len, void *buf, u32 len, u8 *sense);
// The mid-layer's, called by the driver.
void scsi_done(struct request *rq, u32 result);

// One controller's interrupt handler: 1 when the interrupt was its own, 0 when not.
int megasas_isr(struct megasas_instance *instance);
// The line all controllers share: runs every handler, returns how many had something to do.
u32 megasas_interrupt(u32 a, u32 b, u32 c, u32 d);

// Between the driver's two files.
extern struct megasas_instance *megasas_instances[MEGASAS_MAX_ADAPTERS];
extern u32 megasas_nr_instances;
int megasas_alloc_cmds(struct megasas_instance *instance);
struct megasas_cmd *megasas_get_cmd(struct megasas_instance *instance);
void megasas_return_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd);
// Posts an internal command and watches its status; for the time when interrupts are off or not wanted.
int megasas_issue_polled(struct megasas_instance *instance, struct megasas_cmd *cmd);
// Posts an internal command and sleeps until the interrupt handler has completed it.
int megasas_issue_blocked(struct megasas_instance *instance, struct megasas_cmd *cmd);
void megasas_fire_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd);

#endif
