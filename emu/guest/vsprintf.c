// Formatted text (include/string.h).
#include "string.h"

struct text {
	char *at, *end; // next place and one past the last; characters beyond are only counted
	size_t length;
};

static void put(struct text *t, char c)
{
	if (t->at < t->end)
		*t->at++ = c;
	t->length++;
}

static void put_padded(struct text *t, const char *s, int n, const char *prefix, int width, bool left, bool zero)
{
	int pad = width - n - (int)strlen(prefix);

	for (; !left && !zero && pad > 0; pad--)
		put(t, ' ');
	while (*prefix)
		put(t, *prefix++);
	for (; !left && zero && pad > 0; pad--)
		put(t, '0');
	while (n-- > 0)
		put(t, *s++);
	for (; pad > 0; pad--)
		put(t, ' ');
}

// Digits of value, most significant first, at least min of them; returns where they start in buf[32].
static char *digits(char *buf, u32 value, u32 base, int min, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char *p = buf + 32;

	while (value || min > 0) {
		*--p = set[value % base];
		value /= base;
		min--;
	}
	return p;
}

static int number(const char **fmt, va_list *args)
{
	int n = 0;

	if (**fmt == '*') {
		++*fmt;
		return va_arg(*args, int);
	}
	while (**fmt >= '0' && **fmt <= '9')
		n = n * 10 + *(*fmt)++ - '0';
	return n;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct text t = { buf, size ? buf + size - 1 : buf, 0 };
	char scratch[32];
	va_list args;

	va_copy(args, ap);
	for (; *fmt; fmt++) {
		bool left = false, zero = false, alternate = false;
		int width, precision = -1;
		const char *s, *prefix = "";
		u32 value;

		if (*fmt != '%') {
			put(&t, *fmt);
			continue;
		}
		for (fmt++;; fmt++) {
			if (*fmt == '-')
				left = true;
			else if (*fmt == '0')
				zero = true;
			else if (*fmt == '#')
				alternate = true;
			else
				break;
		}
		width = number(&fmt, &args);
		if (*fmt == '.') {
			fmt++;
			precision = number(&fmt, &args);
			zero = false;
		}
		while (*fmt == 'h' || *fmt == 'l' || *fmt == 'z')
			fmt++;
		switch (*fmt) {
		case 'd':
		case 'i':
			value = va_arg(args, u32);
			if ((s32)value < 0) {
				prefix = "-";
				value = -value;
			}
			s = digits(scratch, value, 10, precision < 0 ? 1 : precision, false);
			break;
		case 'u':
			s = digits(scratch, va_arg(args, u32), 10, precision < 0 ? 1 : precision, false);
			break;
		case 'o':
			s = digits(scratch, va_arg(args, u32), 8, precision < 0 ? 1 : precision, false);
			break;
		case 'x':
		case 'X':
			value = va_arg(args, u32);
			if (alternate && value)
				prefix = *fmt == 'x' ? "0x" : "0X";
			s = digits(scratch, value, 16, precision < 0 ? 1 : precision, *fmt == 'X');
			break;
		case 'p':
			s = digits(scratch, va_arg(args, u32), 16, 8, false);
			break;
		case 'c':
			scratch[0] = va_arg(args, int);
			put_padded(&t, scratch, 1, "", width, left, false);
			continue;
		case 's': {
			int n = 0;

			s = va_arg(args, const char *);
			if (!s)
				s = "(null)";
			while ((precision < 0 || n < precision) && s[n])
				n++;
			put_padded(&t, s, n, "", width, left, false);
			continue;
		}
		case 0:
			fmt--;
			continue;
		default:
			put(&t, *fmt);
			continue;
		}
		put_padded(&t, s, scratch + 32 - s, prefix, width, left, zero);
	}
	va_end(args);
	if (size)
		*t.at = 0;
	return t.length;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
