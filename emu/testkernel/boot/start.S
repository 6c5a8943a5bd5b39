// Entry. QEMU's boot protocol (YAMON's): a0 = 2, a1 = argument table, a2 = environment, a3 = bytes of RAM.
#include "mips.h"

#define BOOT_STACK_SIZE 16384

	.section .text.start, "ax"
	.globl	_start
	.ent	_start
_start:
	li	$t0, ST_CU0			// BEV, ERL, EXL and interrupts off
	mtc0	$t0, CP0_STATUS
	li	$t0, CAUSE_IV
	mtc0	$t0, CP0_CAUSE
	ehb
	la	$t0, __bss_start
	la	$t1, __bss_stop
1:	sw	$zero, 0($t0)
	addiu	$t0, $t0, 4
	bne	$t0, $t1, 1b
	la	$sp, boot_stack + BOOT_STACK_SIZE - 32
	move	$gp, $zero
	move	$fp, $zero
	move	$ra, $zero
	la	$t9, setup
	jr	$t9
	.end	_start

	.section .bss
	.align	4
boot_stack:
	.space	BOOT_STACK_SIZE
