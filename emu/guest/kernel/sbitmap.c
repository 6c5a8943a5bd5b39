// Tag bitmaps.
#include "kernel.h"

int sbitmap_init_node(struct sbitmap *sb, u32 depth, int shift, bool alloc_hint)
{
	u32 cpu;

	if (shift < 0) {
		shift = 5;
		if (depth >= 4)
			while ((4u << shift) > depth)
				shift--;
	}
	sb->shift = shift;
	sb->depth = depth;
	sb->map_nr = (depth + (1u << shift) - 1) >> shift;
	sb->round_robin = false;
	sb->alloc_hint = NULL;
	if (alloc_hint) {
		sb->alloc_hint = pcpu_alloc(sizeof(u32), sizeof(u32), GFP_KERNEL, (u32)sbitmap_init_node);
		if (!sb->alloc_hint)
			return -1;
		for (cpu = 0; cpu < nr_cpu_ids; cpu++)
			*per_cpu_ptr(sb->alloc_hint, cpu) = depth ? prandom_u32_max(depth) : 0;
	}
	sb->map = kzalloc(sb->map_nr * sizeof(*sb->map));
	return 0;
}

void sbitmap_free(struct sbitmap *sb, u32 caller)
{
	__free_percpu(sb->alloc_hint, caller);
	kfree(sb->map);
	sb->map = NULL;
}

// Freed bits wait in `cleared` until their word has no other free bit (sbitmap_deferred_clear): tags march on.
static int sbitmap_find_bit_in_word(struct sbitmap_word *map, u32 bits, u32 from)
{
	for (;;) {
		u32 bit;

		for (bit = from; bit < bits; bit++)
			if (!(map->word & 1u << bit)) {
				map->word |= 1u << bit;
				return bit;
			}
		if (!map->cleared)
			return -1;
		map->word &= ~map->cleared;
		map->cleared = 0;
	}
}

noinline int sbitmap_get(struct sbitmap *sb)
{
	u32 bits_per_word = 1u << sb->shift;
	u32 hint = *this_cpu_ptr(sb->alloc_hint);
	u32 index, from, i;
	int nr = -1;

	if (hint >= sb->depth) {
		hint = prandom_u32_max(sb->depth);
		*this_cpu_ptr(sb->alloc_hint) = hint;
	}
	index = hint >> sb->shift;
	from = hint & (bits_per_word - 1);
	for (i = 0; i < sb->map_nr; i++) {
		u32 bits = sb->depth - (index << sb->shift);

		nr = sbitmap_find_bit_in_word(&sb->map[index], bits < bits_per_word ? bits : bits_per_word, from);
		if (nr >= 0) {
			nr += index << sb->shift;
			break;
		}
		from = 0;
		if (++index >= sb->map_nr)
			index = 0;
	}
	if (nr < 0)
		*this_cpu_ptr(sb->alloc_hint) = 0;
	else if ((u32)nr == hint)
		*this_cpu_ptr(sb->alloc_hint) = hint + 1 >= sb->depth - 1 ? 0 : hint + 1;
	return nr;
}

void sbitmap_put(struct sbitmap *sb, u32 bit)
{
	sb->map[bit >> sb->shift].cleared |= 1u << (bit & ((1u << sb->shift) - 1));
}
