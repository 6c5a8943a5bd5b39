// Physical memory behind the image, in frames of the page size.
#include "kernel.h"
#include "mmu.h"

#define POOL_BYTES (8 << 20)

extern char __image_end[];
static u32 free_frames[POOL_BYTES >> 12];
static u8 owners[POOL_BYTES >> 12];
static u32 nr_free, nr_frames, pool_start;

void frames_init(void)
{
	u32 start = ((u32)__image_end + 0xffff) & 0x1fff0000;

	nr_frames = POOL_BYTES >> page_shift;
	if (start + POOL_BYTES > ram_bytes)
		panic("not enough memory", NULL);
	for (u32 i = 0; i < nr_frames; i++)
		free_frames[i] = start + POOL_BYTES - (i + 1) * page_size;
	nr_free = nr_frames;
	pool_start = start;
}

static u8 *owners_of(u32 pa) { return &owners[(pa - pool_start) >> page_shift]; }

u32 frame_alloc(void)
{
	if (nr_free == 0)
		panic("out of frames", NULL);
	*owners_of(free_frames[--nr_free]) = 1;
	return free_frames[nr_free];
}

void frame_share(u32 pa) { ++*owners_of(pa); }
u32 frame_owners(u32 pa) { return *owners_of(pa); }

// Filled with junk when the last owner gives it back, to find who still looks at it.
void frame_free(u32 pa)
{
	if (*owners_of(pa) == 0)
		panic("frame freed twice", NULL);
	if (--*owners_of(pa))
		return;
	memset(kseg0(pa), 0x6b, page_size);
	free_frames[nr_free++] = pa;
}

u32 frames_in_use(void) { return nr_frames - nr_free; }
