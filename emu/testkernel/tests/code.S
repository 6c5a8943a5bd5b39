// Single accesses and calls, so that a report can name them; code that is written to.
#include "mips.h"

	.set	noreorder
	.text

	.macro	function name
	.globl	\name
	.ent	\name
	.type	\name, @function
\name:
	.endm
	.macro	function_end name
	.end	\name
	.endm

	// u32 load_word(const u32 *address)
	function load_word
	lw	$v0, 0($a0)
	jr	$ra
	nop
	function_end load_word

	// u32 store_word(u32 *address, u32 value)
	function store_word
	sw	$a1, 0($a0)
	jr	$ra
	move	$v0, $zero
	function_end store_word

	// u32 call_code(const void *code)
	function call_code
	jr	$a0
	nop
	function_end call_code

	// u32 patch_ahead(u32 *slot, u32 instruction): writes the instruction that runs a few
	// instructions later. slot is the address at which it is written; it runs at patch_ahead_slot.
	.section .text.kseg0, "ax"
	.globl	patch_ahead_slot
	function patch_ahead
	move	$t9, $ra
	li	$v0, 0
	sw	$a1, 0($a0)
	lui	$t0, %hi(patch_ahead_slot)
	addiu	$t0, $t0, %lo(patch_ahead_slot)
	synci	0($t0)
	sync
	lui	$t1, %hi(1f)
	addiu	$t1, $t1, %lo(1f)
	jr.hb	$t1
	nop
1:
patch_ahead_slot:
	li	$v0, 1
	jr	$t9
	nop
	function_end patch_ahead

	// u32 patch_loop(u32 *slot, u32 turns): a loop that adds an instruction's immediate and increments it in itself.
	.globl	patch_loop_slot
	function patch_loop
	li	$v0, 0
1:
patch_loop_slot:
	addiu	$v0, $v0, 0
	lw	$t0, 0($a0)
	addiu	$t0, $t0, 1
	sw	$t0, 0($a0)
	synci	0($a0)
	sync
	addiu	$a1, $a1, -1
	lui	$t1, %hi(1b)
	addiu	$t1, $t1, %lo(1b)
	beqz	$a1, 2f
	nop
	jr.hb	$t1
	nop
2:	jr	$ra
	nop
	function_end patch_loop

	// u32 linked_over_refill(u32 *word, const u32 *page): ll, a load that needs a TLB refill (whose eret ends the link), sc.
	.text
	function linked_over_refill
	ll	$t0, 0($a0)
	lw	$t1, 0($a1)
	sc	$t0, 0($a0)
	jr	$ra
	move	$v0, $t0
	function_end linked_over_refill

	// u32 linked(u32 *word, u32 value): ll and sc with nothing in between; what sc said.
	function linked
	ll	$t0, 0($a0)
	move	$t0, $a1
	sc	$t0, 0($a0)
	jr	$ra
	move	$v0, $t0
	function_end linked
