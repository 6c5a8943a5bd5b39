// Memory and strings; the compiler calls the first three on its own.
#include "types.h"


void *memset(void *to, int byte, size_t size)
{
	for (u8 *p = to; size--;)
		*p++ = (u8)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	if (((u32)t | (u32)f | size) % 4 == 0) {
		for (size_t i = 0; i < size / 4; i++)
			((u32 *)t)[i] = ((const u32 *)f)[i];
		return to;
	}
	while (size--)
		*t++ = *f++;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *p = a, *q = b;

	for (; size--; p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, ~(size_t)0); }

int strncmp(const char *a, const char *b, size_t size)
{
	for (; size--; a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}
