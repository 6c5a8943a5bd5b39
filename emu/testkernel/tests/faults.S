// Snippets that fault, called through guarded_call(fn, a0, a1). `fault_NAME_at` is what EPC has to be: the instruction, or the branch
// when the fault is in its delay slot. Once in mapped and once in unmapped memory.
#include "mips.h"

	.set	noreorder
	.set	noat
	.set	nomacro
	.set	hardfloat

	.macro	function name
	.globl	\name
	.globl	\name\()_at
	.ent	\name
\name:
	.endm

	// An instruction by itself.
	.macro	plain prefix, name, op:vararg
	function \prefix\()_\name
	nop
\prefix\()_\name\()_at:
	\op
	jr	$ra
	li	$v0, 99
	.end \prefix\()_\name
	.endm

	// In the delay slot of a branch.
	.macro	in_slot prefix, name, branch, op:vararg
	function \prefix\()_\name
	move	$t9, $ra
	lui	$t8, %hi(1f)
	addiu	$t8, $t8, %lo(1f)
	li	$t2, 1
	li	$t3, 1
\prefix\()_\name\()_at:
	.ifc	\branch, b
	b	1f
	.endif
	.ifc	\branch, beq_taken
	beq	$zero, $zero, 1f
	.endif
	.ifc	\branch, bne_untaken
	bne	$t2, $t3, 1f
	.endif
	.ifc	\branch, blez_untaken
	blez	$t2, 1f
	.endif
	.ifc	\branch, beql_taken
	beql	$zero, $zero, 1f
	.endif
	.ifc	\branch, bgtzl_taken
	bgtzl	$t2, 1f
	.endif
	.ifc	\branch, bnel_untaken
	bnel	$t2, $t3, 1f
	.endif
	.ifc	\branch, bal
	bal	1f
	.endif
	.ifc	\branch, j
	j	1f
	.endif
	.ifc	\branch, jal
	jal	1f
	.endif
	.ifc	\branch, jr
	jr	$t8
	.endif
	.ifc	\branch, jalr
	jalr	$t8
	.endif
	.ifc	\branch, jr_hb
	jr.hb	$t8
	.endif
	\op
	nop
1:	jr	$t9
	li	$v0, 99
	.end \prefix\()_\name
	.endm

	.macro	snippets prefix
	plain	\prefix, load, lw $t0, 0($a0)
	plain	\prefix, load_byte, lb $t0, 3($a0)
	plain	\prefix, store, sw $t0, 4($a0)
	plain	\prefix, store_byte, sb $t0, 0($a0)
	plain	\prefix, load_half_odd, lh $t0, 1($a1)
	plain	\prefix, load_odd, lw $t0, 2($a1)
	plain	\prefix, store_odd, sw $t0, 3($a1)
	plain	\prefix, store_half_odd, sh $t0, 1($a1)
	plain	\prefix, linked_odd, ll $t0, 1($a1)
	plain	\prefix, overflow, add $t0, $t6, $t6
	plain	\prefix, overflow_immediate, addi $t0, $t6, 1
	plain	\prefix, overflow_subtract, sub $t0, $t7, $t6
	plain	\prefix, break, break 5
	plain	\prefix, syscall, syscall
	plain	\prefix, trap_equal, teq $zero, $zero
	plain	\prefix, trap_immediate, tgei $t6, 0
	plain	\prefix, trap_unsigned, tltu $zero, $t6
	plain	\prefix, trap_not, tne $zero, $zero
	plain	\prefix, reserved, .word 0x00000015
	plain	\prefix, coprocessor1, mtc1 $zero, $f0
	plain	\prefix, coprocessor1_load, lwc1 $f0, 0($a1)
	in_slot	\prefix, slot_load_b, b, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_beq, beq_taken, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_untaken, bne_untaken, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_likely, beql_taken, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_nullified, bnel_untaken, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_bal, bal, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_j, j, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_jal, jal, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_jr, jr, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_jalr, jalr, lw $t0, 0($a0)
	in_slot	\prefix, slot_load_jr_hb, jr_hb, lw $t0, 0($a0)
	in_slot	\prefix, slot_store_taken, beq_taken, sw $t0, 0($a0)
	in_slot	\prefix, slot_store_untaken, blez_untaken, sw $t0, 0($a0)
	in_slot	\prefix, slot_store_likely, bgtzl_taken, sw $t0, 0($a0)
	in_slot	\prefix, slot_store_nullified, bnel_untaken, sw $t0, 0($a0)
	in_slot	\prefix, slot_odd, jr, lw $t0, 1($a1)
	in_slot	\prefix, slot_overflow_taken, b, add $t0, $t6, $t6
	in_slot	\prefix, slot_overflow_untaken, bne_untaken, add $t0, $t6, $t6
	in_slot	\prefix, slot_break_taken, b, break
	in_slot	\prefix, slot_break_untaken, bne_untaken, break
	in_slot	\prefix, slot_syscall_taken, jal, syscall
	in_slot	\prefix, slot_syscall_untaken, bne_untaken, syscall
	in_slot	\prefix, slot_trap_taken, jalr, teq $zero, $zero
	in_slot	\prefix, slot_trap_nullified, bnel_untaken, teq $zero, $zero
	in_slot	\prefix, slot_reserved, b, .word 0x00000015
	in_slot	\prefix, slot_coprocessor, jr, mtc1 $zero, $f0
	.endm

	.text
	snippets mapped
	.section .text.kseg0, "ax"
	snippets unmapped

	// Goes to the snippet in fault_snippet with t6 = the largest positive word, t7 = the most negative but one.
	.text
	function fault_arguments
fault_arguments_at:
	lui	$t6, 0x7fff
	ori	$t6, $t6, 0xffff
	lui	$t7, 0x8000
	ori	$t7, $t7, 1
	lui	$t9, %hi(fault_snippet)
	lw	$t9, %lo(fault_snippet)($t9)
	jr	$t9
	nop
	.end	fault_arguments

	// void jump(target): for fetch faults.
	function jump
jump_at:
	jr	$a0
	nop
	.end	jump

	// Branches whose delay slot needs a page first: the handler pages it in and returns to the branch, which has to go the
	// same way again. restart_X(address, condition): address holds a word whose low bit is set once the page is there or 0.
	// Returns 1000 when taken, 2000 when not, plus the word; the slot overwrites the branch's own condition.
	.macro	restart name, op:vararg
	function restart_\name
restart_\name\()_at:
	move	$t9, $ra
	li	$v0, 2000
	lui	$t8, %hi(1f)
	addiu	$t8, $t8, %lo(1f)
	\op
	lw	$a1, 0($a0)
	b	2f
	nop
1:	li	$v0, 1000
2:	jr	$t9
	addu	$v0, $v0, $a1
	.end	restart_\name
	.endm
	restart	bne, bne $a1, $zero, 1f
	restart	beq, beq $a1, $zero, 1f
	restart	bgtz, bgtz $a1, 1f
	restart	bnel, bnel $a1, $zero, 1f
	restart	bgezal, bgezal $a1, 1f
	restart	jr, jr $t8
	restart	jalr, jalr $t8

	// The same with a store in the slot.
	function restart_store
restart_store_at:
	move	$t9, $ra
	bne	$a1, $zero, 1f
	sw	$a1, 0($a0)
	jr	$t9
	li	$v0, 2000
1:	jr	$t9
	li	$v0, 1000
	.end	restart_store
