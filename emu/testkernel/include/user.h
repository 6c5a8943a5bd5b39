// The programs that run in user mode, and what they call. They have no global variables: only text, heap and stack.
#ifndef USER_H
#define USER_H

#include "process.h"

// Programs: process_create(user_X, a0, a1, shared). They end with 0 when all was right, else with a line number.
void user_worker(u32 rounds, u32 pages);
void user_faults(u32 page_size, u32 a1);
void user_counters(u32 hwrena, u32 a1);
void user_atomic(u32 turns, u32 a1);
void user_forks(u32 page_size, u32 pages);
void user_code(u32 page_size, u32 a1);
void user_unmapping(u32 page_size, u32 pages);
void user_spin(u32, u32);
void user_spin_count(u32, u32);

// syscall.S
void user_return(void);
u32 user_print(const char *text, u32 length);
u32 user_yield(void);
u32 user_pid(void);
u32 user_fork(void);
u32 user_wait(u32 pid);
void user_unmap(u32 va);
void user_protect(u32 va);
noreturn void user_exit(u32 code);
u32 user_try(void *function, u32 a0);
u32 user_count(void);
u32 user_cpu_number(void);
u32 user_synci_step(void);
u32 user_atomic_add(u32 *word);
u32 user_linked_over(u32 *word);
void user_read_cp0(void), user_cache(u32), user_tlbwr(void), user_eret(void), user_reserved(void), user_break(void), user_trap(void),
	user_overflow(void), user_bad_syscall(void), user_load(u32), user_store(u32), user_jump(u32);

#endif
