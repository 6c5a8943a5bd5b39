// The general exception vector and the slow path: a full register frame on the stack, then do_exception() in C with
// EXL clear, so that a fault inside it nests as it does in Linux.
#include "mipsregs.h"
#include "ptrace.h"

	.set	noat
	.text

	// Copied to 0x80000180 (setup.c).
	.globl	general_vector
	.globl	general_vector_end
	.ent	general_vector
general_vector:
	mfc0	$k1, CP0_CAUSE
	andi	$k1, $k1, CAUSE_EXCCODE
	lui	$k0, %hi(exception_handlers)
	addu	$k0, $k0, $k1
	lw	$k0, %lo(exception_handlers)($k0)
	jr	$k0
general_vector_end:
	.end	general_vector

	.macro	save reg, number
	sw	\reg, PT_R0 + 4 * \number($sp)
	.endm
	.macro	restore reg, number
	lw	\reg, PT_R0 + 4 * \number($sp)
	.endm

	.globl	handle_other
	.globl	handle_badvaddr
	.ent	handle_other
	// handle_badvaddr: exceptions that set BadVAddr. The others leave 0 in the frame.
handle_badvaddr:
	mfc0	$k0, CP0_BADVADDR
	b	1f
handle_other:
	move	$k0, $zero
1:	move	$k1, $sp
	addiu	$sp, $sp, -PT_SIZE
	save	$k1, 29
	sw	$k0, PT_BVADDR($sp)
	save	$zero, 0
	save	$at, 1
	save	$v0, 2
	save	$v1, 3
	save	$a0, 4
	save	$a1, 5
	save	$a2, 6
	save	$a3, 7
	save	$t0, 8
	save	$t1, 9
	save	$t2, 10
	save	$t3, 11
	save	$t4, 12
	save	$t5, 13
	save	$t6, 14
	save	$t7, 15
	b	2f
2:	save	$s0, 16
	save	$s1, 17
	save	$s2, 18
	save	$s3, 19
	save	$s4, 20
	save	$s5, 21
	save	$s6, 22
	save	$s7, 23
	save	$t8, 24
	save	$t9, 25
	save	$gp, 28
	save	$fp, 30
	save	$ra, 31
	mfhi	$t0
	mflo	$t1
	sw	$t0, PT_HI($sp)
	sw	$t1, PT_LO($sp)
	mfc0	$t2, CP0_EPC
	sw	$t2, PT_EPC($sp)
	mfc0	$t1, CP0_CAUSE
	sw	$t1, PT_CAUSE($sp)
	mfc0	$t0, CP0_STATUS
	sw	$t0, PT_STATUS($sp)
	ori	$t0, $t0, 0x1e		// kernel mode: KSU, ERL and EXL off, IE as it was
	xori	$t0, $t0, 0x1e
	mtc0	$t0, CP0_STATUS
	ehb
	move	$a0, $sp
	jal	do_exception

	.globl	ret_from_exception
ret_from_exception:
	mfc0	$t0, CP0_STATUS
	ori	$t0, $t0, ST0_EXL
	mtc0	$t0, CP0_STATUS		// k0 and k1 must survive from here on
	ehb
	lw	$t0, PT_HI($sp)
	lw	$t1, PT_LO($sp)
	mthi	$t0
	mtlo	$t1
	restore	$at, 1
	restore	$v0, 2
	restore	$v1, 3
	restore	$a0, 4
	restore	$a1, 5
	restore	$a2, 6
	restore	$a3, 7
	restore	$t0, 8
	restore	$t1, 9
	restore	$t2, 10
	restore	$t3, 11
	restore	$t4, 12
	restore	$t5, 13
	restore	$t6, 14
	restore	$t7, 15
	b	3f
3:	restore	$s0, 16
	restore	$s1, 17
	restore	$s2, 18
	restore	$s3, 19
	restore	$s4, 20
	restore	$s5, 21
	restore	$s6, 22
	restore	$s7, 23
	restore	$t8, 24
	restore	$t9, 25
	restore	$gp, 28
	restore	$fp, 30
	restore	$ra, 31
	lw	$k0, PT_STATUS($sp)
	lw	$k1, PT_EPC($sp)
	ori	$k0, $k0, ST0_EXL
	mtc0	$k0, CP0_STATUS
	mtc0	$k1, CP0_EPC
	ehb
	restore	$sp, 29
	eret
	.end	handle_other
