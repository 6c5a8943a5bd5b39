// Softirqs: raised with the host, which runs them at the end of an interrupt or in ksoftirqd (src/kernel/softirq.ts).
#ifndef KERNEL_SOFTIRQ_H
#define KERNEL_SOFTIRQ_H

#include "types.h"

#define BLOCK_SOFTIRQ 4
#define RCU_SOFTIRQ   9

void raise_softirq(u32 nr);
u32 run_ksoftirqd(u32 cpu);

#endif
