// System calls, and what a program's entry returns to.
#include "process.h"
#include "mips.h"

	.set	noreorder
	.text

	.macro	syscall_function name, number
	.globl	\name
	.ent	\name
\name:
	li	$v0, \number
	syscall
	jr	$ra
	nop
	.end	\name
	.endm

	.globl	user_return
user_return:
	move	$a0, $v0
	syscall_function user_exit, SYS_EXIT
	syscall_function user_print, SYS_PRINT
	syscall_function user_yield, SYS_YIELD
	syscall_function user_pid, SYS_PID
	syscall_function user_catch, SYS_CATCH
	syscall_function user_fork, SYS_FORK
	syscall_function user_wait, SYS_WAIT
	syscall_function user_unmap, SYS_UNMAP
	syscall_function user_protect, SYS_PROTECT

	.macro	function name
	.globl	\name
	.ent	\name
\name:
	.endm

	// Spins in one instruction until the kernel ends the process.
	function user_spin
1:	b	1b
	nop
	.end	user_spin

	// The same with Count in the delay slot.
	function user_spin_count
1:	b	1b
	rdhwr	$v0, $2
	.end	user_spin_count

	function user_count
	jr	$ra
	rdhwr	$v0, $2
	.end	user_count

	function user_cpu_number
	rdhwr	$v0, $0
	jr	$ra
	nop
	.end	user_cpu_number

	function user_synci_step
	jr	$ra
	rdhwr	$v0, $1
	.end	user_synci_step

	// What user mode may not do. void f(u32 address).
	function user_read_cp0
	mfc0	$v0, CP0_STATUS
	jr	$ra
	nop
	.end	user_read_cp0
	function user_cache
	cache	0x15, 0($a0)
	jr	$ra
	nop
	.end	user_cache
	function user_tlbwr
	tlbwr
	jr	$ra
	nop
	.end	user_tlbwr
	function user_eret
	eret
	.end	user_eret
	function user_reserved
	.word	0x00000015
	jr	$ra
	nop
	.end	user_reserved
	function user_break
	break
	jr	$ra
	nop
	.end	user_break
	function user_trap
	jr	$ra
	teq	$zero, $zero
	.end	user_trap
	function user_overflow
	lui	$t0, 0x7fff
	jr	$ra
	add	$t0, $t0, $t0
	.end	user_overflow
	function user_bad_syscall
	li	$v0, 1000
	syscall
	jr	$ra
	nop
	.end	user_bad_syscall
	function user_load
	lw	$v0, 0($a0)
	jr	$ra
	nop
	.end	user_load
	function user_store
	jr	$ra
	sw	$a0, 0($a0)
	.end	user_store
	function user_jump
	move	$t9, $ra
	jalr	$a0
	nop
	jr	$t9
	nop
	.end	user_jump

	// u32 user_atomic_add(u32 *word): ll and sc until it worked; returns how often it did not.
	function user_atomic_add
	li	$v0, -1
1:	addiu	$v0, $v0, 1
	ll	$t0, 0($a0)
	addiu	$t0, $t0, 1
	sc	$t0, 0($a0)
	beqz	$t0, 1b
	nop
	jr	$ra
	nop
	.end	user_atomic_add

	// u32 user_linked_over(u32 *word): ll, a system call in between, sc: has to fail. Returns what sc said.
	function user_linked_over
	move	$t9, $ra
	move	$t8, $a0
	ll	$t0, 0($t8)
	li	$v0, SYS_PID
	syscall
	addiu	$t0, $t0, 1
	sc	$t0, 0($t8)
	jr	$t9
	move	$v0, $t0
	.end	user_linked_over

	// u32 user_faulted: continues here after a caught exception, with code in a0 and delay slot bit in a3; see user_try.
	// u32 user_try(void (*f)(u32), u32 a0): the code of the exception it raises, plus 100 from a delay slot; 99: none.
	function user_try
	addiu	$sp, $sp, -32
	sw	$ra, 28($sp)
	sw	$s0, 24($sp)
	sw	$s1, 20($sp)
	move	$s0, $a0
	move	$s1, $a1
	lui	$a0, %hi(1f)
	addiu	$a0, $a0, %lo(1f)
	li	$v0, SYS_CATCH
	syscall
	move	$a0, $s1
	jalr	$s0
	move	$s0, $sp
	b	2f
	li	$v0, 99
1:	move	$sp, $s0
	sll	$t0, $a3, 6
	sll	$t1, $a3, 5
	addu	$t0, $t0, $t1
	sll	$t1, $a3, 2
	addu	$t0, $t0, $t1
	addu	$v0, $a0, $t0
2:	lw	$ra, 28($sp)
	lw	$s0, 24($sp)
	lw	$s1, 20($sp)
	jr	$ra
	addiu	$sp, $sp, 32
	.end	user_try
