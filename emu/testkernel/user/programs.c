// The programs. Each returns 0, or the number of the line where something was wrong.
#include "user.h"

#define expect(condition) do { if (!(condition)) user_exit(__LINE__); } while (0)

// Writes a pattern of its own to its pages, again and again, and finds it unchanged whoever ran in between.
void user_worker(u32 rounds, u32 pages)
{
	volatile u32 *heap = (volatile u32 *)USER_HEAP;
	u32 pid = user_pid();
	u32 words = 1024; // steps of 4 KB, whatever the page size

	for (u32 round = 0; round < rounds; round++) {
		for (u32 page = 0; page < pages; page++)
			for (u32 i = 0; i < words; i += 128) {
				u32 was = round ? pid << 16 ^ (round - 1) << 8 ^ page ^ i : 0;

				expect(heap[page * words + i] == was);
				heap[page * words + i] = pid << 16 ^ round << 8 ^ page ^ i;
			}
		if (round % 4 == 3)
			user_yield();
		expect(user_pid() == pid);
	}
	user_exit(0);
}

void user_faults(u32 page_size, u32 a1)
{
	volatile u32 *heap = (volatile u32 *)USER_HEAP;

	expect(user_try(user_load, 0x80100000) == EXC_ADEL);
	expect(user_try(user_load, 0xc0400000) == EXC_ADEL);
	expect(user_try(user_store, 0xa0100000) == 100 + EXC_ADES);
	expect(user_try(user_jump, 0x80100000) == EXC_ADEL);
	expect(user_try(user_load, 0x00000000) == EXC_TLBL);
	expect(user_try(user_store, 0x50000000) == 100 + EXC_TLBS);
	expect(user_try(user_jump, 0x50000000) == EXC_TLBL);
	expect(user_try(user_load, USER_HEAP + 1) == EXC_ADEL);
	expect(user_try(user_store, USER_TEXT) == 100 + EXC_MOD);
	expect(user_try(user_read_cp0, 0) == EXC_CPU);
	expect(user_try(user_cache, USER_HEAP) == EXC_CPU);
	expect(user_try(user_tlbwr, 0) == EXC_CPU);
	expect(user_try(user_eret, 0) == EXC_CPU);
	expect(user_try(user_reserved, 0) == EXC_RI);
	expect(user_try(user_break, 0) == EXC_BP);
	expect(user_try(user_trap, 0) == 100 + EXC_TR);
	expect(user_try(user_overflow, 0) == 100 + EXC_OV);
	expect(user_try(user_bad_syscall, 0) == EXC_SYS);
	// A page that is readable, then written, then read-only.
	expect(user_try(user_load, USER_HEAP) == 99);
	expect(user_try(user_store, USER_HEAP) == 99);
	expect(heap[0] == USER_HEAP);
	user_protect(USER_HEAP);
	expect(user_try(user_store, USER_HEAP) == 100 + EXC_MOD);
	expect(user_try(user_load, USER_HEAP) == 99);
	user_exit(0);
}

// RDHWR, allowed or not.
void user_counters(u32 hwrena, u32 a1)
{
	if (!hwrena) {
		expect(user_try(user_count, 0) == 100 + EXC_RI);
		expect(user_try(user_cpu_number, 0) == EXC_RI);
		user_exit(0);
	}
	for (u32 i = 0, last = user_count(); i < 1000; i++) {
		u32 now = user_count();

		expect((int)(now - last) >= 0);
		last = now;
	}
	for (u32 start = user_count(), i = 0; user_count() == start; i++)
		expect(i < 100000000);
	expect(user_synci_step() >= 4);
	user_exit(0);
}

// Adds to a word that all processes share; preempted in between, no increment may be lost.
void user_atomic(u32 turns, u32 a1)
{
	u32 *word = (u32 *)USER_SHARED;

	for (u32 i = 0; i < turns; i++)
		user_atomic_add(word);
	expect(user_linked_over(word + 1) == 0);
	user_exit(0);
}

// Parent and child see what was there at the fork and what they wrote themselves.
void user_forks(u32 page_size, u32 pages)
{
	volatile u32 *heap = (volatile u32 *)USER_HEAP;
	u32 step = page_size / 4, child;

	for (u32 i = 0; i < pages; i++)
		heap[i * step] = 0x1000 + i;
	child = user_fork();
	for (u32 i = 0; i < pages; i++)
		expect(heap[i * step] == 0x1000 + i);
	for (u32 i = child ? 0 : 1; i < pages; i += 2)
		heap[i * step] = (child ? 0x2000 : 0x3000) + i;
	user_yield();
	for (u32 i = 0; i < pages; i++) {
		bool mine = i % 2 == (child ? 0 : 1);

		expect(heap[i * step] == (mine ? (child ? 0x2000 : 0x3000) : 0x1000) + i);
	}
	if (!child)
		user_exit(77);
	for (u32 code; (code = user_wait(child)) != 77;)
		expect(code == (u32)-1);
	for (u32 i = 0; i < pages; i++)
		heap[i * step] = 0x4000 + i;
	user_exit(0);
}

// Writes functions and calls them, many times at the same address.
void user_code(u32 page_size, u32 a1)
{
	volatile u32 *code = (volatile u32 *)(USER_HEAP + page_size - 8); // over the end of a page

	for (u32 i = 0; i < 300; i++) {
		code[0] = 0x24020000 | i;    // li v0, i
		code[1] = 0x03e00008;        // jr ra
		code[2] = 0x24420000 | i;    // addiu v0, v0, i
		asm volatile("synci 0(%0); synci 8(%0); sync" : : "r"(code) : "memory");
		expect(((u32(*)(void))code)() == 2 * i);
	}
	user_exit(0);
}

// Gives pages back and gets new, empty ones at the same addresses.
void user_unmapping(u32 page_size, u32 pages)
{
	volatile u32 *heap = (volatile u32 *)USER_HEAP;
	u32 step = page_size / 4;

	for (u32 round = 0; round < 10; round++) {
		for (u32 i = 0; i < pages; i++) {
			expect(heap[i * step] == 0);
			heap[i * step] = user_pid();
		}
		for (u32 i = 0; i < pages; i++)
			expect(heap[i * step] == user_pid());
		for (u32 i = 0; i < pages; i++)
			user_unmap(USER_HEAP + i * page_size);
	}
	user_exit(0);
}
