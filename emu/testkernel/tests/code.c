// Code that changes: written through one address, run at another.
#include "test.h"
#include "vm.h"

u32 call_code(const void *code);
u32 patch_ahead(u32 *slot, u32 instruction);
u32 patch_loop(u32 *slot, u32 turns);
extern u32 patch_ahead_slot[], patch_loop_slot[];

#define LI_V0(n) (0x24020000 | (n))
#define JR_RA    0x03e00008

static void synci(const void *address) { asm volatile("synci 0(%0); sync" : : "r"(address) : "memory"); }

enum { KSEG0_ALIAS, KSEG1_ALIAS, MAPPED_ALIAS, ALIASES };

// Every way to write with every way to run, in turn.
void test_code_aliases(void)
{
	u32 frame = frame_alloc(), *page = vmap_pages(1);
	u32 *alias[ALIASES] = { kseg0(frame), kseg1(frame), page };

	vmap(page, frame, PTE_W | PTE_D);
	alias[KSEG1_ALIAS][0] = JR_RA;
	for (u32 n = 0; n < 2000; n++) {
		u32 by = n % ALIASES, at = n / ALIASES % ALIASES;

		alias[by][1] = LI_V0(n); // in the delay slot
		synci(alias[by == KSEG1_ALIAS ? KSEG0_ALIAS : by]);
		check("the code that was written last", call_code(alias[at]), n);
	}
	vunmap(page, 1);
}

// Blocks of different length at the same address, one inside the other.
void test_code_lengths(void)
{
	u32 *code = kseg0(frame_alloc());

	for (u32 length = 1; length < 200; length++) {
		u32 start = 200 - length;

		for (u32 i = 0; i < 200; i++)
			code[i] = 0x24420001; // addiu v0, v0, 1
		code[start] = LI_V0(0);
		code[200] = JR_RA;
		code[201] = 0;
		for (u32 i = 0; i <= 201; i += 4)
			synci(code + i);
		check("instructions run", call_code(code + start), length - 1);
	}
	frame_free(phys(code));
}

void test_code_ahead(void)
{
	for (u32 n = 0; n < 500; n++)
		check("the instruction just written", patch_ahead(n % 2 ? kseg1(phys(patch_ahead_slot)) : patch_ahead_slot, LI_V0(n)), n);
	patch_ahead(patch_ahead_slot, LI_V0(1));
}

void test_code_loop(void)
{
	u32 word = *patch_loop_slot;

	check("0 + 1 + ... + 99", patch_loop(patch_loop_slot, 100), 4950);
	*patch_loop_slot = word;
	synci(patch_loop_slot);
	check("through kseg1", patch_loop(kseg1(phys(patch_loop_slot)), 100), 4950);
	*patch_loop_slot = word;
	synci(patch_loop_slot);
}
