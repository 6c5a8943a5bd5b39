// Processes: user mode, an address space each, preempted by the timer. And their system calls. For C and assembly.
#ifndef PROCESS_H
#define PROCESS_H

#define SYS_EXIT  1 // exit(code)
#define SYS_PRINT 2 // print(text, length)
#define SYS_YIELD 3
#define SYS_PID   4
#define SYS_CATCH 5 // catch(handler): faults go to handler(code, badvaddr, epc), which does not return to where they happened
#define SYS_FORK  6 // 0 in the child, the child's pid in the parent
#define SYS_WAIT  7 // wait(pid): its exit code, -1 while it runs
#define SYS_UNMAP 8 // unmap(address): the page goes; touched again it is a new one
#define SYS_PROTECT 9 // protect(address): the page may not be written to any more

#define USER_TEXT  0x00400000
#define USER_HEAP  0x10000000
#define USER_HEAP_PAGES 64
#define USER_SHARED 0x20000000 // a page that all processes of a run share
#define USER_STACK 0x7fff0000  // its end
#define USER_STACK_PAGES 4

#ifndef __ASSEMBLER__
#include "mips.h"
#include "trap.h"
#include "vm.h"

#define MAX_PROCESSES 24
#define KSTACK_SIZE 2048

struct process {
	u32 pid; // 0: free
	bool running;
	u32 exit_code;
	u32 catch;
	u32 ticks; // of the timer while it ran
	u32 tick_limit; // killed after that many; 0: none
	struct space space;
	struct region regions[4];
	struct frame *frame; // while another one runs
	u8 kstack[KSTACK_SIZE] __attribute__((aligned(8)));
};

extern struct process *current; // NULL: the kernel's own tests run
extern u32 context_switches;
extern bool fork_flushes, unmap_flushes; // false: a planted fault

// A process that starts at `entry` (user text) with two arguments in a0 and a1. `shared`: frame at USER_SHARED, 0: none.
struct process *process_create(void (*entry)(u32, u32), u32 a0, u32 a1, u32 shared);
// Runs all processes until the last one has ended; `slice` ticks of Count each.
void processes_run(u32 slice);
// Forgets them; their memory is given back.
void processes_free(void);

struct frame *user_syscall(struct frame *frame);
struct frame *user_fault(struct frame *frame, u32 code);
struct frame *user_tick(struct frame *frame);
#endif

#endif
