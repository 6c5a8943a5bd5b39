// Tests: a table of them in main.c, each prints one line in the Test Anything Protocol ("ok 3 - compare", "not ok 4 - ...").
// Nothing that depends on time is printed, so the same command line gives the same bytes on every board.
#ifndef TEST_H
#define TEST_H

#include "board.h"
#include "kernel.h"
#include "mmu.h"

// Fails the running test with the first wrong value; returns whether it was right.
bool check(const char *what, u32 is, u32 expected);
bool check_true(const char *what, bool condition);
void skip(const char *why);
// plant=NAME: the test leaves out what NAME says. From then on what it finds wrong is noted and no failure.
bool planted(const char *name);

// clock.c. Count runs at 100 MHz in QEMU; whatever it runs at, tests only compare it with itself.
typedef void timer_handler(void);
extern volatile u32 timer_interrupts;
void timer_start(timer_handler *handler, u32 delay); // in ticks of Count; the handler starts it again if it wants to
void timer_stop(void);
u32 compare_set(u32 delay); // returns what Compare became
// Enables the line in Status.IM.
void line_enable(u32 ip);
void line_disable(u32 ip);
// Runs until *counter >= value; false when that takes longer than any board should need.
bool spin_until(const volatile u32 *counter, u32 value);

#define TICK 20000 // of Count: 0.2 ms at 100 MHz

#endif
