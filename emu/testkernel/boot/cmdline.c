// Words of the command line.
#include "kernel.h"

// The next word from *at on: its start, its length in *length; NULL at the end.
static const char *next_word(const char **at, u32 *length)
{
	const char *start;

	while (**at == ' ')
		(*at)++;
	start = *at;
	while (**at && **at != ' ')
		(*at)++;
	*length = (u32)(*at - start);
	return *length ? start : NULL;
}

bool has_word(const char *word)
{
	const char *at = command_line, *start;
	u32 length;

	while ((start = next_word(&at, &length)))
		if (length == strlen(word) && !strncmp(start, word, length))
			return true;
	return false;
}

// What stands behind `name=`, the last one when there are several; its length in *length.
static const char *value_of(const char *name, u32 *length)
{
	const char *at = command_line, *start, *value = NULL;
	u32 name_length = strlen(name), n;

	while ((start = next_word(&at, &n)))
		if (n > name_length && !strncmp(start, name, name_length) && start[name_length] == '=') {
			value = start + name_length + 1;
			*length = n - name_length - 1;
		}
	return value;
}

bool has_value(const char *name, const char *value)
{
	u32 length = 0, size = strlen(value);
	const char *list = value_of(name, &length);
	const char *end = list + length;

	while (list && list < end) {
		const char *comma = list;

		while (comma < end && *comma != ',')
			comma++;
		if ((u32)(comma - list) == size && !strncmp(list, value, size))
			return true;
		list = comma + 1;
	}
	return false;
}

bool wants_value(const char *name, const char *value)
{
	u32 length;

	return !value_of(name, &length) || has_value(name, value);
}

u32 number_option(const char *name, u32 otherwise)
{
	u32 length = 0, number = 0;
	const char *digits = value_of(name, &length);

	if (!digits || !length)
		return otherwise;
	for (u32 i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return otherwise;
		number = number * 10 + (u32)(digits[i] - '0');
	}
	return number;
}
