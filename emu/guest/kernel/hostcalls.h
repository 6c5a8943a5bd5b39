// The kernel side's doorbell numbers (include/doorbell.h explains the protocol; src/kernel/calls.ts answers them).
#ifndef KERNEL_HOSTCALLS_H
#define KERNEL_HOSTCALLS_H

#include "doorbell.h"

#define HC_PRINTK        16 // (level, text, length)
#define HC_PCPU_ALLOC    17 // (size, align, gfp, caller) -> per-CPU pointer or 0
#define HC_PCPU_FREE     18 // (per-CPU pointer, caller) -> address of its obj_cgroups slot or 0
#define HC_ALLOC_PAGES   19 // (order, kmem_cache or 0, caller) -> kseg0 address or 0
#define HC_FREE_PAGES    20 // (kseg0 address, order)
#define HC_SCHEDULE      21 // (state): the current task gives up the CPU
#define HC_WAKE_UP       22 // (task)
#define HC_NEW_TASK      23 // (task)
#define HC_NEXT_WORK     24 // -> work item for this worker, 0 to look again; blocks while there is none
#define HC_QUEUE_WORK    25 // (pool, work): pool 0 bound, 1 unbound
#define HC_RAISE_SOFTIRQ 26 // (number)
#define HC_STEP          27 // (step): simulated time passes; interrupts may come in
#define HC_PCPU_BALANCE  28 // runs pcpu_balance_workfn
#define HC_NEXT_INITCALL 29 // (struct initcall *) -> 0 when there are no more
#define HC_DUMP_STACK    30 // prints the call trace of the current task
#define HC_NEW_CACHE     31 // (kmem_cache)
#define HC_DO_SOFTIRQ    32 // ksoftirqd: runs what is pending; returns when nothing is
#define HC_BOOT_EVENT    33 // (event): milestones
#define HC_RCU_GP        34 // the grace-period thread's next step; blocks while there is nothing to do
#define HC_COND_RESCHED  35 // gives up the CPU when somebody else is to have it

// pools of HC_QUEUE_WORK
#define POOL_BOUND   0
#define POOL_UNBOUND 1

// task states of HC_SCHEDULE
#define TASK_RUNNING         0
#define TASK_UNINTERRUPTIBLE 2
#define TASK_DEAD            128

// events of HC_BOOT_EVENT
#define BOOT_SCAN_START  0
#define BOOT_SCAN_TARGET 1
#define BOOT_SCAN_END    2
#define BOOT_ROOT_FOUND  3
#define BOOT_INIT_RUNS   4

#endif
