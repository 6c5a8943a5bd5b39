// Integer types and shorthands. ILP32, either byte order.
#ifndef TYPES_H
#define TYPES_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef __SIZE_TYPE__ size_t;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define noinline __attribute__((noinline))
#define noreturn __attribute__((noreturn))
// In unmapped memory although the rest of the file runs in kseg2.
#define __kseg0 __attribute__((section(".text.kseg0"), noinline))

#ifdef __MIPSEB__
#define le16(x) __builtin_bswap16(x)
#define le32(x) __builtin_bswap32(x)
#else
#define le16(x) ((u16)(x))
#define le32(x) ((u32)(x))
#endif

// string.c
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);

#endif
