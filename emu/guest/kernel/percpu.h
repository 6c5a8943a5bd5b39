// Per-CPU memory: the allocator is the host's (src/percpu), the memory and every access to it the guest's.
#ifndef KERNEL_PERCPU_H
#define KERNEL_PERCPU_H

#include "types.h"

#define NR_CPUS 8

// Filled in by the host when the first chunk is set up.
extern u32 __per_cpu_offset[NR_CPUS];
extern u32 nr_cpu_ids;

#define per_cpu_ptr(ptr, cpu) ((__typeof__(ptr))((u32)(ptr) + __per_cpu_offset[cpu]))
#define this_cpu_ptr(ptr) per_cpu_ptr(ptr, 0) // one CPU is online

#define GFP_KERNEL 0
#define GFP_ATOMIC 1

// Zeroed memory on every possible CPU; NULL when there is none.
void *__alloc_percpu(u32 size, u32 align);
void *pcpu_alloc(u32 size, u32 align, u32 gfp, u32 caller);
void free_percpu(void *ptr);
void __free_percpu(void *ptr, u32 caller);

#endif
