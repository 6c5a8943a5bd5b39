// Scalable bitmaps for tags (lib/sbitmap.c): words on cache lines of their own, a per-CPU hint where to search.
#ifndef KERNEL_SBITMAP_H
#define KERNEL_SBITMAP_H

#include "types.h"

struct sbitmap_word {
	u32 word;
	u32 cleared;
	u32 pad[30]; // a word has 128 bytes to itself
};

struct sbitmap {
	u32 depth;
	u32 shift;
	u32 map_nr;
	bool round_robin;
	struct sbitmap_word *map;
	u32 *alloc_hint; // per-CPU, NULL without hints
};

int sbitmap_init_node(struct sbitmap *sb, u32 depth, int shift, bool alloc_hint);
void sbitmap_free(struct sbitmap *sb, u32 caller);
int sbitmap_get(struct sbitmap *sb);
void sbitmap_put(struct sbitmap *sb, u32 bit);

#endif
