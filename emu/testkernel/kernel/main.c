// The table of tests and the loop over it.
#include <stdarg.h>
#include "test.h"

#define TESTS(test)                       \
	test("timer", timer_interrupt)    \
	test("8259", pit)

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

static bool failed;
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

noreturn void kernel_main(void)
{
	u32 n = 0;

	for (u32 i = 0; i < ARRAY_SIZE(tests); i++) {
		if (!wants_value("tests", tests[i].group) && !has_value("tests", tests[i].name))
			continue;
		failed = false;
		skipped = NULL;
		tests[i].run();
		printf("%sok %u - %s: %s", failed ? "not " : "", ++n, tests[i].group, tests[i].name);
		if (skipped)
			printf(" # SKIP %s", skipped);
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
