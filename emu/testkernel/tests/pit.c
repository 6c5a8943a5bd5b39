// The 8254's channel 0 behind the 8259.
#include "test.h"

static volatile u32 ticks;
static void tick(u32 irq) { ticks++; }

void test_pit(void)
{
	ticks = 0;
	outb(0x34, PIT + 3); // channel 0, both bytes, rate generator
	outb(1193 & 0xff, PIT);
	outb(1193 >> 8, PIT);
	irq_request(IRQ_PIT, tick);
	line_enable(IP_8259);
	irq_enable();
	check_true("three ticks of 1 ms came", spin_until(&ticks, 3));
	irq_disable();
	irq_free(IRQ_PIT);
	line_disable(IP_8259);
	outb(0x30, PIT + 3); // terminal count: no more edges
}
