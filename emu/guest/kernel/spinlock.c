// Debugging spinlocks: complain about a broken lock once, then go on, as kernel/locking/spinlock_debug.c does.
#include "kernel.h"

static bool reported;

static void spin_bug(spinlock_t *lock, const char *msg)
{
	struct task_struct *owner = lock->owner;

	if (reported)
		return;
	reported = true;
	if (owner == (void *)-1)
		owner = NULL;
	pr_emerg("BUG: spinlock %s on CPU#%d, %s/%d\n", msg, 0, current->comm, current->pid);
	pr_emerg(" lock: 0x%x, .magic: %08x, .owner: %s/%d, .owner_cpu: %d\n", (u32)lock, lock->magic,
		 owner ? owner->comm : "<none>", owner ? (int)owner->pid : -1, lock->owner_cpu);
	hostcall0(HC_DUMP_STACK);
}

void spin_lock_init(spinlock_t *lock)
{
	lock->slock = 0;
	lock->magic = SPINLOCK_MAGIC;
	lock->owner_cpu = 0xffffffff;
	lock->owner = (void *)-1;
}

void spin_lock(spinlock_t *lock)
{
	if (lock->magic != SPINLOCK_MAGIC)
		spin_bug(lock, "bad magic");
	if (lock->owner == current)
		spin_bug(lock, "recursion");
	lock->slock = 1;
	lock->owner_cpu = 0;
	lock->owner = current;
}

void spin_unlock(spinlock_t *lock)
{
	if (lock->magic != SPINLOCK_MAGIC)
		spin_bug(lock, "bad magic");
	lock->slock = 0;
	lock->owner = (void *)-1;
	lock->owner_cpu = 0xffffffff;
}
