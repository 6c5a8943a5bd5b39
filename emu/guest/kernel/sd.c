// A found disk: sysfs nodes, a gendisk with its per-CPU parts, capacity and first sector (drivers/scsi/sd.c, block/genhd.c).
#include "kernel.h"
#include "../drivers/megaraid.h"

#define TEST_UNIT_READY  0x00
#define MODE_SENSE       0x1a
#define READ_CAPACITY_10 0x25
#define READ_10          0x28

struct block_device {
	void *bd_stats; // per-CPU, 96 bytes
	struct percpu_ref blkg_refcnt;
	void *blkg_iostat;   // per-CPU, 104 bytes
	u32 *counters[5];    // per-CPU
	struct kobject *kobj;
	u32 rest[128];
};

static u32 disks;

void scsi_sysfs_add_sdev(struct scsi_device *sdev)
{
	sdev->sdev_gendev = kobject_create_and_add("target", sdev->host->gendev, 14);
	pr_info("scsi %u:%u:%u:%u: Attached scsi generic sg%u type 0\n", sdev->host->host_no, sdev->channel, sdev->id, sdev->lun,
		disks);
	snprintf(sdev->disk_name, sizeof(sdev->disk_name), "sd%c", 'a' + disks++);
	sdev->async.func = sd_probe;
	sdev->async.arg = (u32)sdev;
	queue_work(POOL_UNBOUND, &sdev->async);
}

static noinline u32 *__percpu_counter_init(void) { return __alloc_percpu(4, 4); }
static noinline void *bdev_alloc(void) { return __alloc_percpu(96, 8); }
static noinline void *blkg_alloc(void) { return __alloc_percpu(104, 8); }
static void blkg_release(struct percpu_ref *ref) {}

static noinline struct block_device *__alloc_disk_node(struct scsi_device *sdev)
{
	struct block_device *bdev = kzalloc(sizeof(*bdev));
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bdev->counters); i++)
		bdev->counters[i] = __percpu_counter_init();
	bdev->bd_stats = bdev_alloc();
	percpu_ref_init(&bdev->blkg_refcnt, blkg_release, false);
	bdev->blkg_iostat = blkg_alloc();
	return bdev;
}

static u32 be32(const u8 *p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

#define sd_printk(sdev, fmt, ...)                                                                               \
	pr_info("sd %u:%u:%u:%u: [%s] " fmt, (sdev)->host->host_no, (sdev)->channel, (sdev)->id, (sdev)->lun, \
		(sdev)->disk_name, ##__VA_ARGS__)

// 0 when the disk has told its size.
static noinline int sd_revalidate_disk(struct scsi_device *sdev, u8 *buffer)
{
	static const u8 ready[6] = { TEST_UNIT_READY };
	static const u8 capacity[10] = { READ_CAPACITY_10 };
	static const u8 mode[6] = { MODE_SENSE, 0, 0x3f, 0, 4, 0 };
	u32 mb;

	scsi_execute(sdev, ready, sizeof(ready), NULL, 0);
	step(STEP_SD_PROBE);
	if (scsi_execute(sdev, capacity, sizeof(capacity), buffer, 8)) {
		sd_printk(sdev, "Read Capacity(10) failed\n");
		return -1;
	}
	sdev->sector_count = be32(buffer) + 1;
	mb = sdev->sector_count / 2048;
	sd_printk(sdev, "%u 512-byte logical blocks: (%u MiB)\n", sdev->sector_count, mb);
	scsi_execute(sdev, mode, sizeof(mode), buffer, 4);
	sd_printk(sdev, "Write Protect is off\n");
	step(STEP_SD_PROBE);
	return 0;
}

u32 sd_probe(u32 arg)
{
	static const u8 read[10] = { READ_10, 0, 0, 0, 0, 0, 0, 0, 1, 0 };
	struct scsi_device *sdev = (struct scsi_device *)arg;
	struct block_device *bdev = __alloc_disk_node(sdev);
	u8 *buffer = kzalloc(512);
	int failed;

	failed = sd_revalidate_disk(sdev, buffer);
	bdev->kobj = kobject_create_and_add(sdev->disk_name, sdev->sdev_gendev, 30);
	percpu_ref_switch_to_percpu(&sdev->request_queue->q_usage_counter); // blk_register_queue
	if (!failed)
		failed = scsi_execute(sdev, read, sizeof(read), buffer, 512);
	step(STEP_SD_PROBE);
	kfree(buffer);
	if (failed)
		return 0;
	sd_printk(sdev, "Attached SCSI disk\n");
	hostcall2(HC_BOOT_EVENT, BOOT_ROOT_FOUND, sdev->disk_name[2] == 'a');
	return 0;
}
