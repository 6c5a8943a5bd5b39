// Spinlocks of a one-CPU kernel with CONFIG_DEBUG_SPINLOCK: nothing spins, but magic and owner are checked.
#ifndef KERNEL_SPINLOCK_H
#define KERNEL_SPINLOCK_H

#include "types.h"

#define SPINLOCK_MAGIC 0xdead4ead

typedef struct {
	u32 slock;
	u32 magic;
	u32 owner_cpu;
	void *owner;
} spinlock_t;

#define SPINLOCK_UNLOCKED { 0, SPINLOCK_MAGIC, 0xffffffff, (void *)-1 }

// Most locks of the modelled kernel are the bare word: its structures keep the sizes of a kernel without lock
// debugging. Wait queue heads carry the debugging form.
typedef u32 raw_lock_t;

void spin_lock_init(spinlock_t *lock);
void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);

#endif
