// The scan: every target of every channel gets a device and a queue, is asked who it is, and is torn down when nobody
// answers (drivers/scsi/scsi_scan.c, scsi_sysfs.c).
#include "kernel.h"
#include "../drivers/megaraid.h"

#define INQUIRY     0x12
#define REPORT_LUNS 0xa0

static noinline struct scsi_target *scsi_alloc_target(struct Scsi_Host *shost, u32 channel, u32 id)
{
	struct scsi_target *starget = kzalloc(sizeof(*starget));

	starget->reap_ref = 1;
	starget->channel = channel;
	starget->id = id;
	INIT_LIST_HEAD(&starget->siblings);
	INIT_LIST_HEAD(&starget->devices);
	list_add_tail(&starget->siblings, &shost->__targets);
	return starget;
}

static void scsi_target_reap(struct scsi_target *starget)
{
	if (--starget->reap_ref)
		return;
	list_del_init(&starget->siblings);
	kfree(starget);
}

noclone void scsi_sysfs_device_initialize(struct scsi_device *sdev)
{
	struct scsi_target *starget = sdev->sdev_target;

	list_add_tail(&sdev->same_target_siblings, &starget->devices);
	list_add_tail(&sdev->siblings, &sdev->host->__devices);
	starget->reap_ref++;
}

static noinline void scsi_device_dev_release_usercontext(struct scsi_device *sdev)
{
	struct scsi_target *starget = sdev->sdev_target;

	list_del(&sdev->same_target_siblings);
	list_del(&sdev->siblings);
	blk_put_queue(sdev->request_queue);
	step(STEP_RELEASE);
	sbitmap_free(&sdev->budget_map, (u32)scsi_device_dev_release_usercontext);
	kfree(sdev);
	scsi_target_reap(starget);
}

static noclone void __scsi_remove_device(struct scsi_device *sdev)
{
	blk_mq_destroy_queue(sdev->request_queue);
	megasas_slave_destroy(sdev->host->hostdata, sdev->channel, sdev->id);
	scsi_device_dev_release_usercontext(sdev);
}

static noclone struct scsi_device *scsi_alloc_sdev(struct scsi_target *starget, struct Scsi_Host *shost)
{
	struct scsi_device *sdev = kzalloc(sizeof(*sdev));

	sdev->host = shost;
	sdev->sdev_target = starget;
	sdev->channel = starget->channel;
	sdev->id = starget->id;
	INIT_LIST_HEAD(&sdev->siblings);
	INIT_LIST_HEAD(&sdev->same_target_siblings);
	step(STEP_ALLOC_TARGET);
	sdev->request_queue = blk_mq_init_queue(&shost->tag_set);
	sdev->request_queue->queuedata = sdev;
	step(STEP_HW_QUEUE);
	sbitmap_init_node(&sdev->budget_map, 256, -1, true);
	scsi_sysfs_device_initialize(sdev);
	if (megasas_slave_alloc(shost->hostdata, sdev->channel, sdev->id)) {
		step(STEP_REFUSED);
		__scsi_remove_device(sdev);
		return NULL;
	}
	return sdev;
}

static noclone int scsi_probe_lun(struct scsi_device *sdev, u8 *inquiry)
{
	static const u8 cdb[6] = { INQUIRY, 0, 0, 0, 36, 0 };

	return scsi_execute(sdev, cdb, sizeof(cdb), inquiry, 36);
}

static void copy_trimmed(char *to, const u8 *from, u32 n)
{
	memcpy(to, from, n);
	to[n] = 0;
}

static noinline void scsi_add_lun(struct scsi_device *sdev, const u8 *inquiry)
{
	char vendor[9], model[17], rev[5];

	memcpy(sdev->inquiry, inquiry, sizeof(sdev->inquiry));
	copy_trimmed(vendor, inquiry + 8, 8);
	copy_trimmed(model, inquiry + 16, 16);
	copy_trimmed(rev, inquiry + 32, 4);
	pr_info("scsi %u:%u:%u:%u: Direct-Access     %s %s %s PQ: 0 ANSI: %u\n", sdev->host->host_no, sdev->channel, sdev->id,
		sdev->lun, vendor, model, rev, inquiry[2] & 7);
	sdev->state = 1;
	sdev->host->found++;
}

static void scsi_ask(struct scsi_device *sdev, const u8 *cdb, u32 cmd_len, u8 *buffer, u32 len)
{
	scsi_execute(sdev, cdb, cmd_len, buffer, len);
	step(STEP_COMPLETE);
}

// Whoever answers is asked 17 times more, each with an interrupt of its own: vital product data (scsi_attach_vpd: the length of a
// page first, and page 0 again before each), then the list of units (scsi_report_lun_scan). Seen of a real kernel on the board.
static noinline void scsi_attach_vpd(struct scsi_device *sdev, u8 *buffer)
{
	static const u8 asked[][2] = {
		{ 0, 4 }, { 0, 9 }, { 0, 4 }, { 0, 9 }, { 0, 36 }, { 0x83, 4 }, { 0x83, 10 }, { 0, 36 },
		{ 0xb0, 4 }, { 0xb0, 64 }, { 0, 36 }, { 0xb1, 4 }, { 0xb1, 64 }, { 0, 36 }, { 0xb2, 4 }, { 0xb2, 8 },
	};
	static const u8 report_luns[12] = { REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 16 };
	u32 i;

	for (i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		u8 cdb[6] = { INQUIRY, 1, asked[i][0], 0, asked[i][1], 0 };

		scsi_ask(sdev, cdb, sizeof(cdb), buffer, asked[i][1]);
	}
	scsi_ask(sdev, report_luns, sizeof(report_luns), buffer, 16);
}

static noclone struct scsi_device *scsi_probe_and_add_lun(struct Scsi_Host *shost, struct scsi_target *starget)
{
	struct scsi_device *sdev = scsi_alloc_sdev(starget, shost);
	u8 *inquiry;

	if (!sdev)
		return NULL;
	inquiry = kzalloc(256);
	if (scsi_probe_lun(sdev, inquiry)) {
		step(STEP_COMPLETE);
		kfree(inquiry);
		__scsi_remove_device(sdev);
		return NULL;
	}
	scsi_add_lun(sdev, inquiry);
	scsi_attach_vpd(sdev, inquiry);
	kfree(inquiry);
	return sdev;
}

static noclone void __scsi_scan_target(struct Scsi_Host *shost, u32 channel, u32 id)
{
	struct scsi_target *starget = scsi_alloc_target(shost, channel, id);

	scsi_probe_and_add_lun(shost, starget);
	scsi_target_reap(starget);
}

static noclone void scsi_scan_host_selected(struct Scsi_Host *shost)
{
	u32 channel, id;

	for (channel = 0; channel <= shost->max_channel; channel++)
		for (id = 0; id < shost->max_id; id++) {
			if (hostcall4(HC_BOOT_EVENT, BOOT_SCAN_TARGET, shost->host_no, channel, id))
				continue; // left out by a minimized script
			__scsi_scan_target(shost, channel, id);
		}
}

// What was found gets its sysfs nodes and its driver once the scan is over (scsi_finish_async_scan).
static noinline void scsi_sysfs_add_devices(struct Scsi_Host *shost)
{
	struct list_head *pos;

	for (pos = shost->__devices.next; pos != &shost->__devices; pos = pos->next)
		scsi_sysfs_add_sdev(list_entry(pos, struct scsi_device, siblings));
}

static u32 do_scan_async(u32 arg)
{
	struct Scsi_Host *shost = (struct Scsi_Host *)arg;

	hostcall2(HC_BOOT_EVENT, BOOT_SCAN_START, shost->host_no);
	scsi_scan_host_selected(shost);
	scsi_sysfs_add_devices(shost);
	hostcall3(HC_BOOT_EVENT, BOOT_SCAN_END, shost->host_no, shost->found);
	return 0;
}

void scsi_scan_host(struct Scsi_Host *shost)
{
	shost->scan.func = do_scan_async;
	shost->scan.arg = (u32)shost;
	queue_work(POOL_UNBOUND, &shost->scan);
}
