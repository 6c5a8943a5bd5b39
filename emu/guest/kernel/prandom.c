// The kernel's cheap random numbers: xorshift32, seeded by the host's boot parameters.
#include "kernel.h"

static u32 state;

u32 prandom_u32_max(u32 limit)
{
	if (!state)
		state = boot_params.seed * 2654435761u | 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return ((u64)state * limit) >> 32;
}
