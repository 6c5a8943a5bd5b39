// The console: the 16550 of COM1, polled, and a small printf.
#include <stdarg.h>
#include "board.h"
#include "kernel.h"
#include "uart.h"

void console_init(void)
{
	outb(LCR_DLAB | LCR_8N1, COM1 + UART_LCR);
	outb(115200 / 38400, COM1 + UART_DLL);
	outb(0, COM1 + UART_DLM);
	outb(LCR_8N1, COM1 + UART_LCR);
	outb(FCR_ENABLE | FCR_CLEAR, COM1 + UART_FCR);
	outb(MCR_DTR | MCR_RTS | MCR_OUT2, COM1 + UART_MCR);
	outb(0, COM1 + UART_IER);
}

void putchar(char c)
{
	if (c == '\n')
		putchar('\r');
	while (!(inb(COM1 + UART_LSR) & LSR_THRE))
		;
	outb((u8)c, COM1 + UART_THR);
}

static void print_number(u32 value, u32 base, u32 width, char fill)
{
	char digits[10];
	u32 n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	for (u32 i = n; i < width; i++)
		putchar(fill);
	while (n)
		putchar(digits[--n]);
}

void printf(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (const char *f = format; *f; f++) {
		u32 width = 0;
		char fill = ' ';

		if (*f != '%') {
			putchar(*f);
			continue;
		}
		if (*++f == '0')
			fill = '0';
		for (; *f >= '0' && *f <= '9'; f++)
			width = width * 10 + (u32)(*f - '0');
		switch (*f) {
		case 's':
			for (const char *s = va_arg(args, const char *); *s; s++)
				putchar(*s);
			break;
		case 'c':
			putchar((char)va_arg(args, int));
			break;
		case 'd': {
			s32 value = va_arg(args, s32);

			if (value < 0)
				putchar('-');
			print_number(value < 0 ? -(u32)value : (u32)value, 10, width, fill);
			break;
		}
		case 'u':
			print_number(va_arg(args, u32), 10, width, fill);
			break;
		case 'x':
			print_number(va_arg(args, u32), 16, width, fill);
			break;
		default:
			putchar(*f);
		}
	}
	va_end(args);
}
