// Instructions that fault, each with labels for the EPC it must give and for where to go on. Functions named slot_*
// fault in a delay slot on purpose (tools/check-blocks.mjs lets them).
#include "../include/mipsregs.h"

	.set	noat
	.text

	// trap_<name>(address): faults at trap_<name>_epc
	.macro	trap name, instruction:vararg
	.globl	trap_\name, trap_\name\()_epc, trap_\name\()_resume
	.ent	trap_\name
trap_\name:
trap_\name\()_epc:
	\instruction
trap_\name\()_resume:
	jr	$ra
	.end	trap_\name
	.endm

	// slot_<name>(address): the same in the delay slot of a taken branch; EPC is the branch
	.macro	slot name, instruction:vararg
	.globl	slot_\name, slot_\name\()_epc, slot_\name\()_resume
	.ent	slot_\name
	.set	noreorder
slot_\name:
slot_\name\()_epc:
	b	slot_\name\()_resume
	\instruction
	nop
slot_\name\()_resume:
	jr	$ra
	nop
	.set	reorder
	.end	slot_\name
	.endm

	.macro	both name, instruction:vararg
	trap	\name, \instruction
	slot	\name, \instruction
	.endm

	both	lw, lw $v0, 0($a0)
	both	sw, sw $zero, 0($a0)
	both	lb, lb $v0, 0($a0)
	both	sh, sh $zero, 0($a0)
	both	syscall, syscall
	both	break, break 7
	both	reserved, .word 0x0000003f	// dsra32: 64-bit processors only
	both	cop1, .word 0x44020000		// mfc1 $2, $f0 with CU1 off
	both	overflow, add $v0, $a0, $a0
	both	teq, teq $zero, $zero

	// The delay slot of a jump through a register, and of a branch not taken.
	.set	noreorder
	.globl	slot_jr, slot_jr_epc, slot_jr_resume
	.ent	slot_jr
slot_jr:
	lui	$t0, %hi(slot_jr_resume)
	addiu	$t0, $t0, %lo(slot_jr_resume)
slot_jr_epc:
	jr	$t0
	lw	$v0, 0($a0)
	nop
slot_jr_resume:
	jr	$ra
	nop
	.end	slot_jr
	.globl	slot_untaken, slot_untaken_epc, slot_untaken_resume
	.ent	slot_untaken
slot_untaken:
	move	$t0, $a0
slot_untaken_epc:
	bne	$t0, $a0, slot_untaken		// of one register with itself QEMU makes a nop
	sw	$zero, 0($a0)
	nop
slot_untaken_resume:
	jr	$ra
	nop
	.end	slot_untaken
	.set	reorder

	// trap_jump(address): the fetch at address faults
	.globl	trap_jump, trap_jump_resume
	.ent	trap_jump
trap_jump:
	jr	$a0
trap_jump_resume:
	jr	$ra
	.end	trap_jump

	.globl	try_load, try_load_resume
	.ent	try_load
try_load:
	move	$v0, $zero
	lw	$v0, 0($a0)
try_load_resume:
	jr	$ra
	.end	try_load

	.globl	try_store, try_store_resume
	.ent	try_store
try_store:
	sw	$a1, 0($a0)
try_store_resume:
	jr	$ra
	.end	try_store

	// Refill handler that only counts and skips the faulting instruction.
	.globl	probe_refill, probe_refill_end
	.ent	probe_refill
probe_refill:
	lui	$k0, %hi(probe_misses)
	lw	$k1, %lo(probe_misses)($k0)
	addiu	$k1, $k1, 1
	sw	$k1, %lo(probe_misses)($k0)
	mfc0	$k1, CP0_EPC
	addiu	$k1, $k1, 4
	mtc0	$k1, CP0_EPC
	ehb
	eret
probe_refill_end:
	.end	probe_refill

	// Handler of syscall for test_nested: while EXL is set, loads the address in v1, which has no translation. The
	// miss goes to +0x180 and leaves EPC alone.
	.globl	nested_handler, nested_handler_load
	.ent	nested_handler
nested_handler:
nested_handler_load:
	lw	$k0, 0($v1)
	eret
	.end	nested_handler

	.section .bss
	.align	2
	.globl	probe_misses
probe_misses:
	.space	4
