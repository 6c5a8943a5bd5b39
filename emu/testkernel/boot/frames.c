// Physical memory behind the image, in frames of the page size.
#include "kernel.h"
#include "mmu.h"

#define POOL_BYTES (8 << 20)

extern char __image_end[];
static u32 free_frames[POOL_BYTES >> 12];
static u32 nr_free, nr_frames;

void frames_init(void)
{
	u32 start = ((u32)__image_end + 0xffff) & 0x1fff0000;

	nr_frames = POOL_BYTES >> page_shift;
	if (start + POOL_BYTES > ram_bytes)
		panic("not enough memory", NULL);
	for (u32 i = 0; i < nr_frames; i++)
		free_frames[i] = start + POOL_BYTES - (i + 1) * page_size;
	nr_free = nr_frames;
}

u32 frame_alloc(void)
{
	if (nr_free == 0)
		panic("out of frames", NULL);
	return free_frames[--nr_free];
}

void frame_free(u32 pa)
{
	memset(kseg0(pa), 0x6b, page_size);
	free_frames[nr_free++] = pa;
}

u32 frames_in_use(void) { return nr_frames - nr_free; }
