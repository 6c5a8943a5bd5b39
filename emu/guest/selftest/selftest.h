// The machine's self test: programs that run on the guest and print ok/FAIL lines. `percpu-malta selftest` starts
// selftest_main() (main.c); a test is a function that calls CHECK and returns.
#ifndef SELFTEST_H
#define SELFTEST_H

#include "../include/types.h"

void check_failed(const char *file, u32 line, const char *what, u32 got, u32 want);

#define CHECK(condition)                                                             \
	do {                                                                         \
		if (!(condition))                                                    \
			check_failed(__FILE__, __LINE__, #condition, 0, 1);          \
	} while (0)
#define CHECK_EQ(got, want)                                                          \
	do {                                                                         \
		u32 __got = (u32)(got), __want = (u32)(want);                        \
		if (__got != __want)                                                 \
			check_failed(__FILE__, __LINE__, #got, __got, __want);       \
	} while (0)

// Pages the tests may use: RAM from 8 MB on, nobody else's. 16 MB of RAM are enough.
#define POOL_BASE 0x00800000
u32 pool_pfn(u32 n);
volatile u32 *pool_page(u32 n); // in kseg0

// Two address ranges through the TLB: KSEG2 up, and the top where per-CPU chunks live.
#define VA_LOW 0xc0000000
#define VA_TOP 0xfff00000

// The next exception that reaches do_exception() is expected: record it and go on at `resume`. Anything else goes to the
// host, which ends the test run.
struct trap_record {
	u32 count; // exceptions since expect_trap()
	u32 epc, cause, badvaddr;
};
extern struct trap_record trap;
void expect_trap(u32 resume);
void expect_no_trap(void);
#define TRAP_EXCCODE ((trap.cause >> 2) & 31)
#define TRAP_BD      (trap.cause >> 31)

// A load or store that may fault; resumes behind itself (traps.S). trap.count tells.
u32 try_load(u32 va);
void try_store(u32 va, u32 value);
extern char try_load_resume[], try_store_resume[];

// Loads va with the refill handler replaced by one that only counts: is the translation there, without adding one?
bool reachable(u32 va);
// Writes the pair of va into the TLB at index, from the page table.
void tlb_write_at(u32 index, u32 va);

void test_refill(void);
void test_pairs(void);
void test_write_protection(void);
void test_exceptions(void);
void test_nested(void);
void test_flush_range(void);
void test_stale(void);
void test_capacity(void);
void test_doorbell(void);
void test_threads(void);
void test_library(void);

#endif
