// CP0 Count and Compare.
#include "test.h"

volatile u32 timer_interrupts;
static timer_handler *handler;

void line_enable(u32 ip) { write_status(read_status() | ip); }
void line_disable(u32 ip) { write_status(read_status() & ~ip); }

// Takes the interrupt back and asks for the next. An emulator whose thread slept between the two instructions may have
// missed it: then later.
u32 compare_set(u32 delay)
{
	u32 compare;

	do {
		compare = read_count() + delay;
		write_compare(compare);
		delay *= 2;
	} while ((s32)(read_count() - compare) >= 0 && !(read_cause() & CAUSE_TI));
	return compare;
}

void timer_start(timer_handler *next, u32 delay)
{
	u32 status = irq_save();

	handler = next;
	compare_set(delay);
	line_enable(IP_TIMER);
	irq_restore(status);
}

void timer_stop(void)
{
	line_disable(IP_TIMER);
	handler = NULL;
	write_compare(read_count() - 1);
}

// Called by trap.c with the line up.
void timer_interrupt(void)
{
	timer_interrupts++;
	write_compare(read_count() - 1); // down, and not up again for a whole turn of Count
	if (handler)
		handler();
}

bool spin_until(const volatile u32 *counter, u32 value)
{
	for (u32 i = 0; i < 600000000; i++)
		if (*counter >= value)
			return true;
	return false;
}
