// printk: formats a line and hands it to the host's console.
#include "kernel.h"

void kernel_printk(int level, const char *fmt, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	hostcall3(HC_PRINTK, level, line, n);
}

// Delays are simulated time: the driver's are part of what STEP_WAIT_IO stands for.
void udelay(u32 us) { step(STEP_WAIT_IO); }
