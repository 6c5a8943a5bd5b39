// Entry of the modelled kernel: memory and slab first, then kernel_init works through the host's boot script.
#include "kernel.h"
#include "../drivers/megaraid.h"
#include "initcall.h"

static noinline void megasas_probe(u32 slot, u32 host_no)
{
	struct pci_dev *pdev = megasas_enable_device(slot);
	struct megasas_instance *instance;
	struct Scsi_Host *shost;

	if (!pdev)
		return;
	shost = scsi_host_alloc(host_no);
	instance = megasas_init_instance(pdev);
	if (!instance)
		return;
	shost->max_channel = MEGASAS_MAX_CHANNELS - 1;
	shost->max_id = MEGASAS_MAX_DEV_PER_CHANNEL;
	shost->hostdata = instance;
	pr_info("scsi host%u: Avago SAS based MegaRAID driver\n", host_no);
	scsi_add_host(shost);
	scsi_scan_host(shost);
	megasas_start_aen(instance);
}

static noclone void driver_register(u32 count, u32 attributes, const char *name)
{
	u32 i;

	for (i = 0; i < count; i++) {
		char *copy = kmalloc(32);

		snprintf(copy, 32, "%s%u", name, i);
		kobject_create_and_add(copy, NULL, attributes);
	}
}

static noclone void do_one_initcall(const struct initcall *call)
{
	u32 i;

	switch (call->kind) {
	case INITCALL_PERCPU:
		pcpu_alloc(call->size, call->align, GFP_KERNEL, call->caller);
		break;
	case INITCALL_PERCPU_TMP:
		__free_percpu(pcpu_alloc(call->size, call->align, GFP_KERNEL, call->caller), call->caller);
		break;
	case INITCALL_KOBJECTS:
		driver_register(call->size, call->align, call->text);
		break;
	case INITCALL_MEGARAID:
		megasas_probe(call->size, call->align);
		break;
	case INITCALL_BLOCK:
		blk_dev_init();
		break;
	case INITCALL_KERNFS:
		kernfs_init();
		break;
	case INITCALL_WAIT:
		schedule();
		break;
	case INITCALL_PRINT:
		pr_info("%s\n", call->text);
		break;
	case INITCALL_KMALLOC:
		for (i = 0; i < call->align; i++)
			kmalloc(call->size);
		break;
	case INITCALL_INIT:
		hostcall1(HC_BOOT_EVENT, BOOT_INIT_RUNS);
		break;
	case INITCALL_FREE:
		__free_percpu((void *)call->size, call->caller);
		break;
	case INITCALL_LATE_SLAB:
		kmem_cache_init_late();
		break;
	}
}

static u32 kernel_init(u32 unused)
{
	static struct initcall call;

	while (hostcall1(HC_NEXT_INITCALL, &call)) {
		do_one_initcall(&call);
		step(STEP_INITCALL);
	}
	return 0;
}

// boot_params.entry of a boot: pages = page frames of RAM, map = kseg0 address of zeroed room for mem_map.
u32 start_kernel(u32 pages, u32 map, u32 b, u32 c)
{
	mem_map = (struct slab *)map;
	asm volatile("move $28, %0" : : "r"(&init_task));
	hostcall1(HC_NEW_TASK, &init_task);
	kmem_cache_init();
	kthread_create(kernel_init, 0, 1, "swapper/0");
	kthreadd_start();
	kthread_create(run_ksoftirqd, 0, 10, "ksoftirqd/0");
	kthread_create(rcu_gp_kthread, 0, 11, "rcu_sched");
	kthread_create(worker_thread, POOL_BOUND, 13, "kworker/0:1");
	unbound_workers_start();
	for (;;)
		schedule(); // the idle task
}
