// Context switch, thread start, calls on another stack. See include/thread.h.
#include "mipsregs.h"
#include "thread.h"

	.text
	.globl	switch_to
	.ent	switch_to
switch_to:
	mfc0	$t1, CP0_STATUS
	sw	$t1, THREAD_STATUS($a0)
	sw	$s0, THREAD_REG16 + 0($a0)
	sw	$s1, THREAD_REG16 + 4($a0)
	sw	$s2, THREAD_REG16 + 8($a0)
	sw	$s3, THREAD_REG16 + 12($a0)
	sw	$s4, THREAD_REG16 + 16($a0)
	sw	$s5, THREAD_REG16 + 20($a0)
	sw	$s6, THREAD_REG16 + 24($a0)
	sw	$s7, THREAD_REG16 + 28($a0)
	sw	$gp, THREAD_REG28($a0)
	sw	$sp, THREAD_REG29($a0)
	sw	$fp, THREAD_REG30($a0)
	sw	$ra, THREAD_REG31($a0)

	lw	$gp, THREAD_REG28($a1)
	lw	$s0, THREAD_REG16 + 0($a1)
	lw	$s1, THREAD_REG16 + 4($a1)
	lw	$s2, THREAD_REG16 + 8($a1)
	lw	$s3, THREAD_REG16 + 12($a1)
	lw	$s4, THREAD_REG16 + 16($a1)
	lw	$s5, THREAD_REG16 + 20($a1)
	lw	$s6, THREAD_REG16 + 24($a1)
	lw	$s7, THREAD_REG16 + 28($a1)
	lw	$sp, THREAD_REG29($a1)
	lw	$fp, THREAD_REG30($a1)
	lw	$ra, THREAD_REG31($a1)
	lw	$t1, THREAD_STATUS($a1)
	mtc0	$t1, CP0_STATUS
	ehb
	move	$v0, $a0
	jr	$ra
	.end	switch_to

	// A new thread's first switch_to "returns" here: s0 = function, s1 = its argument.
	.globl	thread_entry
	.ent	thread_entry
thread_entry:
	move	$a0, $s1
	jalr	$s0
	move	$a0, $v0
	move	$ra, $zero
	jal	thread_exit
1:	b	1b
	.end	thread_entry

	.globl	call_on_stack
	.ent	call_on_stack
	// a0 = stack top, a1 = function, a2 a3 16(sp) = its arguments
call_on_stack:
	addiu	$sp, $sp, -32
	sw	$ra, 28($sp)
	sw	$s0, 24($sp)
	lw	$t1, 48($sp)
	move	$s0, $sp
	addiu	$sp, $a0, -32
	move	$t0, $a1
	move	$a0, $a2
	move	$a1, $a3
	move	$a2, $t1
	jalr	$t0
	move	$sp, $s0
	lw	$s0, 24($sp)
	lw	$ra, 28($sp)
	addiu	$sp, $sp, 32
	jr	$ra
	.end	call_on_stack
