// SCSI hosts, targets and devices (include/scsi), with the sizes of the real structures.
#ifndef KERNEL_SCSI_H
#define KERNEL_SCSI_H

#include "blkdev.h"

struct megasas_instance;

struct Scsi_Host {
	u32 host_no;
	u32 max_channel; // channels 0 .. max_channel
	u32 max_id;
	struct blk_mq_tag_set tag_set;
	struct list_head __devices;
	struct list_head __targets;
	struct megasas_instance *hostdata;
	struct work_struct scan;
	struct kobject *gendev;
	u32 found;
};

struct scsi_target {
	struct scsi_device *starget_sdev_user;
	struct list_head siblings;
	struct list_head devices; // at 12
	u32 parent;
	u32 dev[112];
	u32 channel;
	u32 id;
	u32 reap_ref;
	u32 flags[9];
};

struct scsi_device {
	struct Scsi_Host *host;
	struct request_queue *request_queue;
	struct list_head siblings;             // at 8
	struct list_head same_target_siblings; // at 16
	struct sbitmap budget_map;             // at 24
	u32 limits[34];
	struct scsi_target *sdev_target; // at 184
	u32 id;
	u32 channel;
	u32 lun;
	u8 inquiry[36];
	u32 state;
	u32 pad[10];
	struct kobject *sdev_gendev; // at 280
	u32 gendev[111];
	u32 sdev_dev[112]; // at 728
	u32 sector_count;
	struct work_struct async; // probe
	char disk_name[8];
	u32 tail[15];
};

_Static_assert(sizeof(struct scsi_target) == 520 && offsetof(struct scsi_target, devices) == 12, "as in Linux");
_Static_assert(sizeof(struct scsi_device) == 1264, "two to a page of 4 KB");

// pids of the hosts' threads
#define SCSI_FIRST_PID 28

u32 scsi_host_thread(u32 unused);
struct Scsi_Host *scsi_host_alloc(u32 host_no);
void scsi_add_host(struct Scsi_Host *shost);
void scsi_scan_host(struct Scsi_Host *shost);
int scsi_execute(struct scsi_device *sdev, const u8 *cmd, u32 cmd_len, void *buffer, u32 len);
void scsi_sysfs_device_initialize(struct scsi_device *sdev);
void scsi_sysfs_add_sdev(struct scsi_device *sdev);
u32 sd_probe(u32 sdev);

#endif
