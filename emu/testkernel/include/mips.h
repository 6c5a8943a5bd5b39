// CP0 registers by number and their bits (MIPS32 Privileged Resource Architecture, MD00090), for C and assembly.
#ifndef MIPS_H
#define MIPS_H

#define CP0_INDEX    $0
#define CP0_RANDOM   $1
#define CP0_ENTRYLO0 $2
#define CP0_ENTRYLO1 $3
#define CP0_CONTEXT  $4
#define CP0_PAGEMASK $5
#define CP0_WIRED    $6
#define CP0_HWRENA   $7
#define CP0_BADVADDR $8
#define CP0_COUNT    $9
#define CP0_ENTRYHI  $10
#define CP0_COMPARE  $11
#define CP0_STATUS   $12
#define CP0_CAUSE    $13
#define CP0_EPC      $14
#define CP0_PRID     $15
#define CP0_EBASE    $15, 1

#define ST_IE    0x00000001
#define ST_EXL   0x00000002
#define ST_ERL   0x00000004
#define ST_UM    0x00000010 // user mode
#define ST_IM    0x0000ff00
#define ST_IM_SHIFT 8
#define ST_BEV   0x00400000
#define ST_CU0   0x10000000
#define ST_CU1   0x20000000

#define CAUSE_BD 0x80000000
#define CAUSE_TI 0x40000000
#define CAUSE_CE 0x30000000
#define CAUSE_CE_SHIFT 28
#define CAUSE_IV 0x00800000
#define CAUSE_IP 0x0000ff00
#define CAUSE_EXCCODE(cause) ((cause) >> 2 & 0x1f)

// Interrupt lines by their bit in Cause.IP: two software interrupts, the 8259 pair, the CP0 timer.
#define IP_SW0   0x0100
#define IP_SW1   0x0200
#define IP_8259  0x0400
#define IP_TIMER 0x8000

#define EXC_INT  0
#define EXC_MOD  1
#define EXC_TLBL 2
#define EXC_TLBS 3
#define EXC_ADEL 4
#define EXC_ADES 5
#define EXC_SYS  8
#define EXC_BP   9
#define EXC_RI   10
#define EXC_CPU  11
#define EXC_OV   12
#define EXC_TR   13

#define ENTRYLO_G 0x01
#define ENTRYLO_V 0x02
#define ENTRYLO_D 0x04
#define ENTRYLO_C 0x18 // cacheable, the only attribute used
#define ENTRYHI_ASID 0xff
#define INDEX_P 0x80000000

#define PAGEMASK_4K  0x00000000
#define PAGEMASK_16K 0x00006000
#define PAGEMASK_64K 0x0001e000
#define PAGEMASK_1M  0x001fe000

#define KSEG0 0x80000000
#define KSEG1 0xa0000000
#define KSEG2 0xc0000000

#ifndef __ASSEMBLER__
#include "types.h"

#define read_c0(reg, sel)                                                     \
	({                                                                    \
		u32 __v;                                                      \
		asm volatile("mfc0 %0, $" #reg ", " #sel : "=r"(__v) : : "memory"); \
		__v;                                                          \
	})
#define write_c0(reg, sel, value) asm volatile("mtc0 %z0, $" #reg ", " #sel "; ehb" : : "Jr"((u32)(value)) : "memory")

#define read_index()       read_c0(0, 0)
#define write_index(v)     write_c0(0, 0, v)
#define read_random()      read_c0(1, 0)
#define read_entrylo0()    read_c0(2, 0)
#define write_entrylo0(v)  write_c0(2, 0, v)
#define read_entrylo1()    read_c0(3, 0)
#define write_entrylo1(v)  write_c0(3, 0, v)
#define read_pagemask()    read_c0(5, 0)
#define write_pagemask(v)  write_c0(5, 0, v)
#define read_wired()       read_c0(6, 0)
#define write_wired(v)     write_c0(6, 0, v)
#define write_hwrena(v)    write_c0(7, 0, v)
#define read_count()       read_c0(9, 0)
#define write_count(v)     write_c0(9, 0, v)
#define read_entryhi()     read_c0(10, 0)
#define write_entryhi(v)   write_c0(10, 0, v)
#define read_compare()     read_c0(11, 0)
#define write_compare(v)   write_c0(11, 0, v)
#define read_status()      read_c0(12, 0)
#define write_status(v)    write_c0(12, 0, v)
#define read_cause()       read_c0(13, 0)
#define write_cause(v)     write_c0(13, 0, v)
#define read_prid()        read_c0(15, 0)
#define write_ebase(v)     write_c0(15, 1, v)
#define read_config1()     read_c0(16, 1)

#define tlbp()  asm volatile("ehb; tlbp; ehb" : : : "memory")
#define tlbr()  asm volatile("ehb; tlbr; ehb" : : : "memory")
#define tlbwi() asm volatile("ehb; tlbwi; ehb" : : : "memory")
#define tlbwr() asm volatile("ehb; tlbwr; ehb" : : : "memory")

static inline void wait_instruction(void) { asm volatile("wait" : : : "memory"); }

// Interrupts off; returns Status as it was, for irq_restore().
static inline u32 irq_save(void)
{
	u32 status;
	asm volatile("di %0; ehb" : "=r"(status) : : "memory");
	return status;
}
static inline void irq_restore(u32 status)
{
	if (status & ST_IE)
		asm volatile("ei; ehb" : : : "memory");
}
static inline void irq_enable(void) { asm volatile("ei; ehb" : : : "memory"); }
static inline void irq_disable(void) { asm volatile("di; ehb" : : : "memory"); }

static inline u32 phys(const void *kseg) { return (u32)kseg & 0x1fffffff; }
static inline void *kseg0(u32 pa) { return (void *)(pa | KSEG0); }
static inline void *kseg1(u32 pa) { return (void *)(pa | KSEG1); }
#endif

#endif
