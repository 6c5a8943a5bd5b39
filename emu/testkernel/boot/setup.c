// From the first instruction to kernel_main() in kseg2: console, page tables, vectors.
#include "board.h"
#include "kernel.h"
#include "mmu.h"

u32 ram_bytes;
const char *command_line = "";

#define MIN_RAM (16 << 20)

extern char __mapped_start[], __mapped_end[], __mapped_load[];
extern char refill_4k_random[], refill_4k_random_end[], refill_4k_indexed[], refill_4k_indexed_end[];
extern char refill_16k_random[], refill_16k_random_end[], refill_16k_indexed[], refill_16k_indexed_end[];
extern char refill_linear_random[], refill_linear_random_end[], refill_linear_indexed[], refill_linear_indexed_end[];
extern char linear_random_stub[], linear_random_stub_end[], linear_indexed_stub[], linear_indexed_stub_end[];
extern char refill_c_stub[], refill_c_stub_end[], general_stub[], general_stub_end[];
extern u32 tlb_draw, tlb_index_mask, kernel_sp;

#define VECTOR_REFILL    0x000
#define VECTOR_GENERAL   0x180
#define VECTOR_INTERRUPT 0x200

static void copy_code(u32 to, const char *from, const char *end)
{
	memcpy((void *)to, from, (size_t)(end - from));
	for (u32 line = to; line < to + (u32)(end - from); line += 4)
		asm volatile("synci 0(%0)" : : "r"(line) : "memory");
	asm volatile("sync" : : : "memory");
}

static void vectors_init(void)
{
	bool indexed = has_value("replace", "indexed");

	tlb_draw = 2463534242;
	tlb_index_mask = tlb_entries - 1;
	if (has_value("walk", "c"))
		copy_code(KSEG0 + VECTOR_REFILL, refill_c_stub, refill_c_stub_end);
	else if (linear && indexed)
		copy_code(KSEG0 + VECTOR_REFILL, refill_linear_indexed, refill_linear_indexed_end);
	else if (linear)
		copy_code(KSEG0 + VECTOR_REFILL, refill_linear_random, refill_linear_random_end);
	else if (page_shift == 14 && indexed)
		copy_code(KSEG0 + VECTOR_REFILL, refill_16k_indexed, refill_16k_indexed_end);
	else if (page_shift == 14)
		copy_code(KSEG0 + VECTOR_REFILL, refill_16k_random, refill_16k_random_end);
	else if (indexed)
		copy_code(KSEG0 + VECTOR_REFILL, refill_4k_indexed, refill_4k_indexed_end);
	else
		copy_code(KSEG0 + VECTOR_REFILL, refill_4k_random, refill_4k_random_end);
	if (linear && indexed)
		copy_code(KSEG0 + VECTOR_GENERAL, linear_indexed_stub, linear_indexed_stub_end);
	else if (linear)
		copy_code(KSEG0 + VECTOR_GENERAL, linear_random_stub, linear_random_stub_end);
	else
		copy_code(KSEG0 + VECTOR_GENERAL, general_stub, general_stub_end);
	copy_code(KSEG0 + VECTOR_INTERRUPT, general_stub, general_stub_end);
	write_ebase(KSEG0);
	write_status(read_status() & ~ST_BEV);
}

// The kernel's own text: read-only, global.
static void map_kernel(void)
{
	for (u32 va = (u32)__mapped_start; va < (u32)__mapped_end; va += page_size)
		*pte_create(&kernel_space, va) = make_pte(phys(__mapped_load) + (va - (u32)__mapped_start), PTE_V | PTE_G);
}

noreturn void panic(const char *why, const struct frame *frame)
{
	printf("\nPANIC: %s\n", why);
	if (frame) {
		printf("cause %08x epc %08x badvaddr %08x status %08x entryhi %08x\n", frame->cause, frame->epc,
		       frame->badvaddr, frame->status, frame->entryhi);
		for (u32 i = 0; i < 32; i++)
			printf("%s$%u %08x", i % 8 ? " " : i ? "\n" : "", i, frame->regs[i]);
		printf("\n");
	}
	power_off();
}

// Called by start.S with a0..a3 as the loader left them.
noreturn void setup(u32 argc, const char *const *arguments, const char *const *environment, u32 ram)
{
	static u8 user_stack[4096] __attribute__((aligned(8)));

	ram_bytes = ram;
	kernel_sp = (u32)user_stack + sizeof(user_stack);
	console_init();
	if (argc > 1 && arguments && arguments[1])
		command_line = arguments[1];
	printf("testkernel: %s endian, %u MB, PRId %08x\n", __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "big" : "little",
	       ram_bytes >> 20, read_prid());
	printf("command line: %s\n", command_line);
	if (ram_bytes < MIN_RAM)
		panic("not enough memory", NULL);
	mmu_init();
	vectors_init();
	map_kernel();
	printf("TLB of %u entries, pages of %u KB, %s, %s\n", tlb_entries, page_size >> 10,
	       has_value("walk", "c") ? "refilled in C" : linear ? "refilled from a linear table" : "refilled in assembly",
	       has_value("replace", "indexed") ? "tlbwi at a drawn index" : "tlbwr");
	pci_init();
	i8259_init();
	kernel_main();
}
