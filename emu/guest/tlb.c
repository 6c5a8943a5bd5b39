// TLB set-up and flushes. What runs in which order follows arch/mips/mm/tlb-r4k.c; see include/tlb.h for why.
#include "tlb.h"
#include "addrspace.h"
#include "boot.h"
#include "mipsregs.h"
#include "pgtable.h"
#include "ptrace.h"
#include "string.h"

u32 tlb_size;
u32 tlb_has_ehinv;
extern u32 tlb_random, tlb_index_mask;

extern char refill_4k[], refill_4k_end[], refill_4k_hw[], refill_4k_hw_end[];
extern char refill_16k[], refill_16k_end[], refill_16k_hw[], refill_16k_hw_end[];
extern char handle_tlbl_4k[], handle_tlbs_4k[], handle_tlbm_4k[];
extern char handle_tlbl_16k[], handle_tlbs_16k[], handle_tlbm_16k[];

// An address no access translates (kseg0), another one per entry: two equal entries would be a machine check.
static u32 unique_entryhi(u32 index)
{
	return KSEG0 + (index << (page_shift + 1)) + (tlb_has_ehinv ? ENTRYHI_EHINV : 0);
}

void local_flush_tlb_all(void)
{
	u32 old_entryhi = read_c0_entryhi();
	u32 entry = read_c0_wired();

	write_c0_entrylo0(0);
	write_c0_entrylo1(0);
	if (tlb_has_ehinv && !entry) {
		write_c0_index(0);
		ehb();
		asm volatile(".word 0x42000004" : : : "memory"); // tlbinvf, which -march=24kc does not know
	} else {
		for (; entry < tlb_size; entry++) {
			write_c0_entryhi(unique_entryhi(entry));
			write_c0_index(entry);
			ehb();
			tlbwi();
		}
	}
	ehb();
	write_c0_entryhi(old_entryhi);
}

void local_flush_tlb_kernel_range(u32 start, u32 end)
{
	u32 pairs = (((end - start + PAGE_SIZE - 1) >> page_shift) + 1) >> 1;
	u32 old_entryhi;

	if (pairs > tlb_size / 2) {
		local_flush_tlb_all();
		return;
	}
	old_entryhi = read_c0_entryhi();
	start &= PAGE_MASK << 1;
	end = (end + (PAGE_SIZE << 1) - 1) & (PAGE_MASK << 1);
	while (start < end) {
		s32 index;

		write_c0_entryhi(start);
		start += PAGE_SIZE << 1;
		ehb();
		tlbp();
		ehb();
		index = read_c0_index();
		write_c0_entrylo0(0);
		write_c0_entrylo1(0);
		if (index < 0)
			continue;
		write_c0_entryhi(unique_entryhi(index));
		ehb();
		tlbwi();
	}
	ehb();
	write_c0_entryhi(old_entryhi);
}

void local_flush_tlb_one(u32 va)
{
	u32 old_entryhi = read_c0_entryhi();
	s32 index;

	write_c0_entryhi(va & (PAGE_MASK << 1));
	ehb();
	tlbp();
	ehb();
	index = read_c0_index();
	write_c0_entrylo0(0);
	write_c0_entrylo1(0);
	if (index >= 0) {
		write_c0_entryhi(unique_entryhi(index));
		ehb();
		tlbwi();
		ehb();
	}
	write_c0_entryhi(old_entryhi);
}

int tlb_probe(u32 va)
{
	u32 old_entryhi = read_c0_entryhi();
	s32 index;

	write_c0_entryhi(va & (PAGE_MASK << 1));
	ehb();
	tlbp();
	ehb();
	index = read_c0_index();
	write_c0_entryhi(old_entryhi);
	return index < 0 ? -1 : index;
}

void set_refill_handler(const void *start, const void *end)
{
	memcpy((void *)KSEG0, start, (const char *)end - (const char *)start);
}

void tlb_init(void)
{
	bool hardware = boot_params.tlb_mode == TLB_HARDWARE;
	u32 pagemask = (PAGE_SIZE - 1) << 1 & ~0x1fffu;

	tlb_size = ((read_c0_config1() >> 25) & 63) + 1;
	tlb_has_ehinv = ((read_c0_config4() >> 29) & 3) > 1;
	tlb_index_mask = tlb_size - 1;
	tlb_random = boot_params.seed * 2654435761u + 1;
	if (!tlb_random)
		tlb_random = 1; // xorshift32 stays at 0
	write_c0_pagemask(pagemask);
	write_c0_wired(0);
	if (page_shift == 14) {
		if (hardware)
			set_refill_handler(refill_16k_hw, refill_16k_hw_end);
		else
			set_refill_handler(refill_16k, refill_16k_end);
		exception_handlers[EXCCODE_TLBL] = (u32)handle_tlbl_16k;
		exception_handlers[EXCCODE_TLBS] = (u32)handle_tlbs_16k;
		exception_handlers[EXCCODE_MOD] = (u32)handle_tlbm_16k;
	} else {
		if (hardware)
			set_refill_handler(refill_4k_hw, refill_4k_hw_end);
		else
			set_refill_handler(refill_4k, refill_4k_end);
		exception_handlers[EXCCODE_TLBL] = (u32)handle_tlbl_4k;
		exception_handlers[EXCCODE_TLBS] = (u32)handle_tlbs_4k;
		exception_handlers[EXCCODE_MOD] = (u32)handle_tlbm_4k;
	}
	local_flush_tlb_all();
}
