// Loops for scripts/bench and for tests that call single functions; none of them checks anything.
#include "selftest.h"
#include "../include/addrspace.h"
#include "../include/doorbell.h"
#include "../include/pgtable.h"
#include "../include/tlb.h"

// n doorbell calls.
u32 bench_doorbell(u32 n)
{
	u32 sum = 0;

	while (n--)
		sum += hostcall3(HOST_SELFTEST, 0, n, 1);
	return sum;
}

// n refills of one pair, flushed before each.
u32 bench_refill(u32 n)
{
	u32 pfn = pool_pfn(16);

	vmap_pages_range(VA_TOP, 1, &pfn);
	while (n--) {
		local_flush_tlb_one(VA_TOP);
		readl(VA_TOP);
	}
	return read_pte(VA_TOP);
}

// The same without the access: what to subtract from bench_refill.
u32 bench_flush(u32 n)
{
	while (n--)
		local_flush_tlb_one(VA_TOP);
	return 0;
}

// Maps n pages (at most 60) at VA_TOP and reads each once: a TLB with a past.
u32 bench_walk(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u32 pfn = pool_pfn(20 + i);

		vmap_pages_range(VA_TOP + (i << page_shift), 1, &pfn);
	}
	for (u32 i = 0; i < n; i++)
		readl(VA_TOP + (i << page_shift));
	return n;
}

// n loads and stores.
u32 bench_memory(u32 n)
{
	volatile u32 *p = pool_page(17);

	for (n /= 8; n; n--) {
		p[1] = p[0];
		p[3] = p[2];
		p[5] = p[4];
		p[7] = p[6];
	}
	return p[7];
}

// One load or store of a device register.
u32 poke_read(u32 address)
{
	return readl(address);
}

u32 poke_write(u32 address, u32 value)
{
	writel(value, address);
	return 0;
}

u32 poke_read8(u32 address)
{
	return readb(address);
}
