// Exception vectors, TLB refill, and the way into and out of the C handlers. setup.c copies the first of each kind to EBase.
#include "mips.h"
#include "mmu.h"
#include "trap.h"

	.set	noat
	.text

	// Draws an index for tlbwi: xorshift32 (13, 17, 5), never below Wired, which may be half the TLB.
	.macro	draw_index
	lui	$k0, %hi(tlb_draw)
	lw	$k0, %lo(tlb_draw)($k0)
	sll	$k1, $k0, 13
	xor	$k0, $k0, $k1
	srl	$k1, $k0, 17
	xor	$k0, $k0, $k1
	sll	$k1, $k0, 5
	xor	$k0, $k0, $k1
	lui	$k1, %hi(tlb_draw)
	sw	$k0, %lo(tlb_draw)($k1)
	lui	$k1, %hi(tlb_index_mask)
	lw	$k1, %lo(tlb_index_mask)($k1)
	and	$k0, $k0, $k1
	mfc0	$k1, CP0_WIRED
	subu	$k1, $k0, $k1
	bgez	$k1, 3f
	lui	$k1, %hi(tlb_index_mask)
	lw	$k1, %lo(tlb_index_mask)($k1)
	xor	$k0, $k0, $k1
3:	mtc0	$k0, CP0_INDEX
	.endm

	.macro	refill name, page_shift, indexed
	.globl	\name
	.globl	\name\()_end
	.ent	\name
\name:
	mfc0	$k1, CP0_BADVADDR
	lui	$k0, %hi(page_roots)
	bltz	$k1, 1f
	lw	$k0, %lo(page_roots)($k0)
	b	2f
1:	lw	$k0, %lo(page_roots + 4)($k0)
2:	ext	$k1, $k1, \page_shift + 10, 22 - \page_shift
	sll	$k1, $k1, 2
	addu	$k0, $k0, $k1
	lw	$k0, 0($k0)
	mfc0	$k1, CP0_BADVADDR
	ext	$k1, $k1, \page_shift + 1, 9
	sll	$k1, $k1, 3
	addu	$k1, $k0, $k1
	lw	$k0, 0($k1)
	lw	$k1, 4($k1)
	rotr	$k0, $k0, 32 - PTE_ENTRYLO_ROTATE
	ext	$k0, $k0, 0, ENTRYLO_BITS
	mtc0	$k0, CP0_ENTRYLO0
	rotr	$k1, $k1, 32 - PTE_ENTRYLO_ROTATE
	ext	$k1, $k1, 0, ENTRYLO_BITS
	mtc0	$k1, CP0_ENTRYLO1
	.if	\indexed
	draw_index
	ehb
	tlbwi
	.else
	ehb
	tlbwr
	.endif
	eret
\name\()_end:
	.end	\name
	.endm

	refill refill_4k_random, 12, 0
	refill refill_4k_indexed, 12, 1
	refill refill_16k_random, 14, 0
	refill refill_16k_indexed, 14, 1

	// walk=linear, pages of 4 KB: the tables of useg are one array at PTE_WINDOW, mapped by the TLB itself. The load of the pair may
	// miss: with EXL set that is a general exception and EPC stays where it was (linear_entry).
	.macro	refill_linear name, indexed
	.globl	\name
	.globl	\name\()_end
	.ent	\name
\name:
	mfc0	$k1, CP0_BADVADDR
	bltz	$k1, 1f
	mfc0	$k1, CP0_CONTEXT	// PTEBase, VA[31:13], four zeros
	sra	$k1, $k1, 1
	b	2f
1:	lui	$k0, %hi(page_roots)
	lw	$k0, %lo(page_roots + 4)($k0)
	ext	$k1, $k1, 22, 10
	sll	$k1, $k1, 2
	addu	$k0, $k0, $k1
	lw	$k0, 0($k0)
	mfc0	$k1, CP0_BADVADDR
	ext	$k1, $k1, 13, 9
	sll	$k1, $k1, 3
	addu	$k1, $k0, $k1
2:	lw	$k0, 0($k1)
	lw	$k1, 4($k1)
	rotr	$k0, $k0, 32 - PTE_ENTRYLO_ROTATE
	ext	$k0, $k0, 0, ENTRYLO_BITS
	mtc0	$k0, CP0_ENTRYLO0
	rotr	$k1, $k1, 32 - PTE_ENTRYLO_ROTATE
	ext	$k1, $k1, 0, ENTRYLO_BITS
	mtc0	$k1, CP0_ENTRYLO1
	.if	\indexed
	draw_index
	ehb
	tlbwi
	.else
	ehb
	tlbwr
	.endif
	eret
\name\()_end:
	.end	\name
	.endm

	refill_linear refill_linear_random, 0
	refill_linear refill_linear_indexed, 1

	// The general vector with walk=linear: a miss in the window gets its pair of tables from the root and goes back to where the
	// first miss was; everything else is an exception as always.
	.macro	linear_entry name, indexed
	.globl	\name\()_stub
	.globl	\name\()_stub_end
	.ent	\name\()_stub
\name\()_stub:
	la	$k0, \name
	jr	$k0
\name\()_stub_end:
	.end	\name\()_stub
	.ent	\name
\name:
	mfc0	$k0, CP0_CAUSE
	andi	$k0, $k0, 0x7c
	xori	$k0, $k0, EXC_TLBL << 2
	bnez	$k0, exception_entry
	mfc0	$k0, CP0_BADVADDR
	lui	$k1, PTE_WINDOW >> 16
	sltu	$k1, $k0, $k1
	bnez	$k1, exception_entry
	ext	$k0, $k0, 12, 10
	ins	$k0, $zero, 0, 1
	sll	$k0, $k0, 2
	lui	$k1, %hi(page_roots)
	lw	$k1, %lo(page_roots)($k1)
	addu	$k1, $k1, $k0
	lw	$k0, 0($k1)
	lw	$k1, 4($k1)
	ext	$k0, $k0, 12, 17
	sll	$k0, $k0, 6
	ori	$k0, $k0, ENTRYLO_C | ENTRYLO_V
	mtc0	$k0, CP0_ENTRYLO0
	ext	$k1, $k1, 12, 17
	sll	$k1, $k1, 6
	ori	$k1, $k1, ENTRYLO_C | ENTRYLO_V
	mtc0	$k1, CP0_ENTRYLO1
	.if	\indexed
	draw_index
	ehb
	tlbwi
	.else
	ehb
	tlbwr
	.endif
	eret
	.end	\name
	.endm

	linear_entry linear_random, 0
	linear_entry linear_indexed, 1

	// walk=c: the refill is a C function like any other handler.
	.globl	refill_c_stub
	.globl	refill_c_stub_end
	.ent	refill_c_stub
refill_c_stub:
	la	$k0, refill_c_entry
	jr	$k0
refill_c_stub_end:
	.end	refill_c_stub

	.globl	general_stub
	.globl	general_stub_end
	.ent	general_stub
general_stub:
	la	$k0, exception_entry
	jr	$k0
general_stub_end:
	.end	general_stub

	.macro	save reg, number
	sw	\reg, FRAME_REGS + 4 * \number($sp)
	.endm
	.macro	restore reg, number
	lw	\reg, FRAME_REGS + 4 * \number($sp)
	.endm

	// A frame on the kernel stack, kernel mode with interrupts off, then \handler(frame).
	.macro	enter_kernel handler
	mfc0	$k0, CP0_STATUS
	andi	$k0, $k0, ST_UM
	move	$k1, $sp
	beqz	$k0, 1f
	lui	$k0, %hi(kernel_sp)
	lw	$sp, %lo(kernel_sp)($k0)
1:	addiu	$sp, $sp, -FRAME_SIZE
	save	$k1, 29
	save	$zero, 0
	save	$1, 1
	save	$2, 2
	save	$3, 3
	save	$4, 4
	save	$5, 5
	save	$6, 6
	save	$7, 7
	save	$8, 8
	save	$9, 9
	save	$10, 10
	save	$11, 11
	save	$12, 12
	save	$13, 13
	save	$14, 14
	save	$15, 15
	save	$16, 16
	save	$17, 17
	save	$18, 18
	save	$19, 19
	save	$20, 20
	save	$21, 21
	save	$22, 22
	save	$23, 23
	save	$24, 24
	save	$25, 25
	save	$28, 28
	save	$30, 30
	save	$31, 31
	mflo	$t0
	sw	$t0, FRAME_LO($sp)
	mfhi	$t0
	sw	$t0, FRAME_HI($sp)
	mfc0	$t0, CP0_CAUSE
	sw	$t0, FRAME_CAUSE($sp)
	mfc0	$t0, CP0_EPC
	sw	$t0, FRAME_EPC($sp)
	mfc0	$t0, CP0_BADVADDR
	sw	$t0, FRAME_BADVADDR($sp)
	mfc0	$t0, CP0_ENTRYHI
	sw	$t0, FRAME_ENTRYHI($sp)
	mfc0	$t0, CP0_STATUS
	sw	$t0, FRAME_STATUS($sp)
	li	$t1, ~(ST_UM | ST_ERL | ST_EXL | ST_IE)
	and	$t0, $t0, $t1
	mtc0	$t0, CP0_STATUS
	ehb
	move	$a0, $sp
	la	$t9, \handler
	jalr	$t9
	move	$a0, $v0
	.endm

	.globl	exception_entry
	.ent	exception_entry
exception_entry:
	enter_kernel exception

	// frame_resume(frame): goes on where the frame says.
	.globl	frame_resume
frame_resume:
	mfc0	$t0, CP0_STATUS
	ori	$t0, $t0, ST_EXL
	mtc0	$t0, CP0_STATUS
	ehb
	move	$sp, $a0
	lw	$t0, FRAME_LO($sp)
	mtlo	$t0
	lw	$t0, FRAME_HI($sp)
	mthi	$t0
	lw	$t0, FRAME_EPC($sp)
	mtc0	$t0, CP0_EPC
	lw	$k0, FRAME_STATUS($sp)
	ori	$k0, $k0, ST_EXL
	restore	$1, 1
	restore	$2, 2
	restore	$3, 3
	restore	$4, 4
	restore	$5, 5
	restore	$6, 6
	restore	$7, 7
	restore	$8, 8
	restore	$9, 9
	restore	$10, 10
	restore	$11, 11
	restore	$12, 12
	restore	$13, 13
	restore	$14, 14
	restore	$15, 15
	restore	$16, 16
	restore	$17, 17
	restore	$18, 18
	restore	$19, 19
	restore	$20, 20
	restore	$21, 21
	restore	$22, 22
	restore	$23, 23
	restore	$24, 24
	restore	$25, 25
	restore	$28, 28
	restore	$30, 30
	restore	$31, 31
	restore	$29, 29
	mtc0	$k0, CP0_STATUS
	ehb
	eret
	.end	exception_entry

	.ent	refill_c_entry
refill_c_entry:
	enter_kernel tlb_refill
	la	$t9, frame_resume
	jr	$t9
	.end	refill_c_entry

	.set	at
#define GUARD_SIZE 64
	// bool guarded_call(fn, a0, a1, fault)
	.globl	guarded_call
	.ent	guarded_call
guarded_call:
	addiu	$sp, $sp, -GUARD_SIZE
	sw	$s0, 16($sp)
	sw	$s1, 20($sp)
	sw	$s2, 24($sp)
	sw	$s3, 28($sp)
	sw	$s4, 32($sp)
	sw	$s5, 36($sp)
	sw	$s6, 40($sp)
	sw	$s7, 44($sp)
	sw	$fp, 48($sp)
	sw	$ra, 52($sp)
	sw	$a3, guard_fault
	sw	$sp, guard_sp
	move	$t9, $a0
	move	$a0, $a1
	move	$a1, $a2
	jalr	$t9
	li	$v0, 0
	b	1f
	// exception() sends a guarded call that failed here.
	.globl	guard_resume
guard_resume:
	lw	$sp, guard_sp
	li	$v0, 1
1:	sw	$zero, guard_sp
	lw	$s0, 16($sp)
	lw	$s1, 20($sp)
	lw	$s2, 24($sp)
	lw	$s3, 28($sp)
	lw	$s4, 32($sp)
	lw	$s5, 36($sp)
	lw	$s6, 40($sp)
	lw	$s7, 44($sp)
	lw	$fp, 48($sp)
	lw	$ra, 52($sp)
	addiu	$sp, $sp, GUARD_SIZE
	jr	$ra
	.end	guarded_call

	// void users_run(frame): goes to user mode; returns when somebody calls users_done().
	.globl	users_run
	.ent	users_run
users_run:
	addiu	$sp, $sp, -GUARD_SIZE
	sw	$s0, 16($sp)
	sw	$s1, 20($sp)
	sw	$s2, 24($sp)
	sw	$s3, 28($sp)
	sw	$s4, 32($sp)
	sw	$s5, 36($sp)
	sw	$s6, 40($sp)
	sw	$s7, 44($sp)
	sw	$fp, 48($sp)
	sw	$ra, 52($sp)
	sw	$sp, users_sp
	la	$t9, frame_resume
	jr	$t9
	.globl	users_done
users_done:
	lw	$sp, users_sp
	lw	$s0, 16($sp)
	lw	$s1, 20($sp)
	lw	$s2, 24($sp)
	lw	$s3, 28($sp)
	lw	$s4, 32($sp)
	lw	$s5, 36($sp)
	lw	$s6, 40($sp)
	lw	$s7, 44($sp)
	lw	$fp, 48($sp)
	lw	$ra, 52($sp)
	addiu	$sp, $sp, GUARD_SIZE
	jr	$ra
	.end	users_run

	.section .bss
	.align	2
	.globl	page_roots
page_roots:
	.space	8
	.globl	kernel_sp		// where exceptions from user mode put their frame
kernel_sp:
	.space	4
	.globl	guard_sp
guard_sp:
	.space	4
	.globl	guard_fault
guard_fault:
	.space	4
users_sp:
	.space	4
	.globl	tlb_draw
tlb_draw:
	.space	4
	.globl	tlb_index_mask
tlb_index_mask:
	.space	4
