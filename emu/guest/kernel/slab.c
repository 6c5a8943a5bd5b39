// Order of objects, pages and free lists as in mm/slab.c of Linux 6.1: which object sits where in which page decides
// what a stale store hits.
#include "kernel.h"

#define BYTES_PER_COLOUR 32 // cache_line_size() of a 24Kc
#define KMALLOC_CACHES   8  // 128 .. 16384 bytes

struct slab *mem_map;
struct list_head slab_caches;

// While the first caches are made there is no per-CPU memory to ask for: their arrays start with one entry here.
struct boot_array {
	struct array_cache ac;
	void *entry[1];
};

static struct kmem_cache kmalloc_caches[KMALLOC_CACHES];
static struct kmem_cache cache_cache; // of struct kmem_cache
static const char *const kmalloc_names[KMALLOC_CACHES] = {
	"kmalloc-128", "kmalloc-256", "kmalloc-512", "kmalloc-1k", "kmalloc-2k", "kmalloc-4k", "kmalloc-8k", "kmalloc-16k",
};

static inline struct slab *virt_to_slab(const void *obj) { return &mem_map[__pa(obj) >> page_shift]; }

static inline struct array_cache *cpu_cache_get(struct kmem_cache *cachep) { return this_cpu_ptr(cachep->cpu_cache); }

// An index is a byte where a page has at most 256 objects of the smallest size (16), else a halfword.
static inline bool byte_index(void) { return page_shift == 12; }

static u32 get_free_obj(struct slab *slab, u32 idx)
{
	return byte_index() ? ((u8 *)slab->freelist)[idx] : ((u16 *)slab->freelist)[idx];
}

static void set_free_obj(struct slab *slab, u32 idx, u32 val)
{
	if (byte_index())
		((u8 *)slab->freelist)[idx] = val;
	else
		((u16 *)slab->freelist)[idx] = val;
}

static inline void *index_to_obj(struct kmem_cache *cachep, struct slab *slab, u32 idx)
{
	return (char *)slab->s_mem + cachep->size * idx;
}

static u32 index_size(void) { return byte_index() ? 1 : 2; }

static u32 cache_estimate(u32 bytes, u32 size, bool in_object, u32 *left)
{
	u32 per_object = size + (in_object ? 0 : index_size());
	u32 num = bytes / per_object;

	*left = bytes - num * per_object;
	return num;
}

// calculate_slab_order: the smallest order with at most an eighth wasted, at most order 1.
static u32 calculate_slab_order(struct kmem_cache *cachep)
{
	u32 left = 0;

	for (cachep->gfporder = 0;; cachep->gfporder++) {
		u32 bytes = PAGE_SIZE << cachep->gfporder;

		cachep->num = cache_estimate(bytes, cachep->size, cachep->freelist_in_object, &left);
		if (!cachep->num)
			continue;
		if (cachep->gfporder >= 1 || left * 8 <= bytes)
			return left;
	}
}

// The index array goes into a free object where it fits (set_objfreelist_slab_cache), else behind the objects
// (set_on_slab_cache).
static void cache_layout(struct kmem_cache *cachep)
{
	u32 left;

	cachep->freelist_in_object = 1;
	left = calculate_slab_order(cachep);
	if (cachep->num * index_size() > cachep->object_size) {
		cachep->freelist_in_object = 0;
		left = calculate_slab_order(cachep);
	}
	cachep->colour_off = BYTES_PER_COLOUR;
	cachep->colour = left / BYTES_PER_COLOUR;
	cachep->colour_next = 0;
}

static u32 cache_limit(u32 size)
{
	if (size > 131072)
		return 1;
	if (size > PAGE_SIZE)
		return 8;
	if (size > 1024)
		return 24;
	if (size > 256)
		return 54;
	return 120;
}

static void init_array_cache(struct array_cache *ac, u32 limit, u32 batchcount)
{
	ac->avail = 0;
	ac->limit = limit;
	ac->batchcount = batchcount;
	ac->touched = 0;
}

// alloc_kmem_cache_cpus.constprop.0 in the kernel's own name for the caller.
static noinline struct array_cache *alloc_kmem_cache_cpus(u32 limit, u32 batchcount)
{
	struct array_cache *cpu_cache = __alloc_percpu(sizeof(struct array_cache) + 4 * limit, 4);
	u32 cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		init_array_cache(per_cpu_ptr(cpu_cache, cpu), limit, batchcount);
	return cpu_cache;
}

// Sizes of the per-CPU array of a running system. The old array's objects are not carried over: it is empty.
static noinline void do_tune_cpucache(struct kmem_cache *cachep, struct array_cache *old)
{
	cachep->limit = cache_limit(cachep->size);
	cachep->batchcount = (cachep->limit + 1) / 2;
	cachep->cpu_cache = alloc_kmem_cache_cpus(cachep->limit, cachep->batchcount);
	cachep->free_limit = 2 * cachep->batchcount + cachep->num;
	if (old)
		free_percpu(old);
}

static void setup_cache(struct kmem_cache *cachep, const char *name, u32 size, u32 align)
{
	cachep->name = name;
	cachep->object_size = size;
	if (size < 16)
		size = 16;
	cachep->size = (size + align - 1) & ~(align - 1);
	INIT_LIST_HEAD(&cachep->slabs_partial);
	INIT_LIST_HEAD(&cachep->slabs_full);
	INIT_LIST_HEAD(&cachep->slabs_free);
	cachep->free_objects = 0;
	cachep->nr_slabs = 0;
	cache_layout(cachep);
	list_add(&cachep->list, &slab_caches);
	hostcall1(HC_NEW_CACHE, cachep);
}

// The boot caches: per-CPU arrays of one entry until kmem_cache_init_late gives them their real size.
void kmem_cache_init(void)
{
	u32 i;

	INIT_LIST_HEAD(&slab_caches);
	setup_cache(&cache_cache, "kmem_cache", sizeof(struct kmem_cache), 32);
	cache_cache.cpu_cache = alloc_kmem_cache_cpus(1, 1);
	for (i = 0; i < KMALLOC_CACHES; i++) {
		setup_cache(&kmalloc_caches[i], kmalloc_names[i], 128 << i, ARCH_KMALLOC_MINALIGN);
		kmalloc_caches[i].cpu_cache = alloc_kmem_cache_cpus(1, 1);
	}
}

void kmem_cache_init_late(void)
{
	struct list_head *pos = slab_caches.prev;

	for (; pos != &slab_caches; pos = pos->prev) {
		struct kmem_cache *cachep = list_entry(pos, struct kmem_cache, list);

		do_tune_cpucache(cachep, cachep->cpu_cache);
	}
}

struct kmem_cache *kmem_cache_create(const char *name, u32 size, u32 align)
{
	struct kmem_cache *cachep = kmem_cache_zalloc(&cache_cache);

	setup_cache(cachep, name, size, align ? align : 8);
	do_tune_cpucache(cachep, NULL);
	return cachep;
}

static struct slab *cache_grow_begin(struct kmem_cache *cachep)
{
	void *page = (void *)hostcall3(HC_ALLOC_PAGES, cachep->gfporder, cachep, __builtin_return_address(0));
	struct slab *slab;
	u32 i, offset;

	if (!page)
		return NULL;
	if (++cachep->colour_next >= cachep->colour)
		cachep->colour_next = 0;
	offset = cachep->colour_next * cachep->colour_off;
	slab = virt_to_slab(page);
	for (i = 0; i < 1u << cachep->gfporder; i++)
		slab[i].slab_cache = cachep;
	slab->order = cachep->gfporder;
	slab->active = 0;
	slab->s_mem = (char *)page + offset;
	if (cachep->freelist_in_object)
		slab->freelist = index_to_obj(cachep, slab, cachep->num - 1);
	else
		slab->freelist = (char *)page + (PAGE_SIZE << cachep->gfporder) - cachep->num * index_size();
	for (i = 0; i < cachep->num; i++)
		set_free_obj(slab, i, i);
	return slab;
}

static void fixup_slab_list(struct kmem_cache *cachep, struct slab *slab)
{
	list_del(&slab->slab_list);
	if (slab->active == cachep->num) {
		list_add(&slab->slab_list, &cachep->slabs_full);
		if (cachep->freelist_in_object)
			slab->freelist = NULL;
	} else {
		list_add(&slab->slab_list, &cachep->slabs_partial);
	}
}

static u32 alloc_block(struct kmem_cache *cachep, struct array_cache *ac, struct slab *slab, u32 batchcount)
{
	while (slab->active < cachep->num && batchcount--) {
		u32 idx = get_free_obj(slab, slab->active);

		slab->active++;
		ac->entry[ac->avail++] = index_to_obj(cachep, slab, idx);
	}
	return batchcount;
}

static void cache_grow_end(struct kmem_cache *cachep, struct slab *slab)
{
	INIT_LIST_HEAD(&slab->slab_list);
	cachep->nr_slabs++;
	if (!slab->active)
		list_add_tail(&slab->slab_list, &cachep->slabs_free);
	else
		fixup_slab_list(cachep, slab);
	cachep->free_objects += cachep->num - slab->active;
}

static noinline void *cache_alloc_refill(struct kmem_cache *cachep)
{
	struct array_cache *ac = cpu_cache_get(cachep);
	int batchcount = ac->batchcount;

	while (batchcount > 0) {
		struct list_head *list = &cachep->slabs_partial;
		struct slab *slab;

		if (list_empty(list))
			list = &cachep->slabs_free;
		if (list_empty(list))
			break;
		slab = list_first_entry(list, struct slab, slab_list);
		batchcount = alloc_block(cachep, ac, slab, batchcount);
		fixup_slab_list(cachep, slab);
	}
	cachep->free_objects -= ac->avail;
	if (!ac->avail) {
		struct slab *slab = cache_grow_begin(cachep);

		if (!slab)
			return NULL;
		alloc_block(cachep, ac, slab, batchcount);
		cache_grow_end(cachep, slab);
	}
	ac->touched = 1;
	return ac->entry[--ac->avail];
}

void *kmem_cache_alloc(struct kmem_cache *cachep)
{
	struct array_cache *ac = cpu_cache_get(cachep);

	if (ac->avail) {
		ac->touched = 1;
		return ac->entry[--ac->avail];
	}
	return cache_alloc_refill(cachep);
}

void *kmem_cache_zalloc(struct kmem_cache *cachep)
{
	void *obj = kmem_cache_alloc(cachep);

	if (obj)
		memset(obj, 0, cachep->object_size);
	return obj;
}

static void slab_destroy(struct kmem_cache *cachep, struct slab *slab)
{
	u32 i;

	for (i = 0; i < 1u << cachep->gfporder; i++)
		slab[i].slab_cache = NULL;
	hostcall2(HC_FREE_PAGES, (u32)__va((slab - mem_map) << page_shift), cachep->gfporder);
}

static noinline void free_block(struct kmem_cache *cachep, void **objpp, u32 nr_objects)
{
	struct list_head surplus, *pos;
	u32 i;

	INIT_LIST_HEAD(&surplus);
	cachep->free_objects += nr_objects;
	for (i = 0; i < nr_objects; i++) {
		struct slab *slab = virt_to_slab(objpp[i]);
		u32 objnr = ((char *)objpp[i] - (char *)slab->s_mem) / cachep->size;

		list_del(&slab->slab_list);
		slab->active--;
		if (!slab->freelist)
			slab->freelist = objpp[i];
		set_free_obj(slab, slab->active, objnr);
		if (slab->active == 0)
			list_add(&slab->slab_list, &cachep->slabs_free);
		else
			list_add_tail(&slab->slab_list, &cachep->slabs_partial);
	}
	while (cachep->free_objects > cachep->free_limit && !list_empty(&cachep->slabs_free)) {
		struct slab *slab = list_last_entry(&cachep->slabs_free, struct slab, slab_list);

		cachep->free_objects -= cachep->num;
		list_del(&slab->slab_list);
		list_add(&slab->slab_list, &surplus);
		cachep->nr_slabs--;
	}
	for (pos = surplus.next; pos != &surplus;) {
		struct slab *slab = list_entry(pos, struct slab, slab_list);

		pos = pos->next;
		slab_destroy(cachep, slab);
	}
}

static noinline void cache_flusharray(struct kmem_cache *cachep, struct array_cache *ac)
{
	u32 batchcount = ac->batchcount;

	free_block(cachep, ac->entry, batchcount);
	ac->avail -= batchcount;
	memmove(ac->entry, &ac->entry[batchcount], ac->avail * sizeof(void *));
}

void kmem_cache_free(struct kmem_cache *cachep, void *obj)
{
	struct array_cache *ac = cpu_cache_get(cachep);

	if (ac->avail >= ac->limit)
		cache_flusharray(cachep, ac);
	ac->entry[ac->avail++] = obj;
}

static u32 pages_order(u32 size)
{
	u32 order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

void *kmalloc(u32 size)
{
	u32 i = 0;

	while (i < KMALLOC_CACHES && 128u << i < size)
		i++;
	if (i < KMALLOC_CACHES)
		return kmem_cache_alloc(&kmalloc_caches[i]);
	i = pages_order(size);
	size = hostcall3(HC_ALLOC_PAGES, i, 0, __builtin_return_address(0));
	if (size)
		virt_to_slab((void *)size)->order = i;
	return (void *)size;
}

void *kzalloc(u32 size)
{
	void *obj = kmalloc(size);

	if (obj)
		memset(obj, 0, size);
	return obj;
}

void kfree(const void *obj)
{
	struct slab *slab;

	if (!obj)
		return;
	slab = virt_to_slab(obj);
	if (slab->slab_cache)
		kmem_cache_free(slab->slab_cache, (void *)obj);
	else
		hostcall2(HC_FREE_PAGES, obj, slab->order);
}

void *dma_alloc_coherent(u32 size)
{
	u32 order = pages_order(size);
	void *page = (void *)hostcall3(HC_ALLOC_PAGES, order, 0, __builtin_return_address(0));

	if (page)
		memset(page, 0, PAGE_SIZE << order);
	return page;
}

void *dma_pool_alloc(struct dma_pool *pool)
{
	char *block;

	if (!pool->page || pool->used + pool->size > PAGE_SIZE) {
		kmalloc(ARCH_KMALLOC_MINALIGN); // struct dma_page
		pool->page = (char *)hostcall3(HC_ALLOC_PAGES, 0, 0, __builtin_return_address(0));
		pool->used = 0;
	}
	if (!pool->page)
		return NULL;
	block = pool->page + pool->used;
	pool->used += pool->size;
	return block;
}

EXPORTS slab_offsets(void)
{
	EXPORT_SIZE(slab);
	EXPORT_OFFSET(slab, slab_cache);
	EXPORT_OFFSET(slab, s_mem);
	EXPORT_OFFSET(slab, active);
	EXPORT_OFFSET(kmem_cache, name);
	EXPORT_OFFSET(kmem_cache, size);
	EXPORT_OFFSET(kmem_cache, object_size);
	EXPORT_OFFSET(kmem_cache, num);
	EXPORT_OFFSET(kmem_cache, list);
}
