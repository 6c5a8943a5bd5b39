// Everything the modelled kernel's files share: one include for each of them and for the drivers.
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "addrspace.h"
#include "boot.h"
#include "offsets.h"
#include "pgtable.h"
#include "ptrace.h"
#include "string.h"
#include "tlb.h"
#include "types.h"

#include "hostcalls.h"
#include "steps.h"
#include "list.h"
#include "sched.h"
#include "spinlock.h"
#include "wait.h"
#include "percpu.h"
#include "rcupdate.h"
#include "percpu-refcount.h"
#include "workqueue.h"
#include "slab.h"
#include "rbtree.h"
#include "kernfs.h"
#include "sbitmap.h"
#include "blkdev.h"
#include "scsi.h"
#include "softirq.h"

// A console line; the host adds the time stamp. Levels as in the kernel.
void kernel_printk(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define pr_emerg(fmt, ...) kernel_printk(0, fmt, ##__VA_ARGS__)
#define pr_info(fmt, ...)  kernel_printk(6, fmt, ##__VA_ARGS__)
#define printk(fmt, ...)   kernel_printk(6, fmt, ##__VA_ARGS__)

void udelay(u32 us);
// 0 .. limit-1.
u32 prandom_u32_max(u32 limit);

#endif
