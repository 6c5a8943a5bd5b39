// ksoftirqd, and the way softirqs are raised.
#include "kernel.h"

void raise_softirq(u32 nr) { hostcall1(HC_RAISE_SOFTIRQ, nr); }

u32 run_ksoftirqd(u32 cpu)
{
	for (;;) {
		hostcall1(HC_DO_SOFTIRQ, cpu);
		schedule();
	}
}
