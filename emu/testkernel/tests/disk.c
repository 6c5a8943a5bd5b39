// Disks behind MegaRAID controllers, when there are some. What was on them is put back.
#include "test.h"
#include "megaraid.h"
#include "vm.h"

u32 call_code(const void *code);

static u32 nr_controllers;

// Runs `test` on every disk of every controller.
static void each_disk(void (*test)(struct controller *controller, u32 target, u32 blocks))
{
	u32 disks = 0;

	if (!nr_controllers)
		nr_controllers = megaraid_probe();
	if (!nr_controllers) {
		skip("no MegaRAID controller");
		return;
	}
	for (u32 i = 0; i < nr_controllers; i++) {
		if (!check("a controller is operational", controllers[i].operational, 1))
			continue;
		for (u32 target = 0; target < MAX_TARGETS; target++) {
			u32 blocks = disk_blocks(&controllers[i], target);

			if (!blocks)
				continue;
			disks++;
			test(&controllers[i], target, blocks);
		}
	}
	if (!disks)
		skip("no disk");
}

static void write_and_read(struct controller *c, u32 target, u32 blocks, bool by_interrupt)
{
	u32 saved = frame_alloc(), buffer = frame_alloc(), lba = blocks - 1;
	u32 *words = kseg1(buffer);

	check("read", disk_transfer(c, target, lba, saved, false, by_interrupt), 1);
	for (u32 i = 0; i < BLOCK_SIZE / 4; i++)
		words[i] = target << 24 ^ lba << 8 ^ i;
	check("write", disk_transfer(c, target, lba, buffer, true, by_interrupt), 1);
	memset(words, 0, BLOCK_SIZE);
	check("read again", disk_transfer(c, target, lba, buffer, false, by_interrupt), 1);
	for (u32 i = 0; i < BLOCK_SIZE / 4; i++)
		check("what was written", words[i], target << 24 ^ lba << 8 ^ i);
	check("put back", disk_transfer(c, target, lba, saved, true, by_interrupt), 1);
	check("not beyond the end", disk_transfer(c, target, blocks, buffer, false, false), 0);
	frame_free(saved);
	frame_free(buffer);
}

static void polled(struct controller *c, u32 target, u32 blocks) { write_and_read(c, target, blocks, false); }
static void by_interrupt(struct controller *c, u32 target, u32 blocks) { write_and_read(c, target, blocks, true); }

void test_disk_polled(void) { each_disk(polled); }

void test_disk_interrupt(void)
{
	u32 before = megaraid_interrupts;

	each_disk(by_interrupt);
	if (nr_controllers)
		check_true("interrupts came", megaraid_interrupts > before);
}

// Code that arrives by DMA over code that has run.
static void code_from_disk(struct controller *c, u32 target, u32 blocks)
{
	u32 saved = frame_alloc(), buffer = frame_alloc(), lba = blocks - 1, *code = kseg0(buffer), *page = vmap_pages(1);

	vmap(page, buffer, 0);
	check("read", disk_transfer(c, target, lba, saved, false, false), 1);
	code[0] = 0x03e00008; // jr ra
	code[1] = 0x24020001; // li v0, 1
	check("write", disk_transfer(c, target, lba, buffer, true, false), 1);
	code[1] = 0x24020002;
	asm volatile("synci 0(%0); sync" : : "r"(code) : "memory");
	check("before", call_code(code), 2);
	check("before, mapped", call_code(page), 2);
	check("read over it", disk_transfer(c, target, lba, buffer, false, false), 1);
	asm volatile("synci 0(%0); sync" : : "r"(code) : "memory");
	check("after", call_code(code), 1);
	check("after, mapped", call_code(page), 1);
	check("put back", disk_transfer(c, target, lba, saved, true, false), 1);
	vunmap(page, 1);
	frame_free(saved);
}

void test_disk_code(void) { each_disk(code_from_disk); }
