// What the parts of the kernel offer each other.
#ifndef KERNEL_H
#define KERNEL_H

#include "mips.h"
#include "trap.h"

// console.c: COM1 by polling, in unmapped memory so that it works whatever state the TLB is in.
void console_init(void);
void putchar(char c);
void printf(const char *format, ...) __attribute__((format(printf, 1, 2))); // %s %c %d %u %x %08x %%

// setup.c
extern u32 ram_bytes;
extern const char *command_line;
noreturn void panic(const char *why, const struct frame *frame);

// cmdline.c: words separated by blanks, `name`, `name=value` or `name=value,value`.
bool has_word(const char *word);
bool has_value(const char *name, const char *value);        // name=...,value,...
u32 number_option(const char *name, u32 otherwise);
bool wants_value(const char *name, const char *value);      // as has_value, and true when there is no name=

// main.c, in kseg2
noreturn void kernel_main(void);

#endif
