// Reference counts that live in per-CPU memory until they are killed (lib/percpu-refcount.c).
#ifndef KERNEL_PERCPU_REFCOUNT_H
#define KERNEL_PERCPU_REFCOUNT_H

#include "rcupdate.h"

struct percpu_ref;
typedef void(percpu_ref_func_t)(struct percpu_ref *ref);

#define __PERCPU_REF_ATOMIC 1
#define __PERCPU_REF_DEAD   2
#define PERCPU_COUNT_BIAS   0x80000000

struct percpu_ref_data {
	u32 count;
	percpu_ref_func_t *release;
	percpu_ref_func_t *confirm_switch;
	u32 force_atomic;
	struct rcu_head rcu;
	struct percpu_ref *ref;
};

struct percpu_ref {
	u32 percpu_count_ptr; // per-CPU pointer | flags
	struct percpu_ref_data *data;
};

int percpu_ref_init(struct percpu_ref *ref, percpu_ref_func_t *release, bool atomic);
void __percpu_ref_exit(struct percpu_ref *ref);
void percpu_ref_switch_to_percpu(struct percpu_ref *ref);
void percpu_ref_kill_and_confirm(struct percpu_ref *ref, percpu_ref_func_t *confirm);
bool percpu_ref_tryget_live_rcu(struct percpu_ref *ref);
void percpu_ref_put(struct percpu_ref *ref);
bool percpu_ref_is_zero(struct percpu_ref *ref);

#endif
