// The CP0 timer: Count, Compare, Cause.TI, RDHWR.
#include "test.h"

u32 count_in_delay_slot(void);       // loops.S
u32 rdhwr_count_in_delay_slot(void);
u32 rdhwr_count(void);
u32 rdhwr_resolution(void);

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

// Count by every way there is to read it, one after the other: never backwards, and it moves.
void test_count_reads(void)
{
	u32 start = read_count(), last = start;

	write_hwrena(0x0000000f);
	for (u32 i = 0; i < 1000; i++) {
		u32 values[] = { read_count(), count_in_delay_slot(), rdhwr_count(), rdhwr_count_in_delay_slot() };

		for (u32 j = 0; j < ARRAY_SIZE(values); j++) {
			check_true("Count does not go backwards", (s32)(values[j] - last) >= 0);
			last = values[j];
		}
	}
	check_true("Count moves", last != start);
	check_true("and not by more than a few seconds", last - start < 0x40000000);
	check("rdhwr 3: Count moves every so many cycles", rdhwr_resolution() - 1 < 4, 1);
}

void test_count_write(void)
{
	u32 status = irq_save();

	write_count(0x12340000);
	check("Count goes on from what was written", read_count() >> 20, 0x123);
	write_count(0xffffff00);
	for (u32 i = 0; i < 100000000 && (s32)read_count() < 0; i++)
		;
	check("Count wraps", read_count() >> 28, 0);
	irq_restore(status);
}

// Interrupts off: Compare equals Count, TI and IP7 go up and stay until Compare is written.
void test_compare_pending(void)
{
	u32 compare = compare_set(TICK);

	check("Compare reads back", read_compare(), compare);
	for (u32 i = 0; i < 100000000 && !(read_cause() & CAUSE_TI); i++)
		;
	check("Cause.TI and IP7", read_cause() & (CAUSE_TI | IP_TIMER), CAUSE_TI | IP_TIMER);
	check_true("not before Count is there", (s32)(read_count() - read_compare()) >= 0);
	write_compare(read_count() - 1);
	check("a write to Compare takes them down", read_cause() & (CAUSE_TI | IP_TIMER), 0);
}

// A Compare that is moved away before Count gets there never interrupts.
void test_compare_rewritten(void)
{
	u32 near, far = 0, moved_in_time = 0;

	for (u32 try = 0; try < 10 && !moved_in_time; try++) {
		near = compare_set(50 * TICK);
		write_compare(near + 50 * TICK);
		far = near + 50 * TICK;
		moved_in_time = (s32)(read_count() - near) < 0;
	}
	check_true("Compare could be moved in time", moved_in_time);
	while ((s32)(read_count() - (near + 10 * TICK)) < 0)
		;
	if ((s32)(read_count() - far) < 0)
		check("no interrupt at the old Compare", read_cause() & CAUSE_TI, 0);
	for (u32 i = 0; i < 100000000 && !(read_cause() & CAUSE_TI); i++)
		;
	check("an interrupt at the new one", read_cause() & CAUSE_TI, CAUSE_TI);
	check_true("not before Count is there", (s32)(read_count() - far) >= 0);
	timer_stop();
}

// The compare point lies behind the wrap of Count.
void test_compare_wraps(void)
{
	u32 status = irq_save();

	write_compare(TICK);
	write_count(-TICK);
	for (u32 i = 0; i < 100000000 && !(read_cause() & CAUSE_TI); i++)
		;
	check("Cause.TI", read_cause() & CAUSE_TI, CAUSE_TI);
	check_true("Count has wrapped", read_count() >= TICK && (s32)read_count() > 0);
	timer_stop();
	irq_restore(status);
}

// Raised while interrupts are off, taken as soon as they are on: by ei, by mtc0 and by eret.
void test_interrupt_deferred(void)
{
	timer_interrupts = 0;
	timer_start(NULL, TICK);
	for (u32 i = 0; i < 100000000 && !(read_cause() & CAUSE_TI); i++)
		;
	check("not while IE is clear", timer_interrupts, 0);
	irq_enable();
	check_true("after ei", spin_until(&timer_interrupts, 1));
	irq_disable();

	timer_start(NULL, TICK);
	line_disable(IP_TIMER);
	for (u32 i = 0; i < 100000000 && !(read_cause() & CAUSE_TI); i++)
		;
	irq_enable();
	check("not while its line is masked", timer_interrupts, 1);
	line_enable(IP_TIMER);
	check_true("after its mask bit", spin_until(&timer_interrupts, 2));
	irq_disable();
	timer_stop();
}

// Cause.IV = 0: the general vector.
void test_general_vector(void)
{
	timer_interrupts = 0;
	write_cause(read_cause() & ~CAUSE_IV);
	irq_enable();
	timer_start(NULL, TICK);
	check_true("an interrupt through 0x180 came", spin_until(&timer_interrupts, 1));
	irq_disable();
	timer_stop();
	write_cause(read_cause() | CAUSE_IV);
}

void test_software_interrupt(void)
{
	extern volatile u32 software_interrupts;

	software_interrupts = 0;
	line_enable(IP_SW0 | IP_SW1);
	write_cause(read_cause() | IP_SW0);
	check("not while IE is clear", software_interrupts, 0);
	irq_enable();
	check_true("software interrupt 0", spin_until(&software_interrupts, 1));
	write_cause(read_cause() | IP_SW1);
	check_true("software interrupt 1", spin_until(&software_interrupts, 2));
	irq_disable();
	line_disable(IP_SW0 | IP_SW1);
}

static void one(void) { timer_start(one, TICK); }

// wait ends with the interrupt, as often as there are some; the timer is the only thing that moves.
void test_wait_timer(void)
{
	timer_interrupts = 0;
	irq_enable();
	timer_start(one, TICK);
	for (u32 i = 0; i < 100000 && timer_interrupts < 10; i++)
		wait_instruction();
	irq_disable();
	check_true("ten times", timer_interrupts >= 10);
	timer_stop();
}

static volatile u32 pit_ticks;
static void pit_tick(u32 irq) { pit_ticks++; }

// Two clocks of different speed wake the same wait.
void test_wait_two_clocks(void)
{
	u32 last = read_count();

	timer_interrupts = pit_ticks = 0;
	outb(0x34, PIT + 3);
	outb(600 & 0xff, PIT);
	outb(600 >> 8, PIT);
	irq_request(IRQ_PIT, pit_tick);
	line_enable(IP_8259);
	irq_enable();
	timer_start(one, TICK);
	for (u32 i = 0; i < 100000 && (timer_interrupts < 5 || pit_ticks < 5); i++) {
		wait_instruction();
		check_true("Count goes on during wait", (s32)(read_count() - last) > 0);
		last = read_count();
	}
	irq_disable();
	irq_free(IRQ_PIT);
	line_disable(IP_8259);
	timer_stop();
	outb(0x30, PIT + 3);
	check_true("five of each", timer_interrupts >= 5 && pit_ticks >= 5);
}

// An interrupt that is pending already: wait does not sleep.
void test_wait_pending(void)
{
	timer_interrupts = 0;
	timer_start(NULL, TICK);
	for (u32 i = 0; i < 100000000 && !(read_cause() & CAUSE_TI); i++)
		;
	irq_enable();
	while (timer_interrupts == 0)
		wait_instruction();
	irq_disable();
	timer_stop();
}
