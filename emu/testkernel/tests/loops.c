// Loops that only an interrupt ends (loops.S).
#include "test.h"
#include "trap.h"

#define LOOPS(loop, prefix)           \
	loop(prefix, branch)          \
	loop(prefix, jump)            \
	loop(prefix, jump_register)   \
	loop(prefix, delay_slot)      \
	loop(prefix, count_slot)      \
	loop(prefix, likely)          \
	loop(prefix, two_blocks)      \
	loop(prefix, long)            \
	loop(prefix, poll_count)      \
	loop(prefix, spin)            \
	loop(prefix, call)

#define declare(prefix, name) extern char prefix##_##name[], prefix##_##name##_end[];
LOOPS(declare, mapped)
LOOPS(declare, unmapped)

static const struct loop {
	char name[28];
	char *start, *end;
} mapped[] = {
#define entry(prefix, name) { #prefix " " #name, prefix##_##name, prefix##_##name##_end },
	LOOPS(entry, mapped)
}, unmapped[] = {
	LOOPS(entry, unmapped)
};

static const struct loop *running;
static u32 interrupted, strange;
static u32 word_in_memory;

// Ends the loop by returning to its caller.
static void leave_loop(struct frame *frame)
{
	if (frame->epc >= (u32)running->start && frame->epc < (u32)running->end) {
		u32 instruction = *(const u32 *)frame->epc;

		interrupted++;
		// In a delay slot EPC is the branch. No board here interrupts there, real ones may.
		if (frame->cause & CAUSE_BD && instruction == 0)
			strange++;
		frame->epc = frame->regs[REG_S8];
		frame->cause &= ~CAUSE_BD;
	} else if (timer_interrupts < 50)
		timer_start(NULL, TICK); // came before the loop was reached
}

void call_loop(void *loop, u32 *word); // loops.S

static void run_loops(const struct loop *loops, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		running = &loops[i];
		interrupted = strange = 0;
		timer_interrupts = 0;
		on_interrupt = leave_loop;
		irq_enable();
		timer_start(NULL, TICK);
		call_loop(loops[i].start, &word_in_memory);
		irq_disable();
		on_interrupt = NULL;
		check(loops[i].name, interrupted, 1);
		check("EPC names an instruction that can be resumed", strange, 0);
	}
	timer_stop();
}

void test_loops_mapped(void) { run_loops(mapped, ARRAY_SIZE(mapped)); }
void test_loops_unmapped(void) { run_loops(unmapped, ARRAY_SIZE(unmapped)); }
