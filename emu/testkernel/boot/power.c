// Power off by the PIIX4; reset when that does nothing.
#include "board.h"
#include "uart.h"

#define PM_CNTRL (PM_BASE + 4)
#define SUS_EN   0x2000 // with suspend type 0: soft off

noreturn void power_off(void)
{
	irq_disable();
	while (!(inb(COM1 + UART_LSR) & LSR_TEMT))
		;
	outw(SUS_EN, PM_CNTRL);
	for (volatile u32 i = 0; i < 1000000; i++)
		;
	*(volatile u32 *)SOFTRES = SOFTRES_GORESET;
	for (;;)
		;
}
