// Asks the host's allocator for an area and zeroes it, here, through the TLB: the store that goes wrong.
#include "kernel.h"

u32 __per_cpu_offset[NR_CPUS];
u32 nr_cpu_ids = 1;

noinline void *pcpu_alloc(u32 size, u32 align, u32 gfp, u32 caller)
{
	void *ptr = (void *)hostcall4(HC_PCPU_ALLOC, size, align, gfp, caller);
	u32 cpu;

	if (!ptr)
		return NULL;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		memset(per_cpu_ptr(ptr, cpu), 0, size);
	return ptr;
}

noinline void *__alloc_percpu(u32 size, u32 align)
{
	return pcpu_alloc(size, align, GFP_KERNEL, (u32)__builtin_return_address(0));
}

void __free_percpu(void *ptr, u32 caller)
{
	const volatile u32 *objcg;

	if (!ptr)
		return;
	objcg = (const volatile u32 *)hostcall2(HC_PCPU_FREE, ptr, caller);
	if (objcg)
		(void)*objcg; // vmalloc memory, so the allocator's own bookkeeping presses on the TLB too
}

noinline void free_percpu(void *ptr) { __free_percpu(ptr, (u32)__builtin_return_address(0)); }

// The allocator's own maps, where they are vmalloc memory: read and written at every allocation (src/kernel/percpu.ts).
u32 touch_words(u32 a, u32 b, u32 c, u32 unused)
{
	*(volatile u32 *)a += 0;
	*(volatile u32 *)b += 0;
	*(volatile u32 *)c += 0;
	return 0;
}

static u32 pcpu_balance_workfn(u32 unused) { return hostcall0(HC_PCPU_BALANCE); }

struct work_struct pcpu_balance_work = { { NULL, NULL }, pcpu_balance_workfn, 0 };
