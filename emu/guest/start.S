// Entry of the image: the machine starts here with bss cleared by the loader and boot_params filled in. Sets the stack
// and CP0, then start_guest() (setup.c) does the rest in C.
#include "addrspace.h"
#include "mipsregs.h"
#include "thread.h"

	.section .text.start, "ax"
	.globl	_start
	.ent	_start
_start:
	// Kernel mode, interrupts on as the real kernel shows them in an oops, BEV and ERL off.
	li	$t0, 0x1000a401
	mtc0	$t0, CP0_STATUS
	li	$t0, 0x00800000			// Cause.IV
	mtc0	$t0, CP0_CAUSE
	ehb
	la	$sp, init_stack + INIT_STACK_SIZE - 32
	move	$gp, $zero
	move	$fp, $zero
	move	$ra, $zero
	jal	start_guest
2:	b	2b				// start_guest does not return
	.end	_start

	.section .bss
	.globl	init_stack
	.align	14
	.type	init_stack, @object
	.size	init_stack, INIT_STACK_SIZE
init_stack:
	.space	INIT_STACK_SIZE
