// Console output over the 16550 UART.
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include "types.h"

void uart_init(void);
void console_putc(char c); // \n goes out as \r\n
void console_write(const char *s, size_t n);
// Formats up to 255 characters and writes them.
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
