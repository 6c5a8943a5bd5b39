// The slab allocator (mm/slab.c): caches of equal objects, a per-CPU array of free ones in front, free lists inside
// the slabs. Objects are kseg0 memory; the per-CPU arrays are per-CPU memory and, for caches made after the first
// chunk was full, go through the TLB.
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "list.h"

struct array_cache {
	u32 avail;
	u32 limit;
	u32 batchcount;
	u32 touched;
	void *entry[];
};

// One per page frame, like the part of struct page a slab uses.
struct slab {
	struct list_head slab_list;
	struct kmem_cache *slab_cache; // NULL: not a slab page
	void *s_mem;                   // first object
	void *freelist;                // index array, inside the free object that will be handed out last
	u32 active;
	u32 order;
	u32 pad;
};

struct kmem_cache {
	struct array_cache *cpu_cache; // per-CPU pointer
	const char *name;
	u32 object_size; // asked for
	u32 size;        // with alignment
	u32 num;         // objects in a slab
	u32 gfporder;
	u32 colour, colour_off, colour_next;
	u32 batchcount, limit;
	u32 freelist_in_object; // OBJFREELIST_SLAB; else the index array follows the objects
	struct list_head slabs_partial, slabs_full, slabs_free;
	u32 free_objects, free_limit, nr_slabs;
	struct list_head list; // of all caches
};

#define ARCH_KMALLOC_MINALIGN 128 // Malta's DMA is not coherent

extern struct slab *mem_map; // one struct slab for each page frame
extern struct list_head slab_caches;

void kmem_cache_init(void);
void kmem_cache_init_late(void);
struct kmem_cache *kmem_cache_create(const char *name, u32 size, u32 align);
void *kmem_cache_alloc(struct kmem_cache *cachep);
void *kmem_cache_zalloc(struct kmem_cache *cachep);
void kmem_cache_free(struct kmem_cache *cachep, void *obj);
void *kmalloc(u32 size);
void *kzalloc(u32 size);
void kfree(const void *obj);
// Page aligned, zeroed; physical address = result & 0x1fffffff.
void *dma_alloc_coherent(u32 size);

// Equal blocks from single pages, not cleared.
struct dma_pool {
	u32 size;
	char *page;
	u32 used; // bytes of it
};

void *dma_pool_alloc(struct dma_pool *pool);

#endif
