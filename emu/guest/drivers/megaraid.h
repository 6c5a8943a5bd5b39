// The MegaRAID SAS driver (Linux: drivers/scsi/megaraid/megaraid_sas_base.c), for controllers of the MFI series:
// commands are frames in memory, posted one by one, answered through a reply queue.
//
//   kernel start-up   pci_init(), megasas_init(), megasas_probe_one() for each controller, then the SCSI scan,
//                     then megasas_start_aen()
//   SCSI mid-layer    megasas_slave_alloc(), megasas_queue_command(), megasas_slave_destroy()
//   interrupt         megasas_isr()
#ifndef DRIVERS_MEGARAID_H
#define DRIVERS_MEGARAID_H

#include "list.h"
#include "mfi.h"
#include "pci.h"
#include "types.h"
#include "wait.h"

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
#define MEGASAS_INT_CMDS            32 // commands the driver keeps for itself
#define MEGASAS_IS_LOGICAL(channel) ((channel) >= MEGASAS_MAX_PD_CHANNELS)

// What scsi_add_host prints behind "scsi host%u: ".
#define MEGASAS_HOST_NAME "Avago SAS based MegaRAID driver"

// Result of megasas_queue_command: host byte << 16 | SCSI status.
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
	u8 *scmd_sense; // caller's sense buffer of a SCSI command, or NULL
	u8 scsi;        // issued by megasas_queue_command
	u8 abort_aen;
	int result;     // of a SCSI command: DID << 16 | status; of an internal one: DCMD_*
	u32 frame_count;
	struct completion done;
};

struct megasas_instance {
	struct pci_dev *pdev;
	const char *name; // 0000:00:14.0
	u32 host_no;      // set by the SCSI mid-layer
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
	u32 fw_supported_vd_count;
	u8 pd_list_not_supported;
	u8 disableOnlineCtrlReset;
	u8 UnevenSpanSupport;
	u8 unload;
	u32 isr_calls;
};

// Prints the driver's version; once.
void megasas_init(void);
// Brings one controller up to the point where a SCSI host can be added. NULL when it fails (the console says why).
struct megasas_instance *megasas_probe_one(struct pci_dev *pdev);
// Asks for events: reads the last sequence number and leaves one command with the firmware. 0 or negative. Sleeps.
int megasas_start_aen(struct megasas_instance *instance);

// A new device of the SCSI scan: 0, or -ENXIO (-6) for one the driver does not want scanned. *hostdata is the driver's.
int megasas_slave_alloc(struct megasas_instance *instance, u32 channel, u32 id, u32 lun, void **hostdata);
void megasas_slave_destroy(struct megasas_instance *instance, u32 channel, u32 id, u32 lun, void *hostdata);
// Runs one SCSI command and sleeps until it is done. buf is kseg0 memory; len 0: no data. sense may be NULL, else it has
// SCSI_SENSE_BUFFERSIZE bytes. Returns DID << 16 | status, or SCSI_MLQUEUE_HOST_BUSY.
int megasas_queue_command(struct megasas_instance *instance, u32 channel, u32 target, u32 lun, const u8 *cdb, u32 cdb_len,
			  void *buf, u32 len, u8 *sense);

// Interrupt handler: 1 when the interrupt was this controller's, 0 when not (the line is shared).
int megasas_isr(struct megasas_instance *instance);

// Between the driver's two files.
struct megasas_cmd *megasas_get_cmd(struct megasas_instance *instance);
void megasas_return_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd);
// Posts an internal command and watches its status; for the time when interrupts are off or not wanted.
int megasas_issue_polled(struct megasas_instance *instance, struct megasas_cmd *cmd);
// Posts an internal command and sleeps until the interrupt handler has completed it.
int megasas_issue_blocked(struct megasas_instance *instance, struct megasas_cmd *cmd);
void megasas_fire_cmd(struct megasas_instance *instance, struct megasas_cmd *cmd);

#endif
