// The CP0 timer.
#include "test.h"

static void again(void)
{
	if (timer_interrupts < 5)
		timer_start(again, TICK);
}

void test_timer_interrupt(void)
{
	timer_interrupts = 0;
	irq_enable();
	timer_start(again, TICK);
	check_true("five interrupts came", spin_until(&timer_interrupts, 5));
	irq_disable();
	timer_stop();
}
