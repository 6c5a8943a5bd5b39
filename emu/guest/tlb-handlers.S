// TLB refill, invalid and modified handlers for 4 KB and 16 KB pages: the instruction sequences Linux synthesizes
// at boot for a MIPS32 R2 core without RIXI (arch/mips/mm/tlbex.c). When tlbp, tlbwi and tlbwr run decides which
// shadow entries the engine keeps, so the order here is part of the model. Only k0 and k1 are free. The P5600 gets the
// same handlers: its hardware page walker and its RI/XI bits stay off.
#include "boot.h"
#include "mipsregs.h"
#include "pgtable.h"

	.set	noat

	// \ptr = address of the pgd slot of BadVAddr
	.macro	get_pgde tmp, ptr, pgdir_shift
	lui	\ptr, %hi(pgd_current)
	mfc0	\tmp, CP0_BADVADDR
	lw	\ptr, %lo(pgd_current)(\ptr)
	srl	\tmp, \tmp, \pgdir_shift
	sll	\tmp, \tmp, 2
	addu	\ptr, \ptr, \tmp
	.endm

	// EntryLo0/1 from the even/odd pair at \ptr
	.macro	update_entries tmp, ptr
	lw	\tmp, 0(\ptr)
	lw	\ptr, 4(\ptr)
	srl	\tmp, \tmp, PTE_TO_ENTRYLO
	mtc0	\tmp, CP0_ENTRYLO0
	srl	\ptr, \ptr, PTE_TO_ENTRYLO
	mtc0	\ptr, CP0_ENTRYLO1
	.endm

	// Context holds VA[31:13] from bit 4 on; the pair's offset in the page of PTEs is that, shifted and masked.
	.macro	refill_walk pgdir_shift, context_shift, mask
	get_pgde $k0, $k1, \pgdir_shift
	mfc0	$k0, CP0_CONTEXT
	lw	$k1, 0($k1)
	srl	$k0, $k0, \context_shift
	andi	$k0, $k0, \mask
	addu	$k1, $k1, $k0
	update_entries $k0, $k1
	.endm

	// Draws the next index from tlb_random (xorshift32: 13, 17, 5). Not mul: it may destroy HI and LO.
	.macro	draw_index
	lui	$k0, %hi(tlb_random)
	lw	$k0, %lo(tlb_random)($k0)
	sll	$k1, $k0, 13
	xor	$k0, $k0, $k1
	srl	$k1, $k0, 17
	xor	$k0, $k0, $k1
	sll	$k1, $k0, 5
	xor	$k0, $k0, $k1
	lui	$k1, %hi(tlb_random)
	sw	$k0, %lo(tlb_random)($k1)
	lui	$k1, %hi(tlb_index_mask)
	lw	$k1, %lo(tlb_index_mask)($k1)
	and	$k0, $k0, $k1
	mtc0	$k0, CP0_INDEX
	.endm

	.macro	refill_handler name, pgdir_shift, context_shift, mask, mode
	.globl	\name
	.globl	\name\()_end
	.ent	\name
\name:
	refill_walk \pgdir_shift, \context_shift, \mask
	.if	\mode == TLB_QEMU
	ehb
	tlbwr
	.else
	draw_index
	ehb
	tlbwi
	.endif
	eret
\name\()_end:
	.end	\name
	.endm

	.text
	refill_handler refill_4k, PGDIR_SHIFT_4K, 1, 0xff8, TLB_QEMU
	refill_handler refill_16k, PGDIR_SHIFT_16K, 3, 0x3ff8, TLB_QEMU
	refill_handler refill_4k_hw, PGDIR_SHIFT_4K, 1, 0xff8, TLB_HARDWARE
	refill_handler refill_16k_hw, PGDIR_SHIFT_16K, 3, 0x3ff8, TLB_HARDWARE

	// Head of the three change handlers: at and v0 saved at k0; k1 = PTE, at = its address, Index probed.
	.macro	tlbchange_head pgdir_shift, pte_shift, pte_mask
	lui	$k0, %hi(handler_reg_save)
	addiu	$k0, $k0, %lo(handler_reg_save)
	sw	$at, 0($k0)
	sw	$v0, 4($k0)
	get_pgde $k1, $at, \pgdir_shift
	mfc0	$k1, CP0_BADVADDR
	lw	$at, 0($at)
	srl	$k1, $k1, \pte_shift
	andi	$k1, $k1, \pte_mask
	addu	$at, $at, $k1
	lw	$k1, 0($at)
	tlbp
	.endm

	// Store the PTE with the \bits added, reload the pair, write it over the entry tlbp found.
	.macro	tlbchange_tail bits
	ori	$k1, $k1, \bits
	sw	$k1, 0($at)
	ori	$at, $at, 4
	xori	$at, $at, 4
	update_entries $k1, $at
	ehb
	tlbwi
	lw	$at, 0($k0)
	lw	$v0, 4($k0)
	eret
	.endm

	.macro	tlbchange_fail to
	lw	$at, 0($k0)
	lw	$v0, 4($k0)
	j	\to
	.endm

	.macro	tlbl_handler name, pgdir_shift, pte_shift, pte_mask
	.globl	\name
	.ent	\name
\name:
	tlbchange_head \pgdir_shift, \pte_shift, \pte_mask
	andi	$v0, $k1, _PAGE_PRESENT | _PAGE_NO_READ
	xori	$v0, $v0, _PAGE_PRESENT
	bnez	$v0, 1f
	tlbchange_tail _PAGE_VALID | _PAGE_ACCESSED
1:	tlbchange_fail handle_badvaddr
	.end	\name
	.endm

	.macro	tlbs_handler name, pgdir_shift, pte_shift, pte_mask
	.globl	\name
	.ent	\name
\name:
	tlbchange_head \pgdir_shift, \pte_shift, \pte_mask
	andi	$v0, $k1, _PAGE_PRESENT | _PAGE_WRITE
	xori	$v0, $v0, _PAGE_PRESENT | _PAGE_WRITE
	bnez	$v0, 1f
	tlbchange_tail _PAGE_ACCESSED | _PAGE_MODIFIED | _PAGE_VALID | _PAGE_DIRTY
1:	tlbchange_fail handle_badvaddr
	.end	\name
	.endm

	.macro	tlbm_handler name, pgdir_shift, pte_shift, pte_mask
	.globl	\name
	.ent	\name
\name:
	tlbchange_head \pgdir_shift, \pte_shift, \pte_mask
	srl	$v0, $k1, 1
	andi	$v0, $v0, 1
	beqz	$v0, 1f
	tlbchange_tail _PAGE_ACCESSED | _PAGE_MODIFIED | _PAGE_VALID | _PAGE_DIRTY
1:	tlbchange_fail handle_badvaddr
	.end	\name
	.endm

	// The PTE's offset in its page is (VA >> (page_shift - 2)) masked.
	tlbl_handler handle_tlbl_4k, PGDIR_SHIFT_4K, 10, 0xffc
	tlbs_handler handle_tlbs_4k, PGDIR_SHIFT_4K, 10, 0xffc
	tlbm_handler handle_tlbm_4k, PGDIR_SHIFT_4K, 10, 0xffc
	tlbl_handler handle_tlbl_16k, PGDIR_SHIFT_16K, 12, 0x3ffc
	tlbs_handler handle_tlbs_16k, PGDIR_SHIFT_16K, 12, 0x3ffc
	tlbm_handler handle_tlbm_16k, PGDIR_SHIFT_16K, 12, 0x3ffc

	.section .bss
	.align	3
handler_reg_save:
	.space	8
	.globl	tlb_random
tlb_random:
	.space	4
	.globl	tlb_index_mask
tlb_index_mask:
	.space	4
