// The table of tests and the loop over it.
#include <stdarg.h>
#include "test.h"

#define TESTS(test)                       \
	test("timer", timer_interrupt)    \
	test("timer", count_reads)        \
	test("timer", count_write)        \
	test("timer", compare_pending)    \
	test("timer", compare_rewritten)  \
	test("timer", compare_wraps)      \
	test("timer", interrupt_deferred) \
	test("timer", general_vector)     \
	test("timer", software_interrupt) \
	test("wait", wait_timer)          \
	test("wait", wait_two_clocks)     \
	test("wait", wait_pending)        \
	test("devices", pit)              \
	test("devices", pit_counts_down)  \
	test("devices", pic_mask)         \
	test("devices", pic_spurious)     \
	test("devices", rtc_periodic)     \
	test("devices", uart_registers)   \
	test("devices", uart_transmit)    \
	test("devices", uart_loopback)    \
	test("loops", loops_unmapped)     \
	test("loops", loops_mapped)       \
	test("faults", faults_unmapped)   \
	test("faults", faults_mapped)     \
	test("faults", fetch_faults)      \
	test("faults", fetch_page_in)     \
	test("faults", slot_restart)      \
	test("memory", unaligned)         \
	test("memory", linked)            \
	test("memory", dirty)             \
	test("memory", refills)           \
	test("memory", tlb_instructions)  \
	test("memory", page_sizes)        \
	test("code", code_aliases)        \
	test("code", code_lengths)        \
	test("code", code_ahead)          \
	test("code", code_loop)           \
	test("stale", remap)              \
	test("stale", unmap)              \
	test("stale", unmap_range)        \
	test("stale", protect)            \
	test("stale", remap_code)         \
	test("stale", asid_reuse)         \
	test("stale", second_entry)       \
	test("stale", wired)              \
	test("stale", no_flush_needed)    \
	test("stale", moved_table)        \
	test("stale", remap_crowded)      \
	test("user", user_faults)         \
	test("user", user_counters)       \
	test("user", user_spin)           \
	test("user", user_workers)        \
	test("user", user_few_asids)      \
	test("user", user_atomic)         \
	test("user", user_fork)           \
	test("user", user_code)           \
	test("user", user_unmap)          \
	test("disk", disk_polled)         \
	test("disk", disk_interrupt)      \
	test("disk", disk_code)

#define declare(group, name) void test_##name(void);
TESTS(declare)

static const struct {
	char group[12];
	char name[28];
	void (*run)(void);
} tests[] = {
#define entry(group, name) { group, #name, test_##name },
	TESTS(entry)
};

static bool failed, planted_now;
static const char *skipped;
static u32 passes, failures, skips;

bool check(const char *what, u32 is, u32 expected)
{
	if (is != expected && !failed) {
		failed = true;
		printf("# %s: %08x, expected %08x\n", what, is, expected);
	}
	return is == expected;
}

bool check_true(const char *what, bool condition)
{
	if (!condition && !failed) {
		failed = true;
		printf("# not true: %s\n", what);
	}
	return condition;
}

void skip(const char *why) { skipped = why; }

bool planted(const char *name)
{
	bool yes = has_value("plant", name);

	planted_now |= yes;
	return yes;
}

noreturn void kernel_main(void)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(tests); i++) {
		if (!wants_value("tests", tests[i].group) && !has_value("tests", tests[i].name))
			continue;
		failed = false;
		planted_now = false;
		skipped = NULL;
		tests[i].run();
		failed &= !planted_now;
		printf("%sok %u - %s: %s", failed ? "not " : "", ++n, tests[i].group, tests[i].name);
		if (skipped)
			printf(" # SKIP %s", skipped);
		else if (planted_now)
			printf(" # with a planted fault");
		printf("\n");
		if (failed)
			failures++;
		else if (skipped)
			skips++;
		else
			passes++;
	}
	printf("1..%u\n", n);
	printf("testkernel: %u passed, %u failed, %u skipped\n", passes, failures, skips);
	power_off();
}
