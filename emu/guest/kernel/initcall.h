// What kernel_init does next: the host's boot script (src/kernel/boot-script.ts) hands the steps over one by one.
#ifndef KERNEL_INITCALL_H
#define KERNEL_INITCALL_H

#include "types.h"

#define INITCALL_PERCPU     0 // allocate (size, align), for good
#define INITCALL_PERCPU_TMP 1 // allocate (size, align) and free at once
#define INITCALL_KOBJECTS   2 // `size` kobjects with `align` attributes each
#define INITCALL_MEGARAID   3 // probe controller at PCI slot `size`, host number `align`
#define INITCALL_BLOCK      4 // block layer: blk_dev_init
#define INITCALL_KERNFS     5 // kernfs_init
#define INITCALL_WAIT       6 // sleep; the host wakes it
#define INITCALL_PRINT      7 // a console line
#define INITCALL_KMALLOC    8 // `size` bytes, `align` times, for good
#define INITCALL_INIT       9 // start user space
#define INITCALL_LATE_SLAB 10 // kmem_cache_init_late
#define INITCALL_FREE      11 // free the per-CPU area at pointer `size`

struct initcall {
	u32 kind;
	u32 size;
	u32 align;
	u32 caller;
	char text[128];
};

#endif
