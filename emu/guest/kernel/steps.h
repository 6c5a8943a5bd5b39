// Places where the real kernel spends time between two per-CPU events. src/kernel/timing.ts says how long each takes.
#ifndef KERNEL_STEPS_H
#define KERNEL_STEPS_H

#define STEP_ALLOC_TARGET    0 // scsi_alloc_target to percpu_ref_init
#define STEP_QUEUE_CTX       1 // request queue to its software contexts
#define STEP_HW_QUEUE        2 // contexts to the budget map
#define STEP_REFUSED         3 // slave_alloc refuses: to the teardown
#define STEP_SUBMIT          4 // command built and handed to the driver
#define STEP_COMPLETE        5 // completion to the teardown
#define STEP_RELEASE         6 // queue released to device released
#define STEP_SD_PROBE        7 // a disk's open and revalidate
#define STEP_KERNFS_NODE     8 // one sysfs node
#define STEP_INITCALL        9 // the time the present initcall takes between its operations
#define STEP_WAIT_IO        10 // a synchronous command of the driver
#define STEP_FW_COMMANDS    11 // the driver allocates its commands and frames
#define STEP_FW_INIT        12 // and asks the firmware what it is
#define STEP_TAG_SET        13 // requests of a host are allocated and zeroed, the host registered
#define STEP_PCI_ENABLE     14 // a PCI function is switched on

#endif
