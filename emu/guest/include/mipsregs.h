// CP0 registers by number and the bits the guest uses (MIPS32 Privileged Resource Architecture, MD00090).
#ifndef GUEST_MIPSREGS_H
#define GUEST_MIPSREGS_H

#define CP0_INDEX    $0
#define CP0_ENTRYLO0 $2
#define CP0_ENTRYLO1 $3
#define CP0_CONTEXT  $4
#define CP0_PAGEMASK $5
#define CP0_WIRED    $6
#define CP0_BADVADDR $8
#define CP0_ENTRYHI  $10
#define CP0_STATUS   $12
#define CP0_CAUSE    $13
#define CP0_EPC      $14
#define CP0_PRID     $15

#define ST0_IE  0x00000001
#define ST0_EXL 0x00000002
#define ST0_ERL 0x00000004
#define ST0_KSU 0x00000018
#define ST0_CU0 0x10000000

#define CAUSE_BD      0x80000000
#define CAUSE_EXCCODE 0x0000007c

#define EXCCODE_INT  0
#define EXCCODE_MOD  1
#define EXCCODE_TLBL 2
#define EXCCODE_TLBS 3
#define EXCCODE_ADEL 4
#define EXCCODE_ADES 5
#define EXCCODE_SYS  8
#define EXCCODE_BP   9
#define EXCCODE_RI   10
#define EXCCODE_CPU  11
#define EXCCODE_OV   12
#define EXCCODE_TR   13

#define ENTRYHI_EHINV 0x400

#ifndef __ASSEMBLER__
#include "types.h"

#define __read_c0(reg, sel)                                                          \
	({                                                                           \
		u32 __v;                                                             \
		asm volatile("mfc0 %0, $" #reg ", " #sel : "=r"(__v));               \
		__v;                                                                 \
	})
#define __write_c0(reg, sel, value) asm volatile("mtc0 %z0, $" #reg ", " #sel : : "Jr"((u32)(value)))

#define read_c0_index()      __read_c0(0, 0)
#define write_c0_index(v)    __write_c0(0, 0, v)
#define read_c0_entrylo0()   __read_c0(2, 0)
#define write_c0_entrylo0(v) __write_c0(2, 0, v)
#define read_c0_entrylo1()   __read_c0(3, 0)
#define write_c0_entrylo1(v) __write_c0(3, 0, v)
#define read_c0_pagemask()   __read_c0(5, 0)
#define write_c0_pagemask(v) __write_c0(5, 0, v)
#define read_c0_wired()      __read_c0(6, 0)
#define write_c0_wired(v)    __write_c0(6, 0, v)
#define read_c0_entryhi()    __read_c0(10, 0)
#define write_c0_entryhi(v)  __write_c0(10, 0, v)
#define read_c0_status()     __read_c0(12, 0)
#define write_c0_status(v)   __write_c0(12, 0, v)
#define read_c0_prid()       __read_c0(15, 0)
#define read_c0_config()     __read_c0(16, 0)
#define read_c0_config1()    __read_c0(16, 1)
#define read_c0_config3()    __read_c0(16, 3)
#define read_c0_config4()    __read_c0(16, 4)

static inline void ehb(void) { asm volatile("ehb"); }
static inline void tlbp(void) { asm volatile("tlbp" : : : "memory"); }
static inline void tlbwi(void) { asm volatile("tlbwi" : : : "memory"); }
#endif

#endif
