// Host calls, threads, and the few library functions the guest has.
#include "selftest.h"
#include "../include/boot.h"
#include "../include/doorbell.h"
#include "../include/string.h"
#include "../include/thread.h"

// Operations of HOST_SELFTEST; the host's end is emu/malta/selftest.ts.
#define OP_ADD     0 // a + b
#define OP_CALLS   1 // sum of selftest_callback(a), (a + 1), (a + 2)
#define OP_THREADS 2 // a ends with HOST_THREAD_EXIT: then continue b
#define OP_RESULT  3 // the result of the thread that ended last

static u32 callback_depth;

// Run by the host in the middle of OP_CALLS; calls back itself, three levels deep.
u32 selftest_callback(u32 n)
{
	u32 result;

	callback_depth++;
	result = callback_depth < 3 ? hostcall2(HOST_SELFTEST, OP_CALLS, n) : hostcall3(HOST_SELFTEST, OP_ADD, n, 1);
	callback_depth--;
	return result;
}

void test_doorbell(void)
{
	CHECK_EQ(hostcall3(HOST_SELFTEST, OP_ADD, 2, 3), 5);
	CHECK_EQ(hostcall3(HOST_SELFTEST, OP_ADD, 0xffffffff, 2), 1);
	// Three levels of three calls: sum over i, j, k in 0..2 of 10 + i + j + k + 1.
	CHECK_EQ(hostcall2(HOST_SELFTEST, OP_CALLS, 10), 27 * 14);
	CHECK_EQ(callback_depth, 0);
	// An exception nobody here wants goes to the host, which steps over a break 42.
	asm volatile("break 42");
	CHECK_EQ(hostcall3(HOST_SELFTEST, OP_ADD, 20, 22), 42);
}

static struct thread main_thread, other_thread;
static u32 steps;

static u32 other_main(u32 arg)
{
	CHECK_EQ(arg, 0xcafe);
	for (int i = 0; i < 3; i++) {
		steps = steps * 10 + 2;
		switch_to(&other_thread, &main_thread);
	}
	// Switched away inside a function that the host asked for, in the middle of a host call.
	CHECK_EQ(hostcall3(HOST_SELFTEST, OP_ADD, 5, 6), 11);
	return 0xbeef;
}

static u32 sum3(u32 a, u32 b, u32 c)
{
	return a + b + c;
}

void test_threads(void)
{
	char *stack = (char *)pool_page(12) + 4096;

	steps = 0;
	thread_init(&other_thread, stack, other_main, 0xcafe, 0);
	for (int i = 0; i < 3; i++) {
		steps = steps * 10 + 1;
		switch_to(&main_thread, &other_thread);
	}
	CHECK_EQ(steps, 121212);
	hostcall3(HOST_SELFTEST, OP_THREADS, &other_thread, &main_thread);
	switch_to(&main_thread, &other_thread);
	CHECK_EQ(hostcall1(HOST_SELFTEST, OP_RESULT), 0xbeef);
	CHECK_EQ(call_on_stack((char *)pool_page(13) + 4096, sum3, 1, 20, 300), 321);
}

static void check_format(const char *got, const char *want)
{
	CHECK_EQ(strcmp(got, want), 0);
}

void test_library(void)
{
	u8 *a = (u8 *)pool_page(14), *b = (u8 *)pool_page(15);
	char text[80];

	for (u32 from = 0; from < 5; from++) {
		for (u32 n = 0; n < 19; n++) {
			memset(a, 0xee, 32);
			memset(a + from, 0x11, n);
			for (u32 i = 0; i < 32; i++)
				CHECK_EQ(a[i], i >= from && i < from + n ? 0x11 : 0xee);
		}
	}
	for (u32 i = 0; i < 64; i++)
		a[i] = i;
	memcpy(b, a, 64);
	CHECK_EQ(memcmp(a, b, 64), 0);
	memcpy(b + 1, a, 21);
	CHECK_EQ(b[21], 20);
	memmove(a + 3, a, 40);
	CHECK(a[3] == 0 && a[42] == 39 && a[43] == 43);
	snprintf(text, sizeof(text), "%d|%5u|%-4x|%08x|%s|%c|%%|%p", -7, 42, 0xab, 0x1234, "str", 'z', (void *)0x80001000);
	check_format(text, "-7|   42|ab  |00001234|str|z|%|80001000");
	snprintf(text, sizeof(text), "%#x %X %.3s %*d %-6s|%5s|%o", 255, 255, "abcdef", 4, 9, "ab", "cd", 8);
	check_format(text, "0xff FF abc    9 ab    |   cd|10");
	CHECK_EQ(snprintf(text, 5, "%s", "longer"), 6);
	check_format(text, "long");
	CHECK_EQ(strlen("four"), 4);
	CHECK(strncmp("abcd", "abxx", 2) == 0 && strcmp("a", "b") < 0);
	CHECK(strchr("hello", 'l')[2] == 'o' && !strchr("hello", 'x'));
}
