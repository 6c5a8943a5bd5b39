// User mode.
#include "test.h"
#include "user.h"
#include "vm.h"

#define SLICE 5000 // of Count

static struct process *started[MAX_PROCESSES];
static u32 nr_started;

static void start(void (*program)(u32, u32), u32 a0, u32 a1, u32 shared)
{
	started[nr_started++] = process_create(program, a0, a1, shared);
}

// Runs all that were started; all have to end with 0.
static void run_in_slices(u32 slice)
{
	u32 before = frames_in_use();

	processes_run(slice);
	for (u32 i = 0; i < nr_started; i++)
		check("a process ended at line", started[i]->exit_code, 0);
	processes_free();
	nr_started = 0;
	check_true("the memory came back", frames_in_use() < before);
}

static void run(void) { run_in_slices(SLICE); }

void test_user_faults(void)
{
	start(user_faults, page_size, 0, 0);
	run();
}

void test_user_counters(void)
{
	write_hwrena(0x0000000f);
	start(user_counters, 1, 0, 0);
	run();
	write_hwrena(0);
	start(user_counters, 0, 0, 0);
	run();
}

// One-instruction loops in user mode are preempted, and others run in between.
void test_user_spin(void)
{
	write_hwrena(0x0000000f);
	start(user_spin, 0, 0, 0);
	start(user_worker, 20, 4, 0);
	start(user_spin_count, 0, 0, 0);
	started[0]->tick_limit = started[2]->tick_limit = 5;
	run();
}

// More pages than the TLB has entries, more processes than that.
void test_user_workers(void)
{
	u32 n = number_option("processes", 8);

	table_flushes = !planted("table");
	if (planted("table") && !linear)
		printf("# plant=table needs walk=linear\n");
	for (u32 i = 0; i < n && i < MAX_PROCESSES; i++)
		start(user_worker, 40, 12, 0);
	context_switches = 0;
	run();
	table_flushes = true;
	check_true("they took turns", context_switches > n);
}

// Three ASIDs for eight processes: each switch may begin a new generation.
void test_user_few_asids(void)
{
	extern u32 asid_limit, asid_generations;
	u32 old = asid_limit, before = asid_generations;

	asid_limit = 3;
	for (u32 i = 0; i < 8; i++)
		start(user_worker, 30, 8, 0);
	run();
	check_true("ASIDs were used again", asid_generations > before);
	asid_limit = old;
}

void test_user_atomic(void)
{
	u32 frame = frame_alloc(), *shared = kseg0(frame);

	shared[0] = shared[1] = 0;
	for (u32 i = 0; i < 4; i++)
		start(user_atomic, 2000, 0, frame);
	run();
	check("all increments", shared[0], 8000);
	check("no sc went through after a system call", shared[1], 0);
	frame_free(frame);
}

void test_user_fork(void)
{
	copied = 0;
	fork_flushes = !planted("fork");
	start(user_forks, page_size, 6, 0);
	start(user_forks, page_size, 6, 0);
	run_in_slices(fork_flushes ? SLICE : 100 * SLICE); // planted: the parent writes before anybody else runs
	fork_flushes = true;
	check_true("pages were copied when written to", copied >= 12);
}

void test_user_code(void)
{
	start(user_code, page_size, 0, 0);
	start(user_code, page_size, 0, 0);
	run();
}

void test_user_unmap(void)
{
	unmap_flushes = !planted("munmap");
	for (u32 i = 0; i < 3; i++)
		start(user_unmapping, page_size, 6, 0);
	run();
	unmap_flushes = true;
}
