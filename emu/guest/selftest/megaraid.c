// Runs the MegaRAID driver against the controllers of the board, with the host standing in for memory and scheduler
// (emu/malta/megaraid/guest.test.ts): probe, one INQUIRY to each of the 512 targets, then the first disk's first blocks.
#include "../drivers/megaraid.h"

struct scan_result {
	u32 found, refused, no_connect, bad_target, other;
};

// Two software queues to the hardware queue: completions go through the block softirq.
static struct blk_mq_hw_ctx hctx = { .nr_ctx = 2 };
static struct request rq = { .mq_hctx = &hctx };
static u8 sense[SCSI_SENSE_BUFFERSIZE];

static int execute(struct megasas_instance *instance, u32 channel, u32 id, const u8 *cdb, u32 cdb_len, void *buf, u32 len)
{
	struct completion wait;

	init_completion(&wait);
	rq.end_io_data = &wait;
	rq.result = 0xdeadbeef;
	memset(sense, 0xee, sizeof(sense));
	if (megasas_queue_command(instance, &rq, channel, id, 0, cdb, cdb_len, buf, len, sense))
		return SCSI_MLQUEUE_HOST_BUSY;
	wait_for_completion(&wait);
	return rq.result;
}

static void inquire(struct megasas_instance *instance, u32 channel, u32 id, u8 *buf, struct scan_result *scan)
{
	static const u8 inquiry[6] = { 0x12, 0, 0, 0, 36, 0 };
	int result;

	if (megasas_slave_alloc(instance, channel, id)) {
		scan->refused++;
		megasas_slave_destroy(instance, channel, id);
		return;
	}
	memset(buf, 0xee, 64);
	result = execute(instance, channel, id, inquiry, sizeof(inquiry), buf, 36);
	if (result == DID_OK << 16) {
		scan->found++;
		buf[36] = 0;
		printk("found %u:%u %s\n", channel, id, (const char *)buf + 8);
		return;
	}
	if (result == DID_BAD_TARGET << 16)
		scan->bad_target++;
	else
		scan->other++;
	megasas_slave_destroy(instance, channel, id);
	if (execute(instance, channel, id, inquiry, sizeof(inquiry), buf, 36) == DID_NO_CONNECT << 16)
		scan->no_connect++;
}

static void read_disk(struct megasas_instance *instance, u8 *buf)
{
	static const u8 ready[6] = { 0 };
	static const u8 capacity[10] = { 0x25 };
	static const u8 read[10] = { 0x28, 0, 0, 0, 0, 2, 0, 0, 1, 0 };
	static const u8 write[10] = { 0x2a, 0, 0, 0, 0, 9, 0, 0, 1, 0 };
	static const u8 read_back[16] = { 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0 };
	static const u8 beyond[10] = { 0x28, 0, 0xff, 0, 0, 0, 0, 0, 1, 0 };
	static const u8 sync[10] = { 0x35 };

	printk("ready %x sense %x %x %x\n", execute(instance, 2, 0, ready, sizeof(ready), NULL, 0), sense[2], sense[12],
	       sense[13]);
	printk("capacity %x last block %u\n", execute(instance, 2, 0, capacity, sizeof(capacity), buf, 8),
	       *(const u32 *)buf);
	printk("read %x magic %02x%02x\n", execute(instance, 2, 0, read, sizeof(read), buf, 512), buf[0x39], buf[0x38]);
	memset(buf, 0x5a, 512);
	printk("write %x\n", execute(instance, 2, 0, write, sizeof(write), buf, 512));
	memset(buf, 0, 512);
	printk("read back %x %02x %02x\n", execute(instance, 2, 0, read_back, sizeof(read_back), buf, 512), buf[0], buf[511]);
	printk("beyond %x sense %x %x\n", execute(instance, 2, 0, beyond, sizeof(beyond), buf, 512), sense[2], sense[12]);
	printk("sync %x\n", execute(instance, 2, 0, sync, sizeof(sync), NULL, 0));
}

// pages, map: as start_kernel's. Returns the number of controllers that came up.
u32 megaraid_selftest(u32 pages, u32 map, u32 first_slot, u32 slots)
{
	u32 controllers = 0;

	mem_map = (struct slab *)map;
	asm volatile("move $28, %0" : : "r"(&init_task));
	kmem_cache_init();
	for (u32 slot = first_slot; slot < first_slot + slots; slot++) {
		struct megasas_instance *instance = megasas_probe_one(slot);
		struct scan_result scan = { 0 };
		u8 *buf;

		if (!instance)
			continue;
		controllers++;
		printk("can queue %u, aen %d\n", megasas_max_commands(instance), megasas_start_aen(instance));
		buf = kzalloc(512);
		for (u32 channel = 0; channel < MEGASAS_MAX_CHANNELS; channel++)
			for (u32 id = 0; id < MEGASAS_MAX_DEV_PER_CHANNEL; id++)
				inquire(instance, channel, id, buf, &scan);
		printk("found %u refused %u bad target %u other %u then no connect %u outstanding %u commands %u\n", scan.found,
		       scan.refused, scan.bad_target, scan.other, scan.no_connect, instance->fw_outstanding, instance->nr_cmds);
		if (scan.found > 0)
			read_disk(instance, buf);
		kfree(buf);
	}
	return controllers;
}
