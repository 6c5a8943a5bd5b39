// Entry of the init and the one way into the kernel (o32 system calls: number in v0, a0 to a3, the fifth argument on the stack).
	.set	noreorder
	.section .note.GNU-stack, "", @progbits
	.text
	.globl	__start
	.ent	__start
__start:
	addiu	$sp, $sp, -32
	lui	$t9, %hi(main)
	addiu	$t9, $t9, %lo(main)
	jalr	$t9
	nop
1:	b	1b				// main does not return
	nop
	.end	__start

	// long system_call(number, a, b, c, d, e): a negative error number when it fails.
	.globl	system_call
	.ent	system_call
system_call:
	move	$v0, $a0
	move	$a0, $a1
	move	$a1, $a2
	move	$a2, $a3
	lw	$a3, 16($sp)
	lw	$t0, 20($sp)
	addiu	$sp, $sp, -32
	sw	$t0, 16($sp)
	syscall
	addiu	$sp, $sp, 32
	beqz	$a3, 1f
	nop
	subu	$v0, $zero, $v0
1:	jr	$ra
	nop
	.end	system_call
