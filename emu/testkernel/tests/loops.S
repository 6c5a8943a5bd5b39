// Count in delay slots, and loops of one or two instructions that only an interrupt ends: the hook of loops.c returns to
// s8 instead. Every loop is `name` up to `name_end`, in mapped and in unmapped memory.
#include "mips.h"

	.set	noreorder
	.text

	.macro	function name
	.globl	\name
	.ent	\name
\name:
	.endm
	.macro	function_end name
	.globl	\name\()_end
\name\()_end:
	.end	\name
	.endm

	function count_in_delay_slot
	jr	$ra
	mfc0	$v0, CP0_COUNT
	function_end count_in_delay_slot

	function rdhwr_count
	rdhwr	$v0, $2
	jr	$ra
	nop
	function_end rdhwr_count

	function rdhwr_count_in_delay_slot
	jr	$ra
	rdhwr	$v0, $2
	function_end rdhwr_count_in_delay_slot

	function rdhwr_resolution
	jr	$ra
	rdhwr	$v0, $3
	function_end rdhwr_resolution

	.macro	loops prefix
	// branch to itself
	function \prefix\()_branch
1:	b	1b
	nop
	function_end \prefix\()_branch

	function \prefix\()_jump
1:	j	1b
	nop
	function_end \prefix\()_jump

	// through a register
	function \prefix\()_jump_register
	bal	1f
	addiu	$t0, $ra, 0
1:	addiu	$t0, $t0, 4
2:	jr	$t0
	nop
	function_end \prefix\()_jump_register

	// work in the delay slot; v0 counts the turns
	function \prefix\()_delay_slot
	li	$v0, 0
1:	b	1b
	addiu	$v0, $v0, 1
	function_end \prefix\()_delay_slot

	// a conditional branch that is always taken, with Count in the delay slot
	function \prefix\()_count_slot
1:	beq	$zero, $zero, 1b
	mfc0	$v1, CP0_COUNT
	function_end \prefix\()_count_slot

	function \prefix\()_likely
	li	$v0, 0
1:	beql	$zero, $zero, 1b
	addiu	$v0, $v0, 1
	function_end \prefix\()_likely

	// arithmetic only, two blocks
	function \prefix\()_two_blocks
	li	$v0, 0
1:	addiu	$v0, $v0, 1
	bne	$v0, $zero, 2f
	nop
2:	b	1b
	xor	$v1, $v0, $v0
	function_end \prefix\()_two_blocks

	// a hundred instructions without a branch
	function \prefix\()_long
	li	$v0, 0
1:	.rept	100
	addiu	$v0, $v0, 1
	.endr
	b	1b
	nop
	function_end \prefix\()_long

	// polls Count
	function \prefix\()_poll_count
1:	mfc0	$v0, CP0_COUNT
	b	1b
	nop
	function_end \prefix\()_poll_count

	// a load, as in a spin lock
	function \prefix\()_spin
1:	lw	$v0, 0($a0)
	b	1b
	nop
	function_end \prefix\()_spin

	// a call in the loop
	function \prefix\()_call
1:	bal	2f
	nop
	b	1b
	nop
2:	jr	$ra
	nop
	function_end \prefix\()_call
	.endm

	loops	mapped

	.section .text.kseg0, "ax"
	loops	unmapped

	// void call_loop(loop, word): s8 is where the interrupt handler lets the loop return to.
	.text
	function call_loop
	addiu	$sp, $sp, -32
	sw	$ra, 28($sp)
	sw	$fp, 24($sp)
	move	$t9, $a0
	move	$a0, $a1
	lui	$fp, %hi(1f)
	addiu	$fp, $fp, %lo(1f)
	jr	$t9
	nop
1:	lw	$ra, 28($sp)
	lw	$fp, 24($sp)
	jr	$ra
	addiu	$sp, $sp, 32
	function_end call_loop
