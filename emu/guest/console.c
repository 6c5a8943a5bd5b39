// Console output over the 16550 at the board's COM1 (include/console.h).
#include "console.h"
#include "addrspace.h"
#include "string.h"

// 16550 registers, TL16C550 data sheet
#define UART_THR 0
#define UART_IER 1
#define UART_FCR 2
#define UART_LCR 3
#define UART_LSR 5
#define LCR_8N1  0x03
#define LSR_THRE 0x20

void uart_init(void)
{
	writeb(0, UART_BASE + UART_IER);
	writeb(LCR_8N1, UART_BASE + UART_LCR);
	writeb(0x07, UART_BASE + UART_FCR); // FIFOs on and empty
}

static void uart_send(char c)
{
	while (!(readb(UART_BASE + UART_LSR) & LSR_THRE))
		;
	writeb(c, UART_BASE + UART_THR);
}

void console_putc(char c)
{
	if (c == '\n')
		uart_send('\r');
	uart_send(c);
}

void console_write(const char *s, size_t n)
{
	while (n--)
		console_putc(*s++);
}

void printk(const char *fmt, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	console_write(line, n < (int)sizeof(line) ? n : (int)sizeof(line) - 1);
}
