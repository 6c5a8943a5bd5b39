// The C library functions the guest has. memset and memcpy store in ascending order, words where aligned.
#ifndef GUEST_STRING_H
#define GUEST_STRING_H

#include <stdarg.h>
#include "types.h"

void *memset(void *s, int c, size_t n);
void *memcpy(void *dest, const void *src, size_t n);
void *memmove(void *dest, const void *src, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strcpy(char *dest, const char *src);
char *strchr(const char *s, int c);

// %d %i %u %x %X %o %c %s %p %%, flags 0 - #, width and precision (numbers or *), lengths h l z. Returns the length
// the whole text has; writes at most size bytes with the final 0.
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int snprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
