// percpu_ref: a plain counter in atomic mode, one counter per CPU in per-CPU mode, back to atomic through RCU when killed.
#include "kernel.h"

static spinlock_t percpu_ref_switch_lock = SPINLOCK_UNLOCKED;
static wait_queue_head_t percpu_ref_switch_waitq = WAIT_QUEUE_HEAD_INIT(percpu_ref_switch_waitq);

static inline u32 *percpu_count_ptr(struct percpu_ref *ref) { return (u32 *)(ref->percpu_count_ptr & ~3); }

static inline bool __ref_is_percpu(struct percpu_ref *ref, u32 **percpu_count)
{
	u32 ptr = READ_ONCE(ref->percpu_count_ptr);

	if (ptr & (__PERCPU_REF_ATOMIC | __PERCPU_REF_DEAD))
		return false;
	*percpu_count = (u32 *)ptr;
	return true;
}

int percpu_ref_init(struct percpu_ref *ref, percpu_ref_func_t *release, bool atomic)
{
	struct percpu_ref_data *data;

	ref->percpu_count_ptr = (u32)__alloc_percpu(4, 4);
	if (!ref->percpu_count_ptr)
		return -1;
	data = kzalloc(sizeof(*data));
	data->count = 1;
	if (atomic)
		ref->percpu_count_ptr |= __PERCPU_REF_ATOMIC;
	else
		data->count += PERCPU_COUNT_BIAS;
	data->release = release;
	data->ref = ref;
	ref->data = data;
	return 0;
}

noclone void __percpu_ref_exit(struct percpu_ref *ref)
{
	u32 *count = percpu_count_ptr(ref);

	if (!count)
		return;
	free_percpu(count);
	ref->percpu_count_ptr = __PERCPU_REF_ATOMIC | __PERCPU_REF_DEAD;
	kfree(ref->data);
	ref->data = NULL;
}

static void percpu_ref_call_confirm_rcu(struct percpu_ref_data *data)
{
	struct percpu_ref *ref = data->ref;

	if (data->confirm_switch)
		data->confirm_switch(ref);
	data->confirm_switch = NULL;
	wake_up_all(&percpu_ref_switch_waitq);
	percpu_ref_put(ref);
}

static void percpu_ref_switch_to_atomic_rcu(struct rcu_head *rcu)
{
	struct percpu_ref_data *data = container_of(rcu, struct percpu_ref_data, rcu);
	u32 *percpu_count = percpu_count_ptr(data->ref);
	u32 count = 0, cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		count += *per_cpu_ptr(percpu_count, cpu);
	data->count += count - PERCPU_COUNT_BIAS;
	percpu_ref_call_confirm_rcu(data);
}

static void percpu_ref_noop_confirm_switch(struct percpu_ref *ref) {}

static void __percpu_ref_switch_to_atomic(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	if (ref->percpu_count_ptr & __PERCPU_REF_ATOMIC) {
		if (confirm)
			confirm(ref);
		return;
	}
	ref->percpu_count_ptr |= __PERCPU_REF_ATOMIC;
	ref->data->confirm_switch = confirm ? confirm : percpu_ref_noop_confirm_switch;
	ref->data->count++;
	call_rcu(&ref->data->rcu, percpu_ref_switch_to_atomic_rcu);
}

static void __percpu_ref_switch_to_percpu(struct percpu_ref *ref)
{
	u32 *percpu_count = percpu_count_ptr(ref);
	u32 cpu;

	if (!(ref->percpu_count_ptr & __PERCPU_REF_ATOMIC))
		return;
	ref->data->count += PERCPU_COUNT_BIAS;
	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		*per_cpu_ptr(percpu_count, cpu) = 0;
	ref->percpu_count_ptr &= ~__PERCPU_REF_ATOMIC;
}

static noclone void __percpu_ref_switch_mode(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	struct percpu_ref_data *data = ref->data;

	while (READ_ONCE(data->confirm_switch)) {
		struct wait_queue_entry entry;

		prepare_to_wait(&percpu_ref_switch_waitq, &entry);
		spin_unlock(&percpu_ref_switch_lock);
		schedule();
		finish_wait(&percpu_ref_switch_waitq, &entry);
		spin_lock(&percpu_ref_switch_lock);
	}
	if (data->force_atomic || (ref->percpu_count_ptr & __PERCPU_REF_DEAD))
		__percpu_ref_switch_to_atomic(ref, confirm);
	else
		__percpu_ref_switch_to_percpu(ref);
}

void percpu_ref_switch_to_percpu(struct percpu_ref *ref)
{
	spin_lock(&percpu_ref_switch_lock);
	ref->data->force_atomic = 0;
	__percpu_ref_switch_mode(ref, NULL);
	spin_unlock(&percpu_ref_switch_lock);
}

noclone void percpu_ref_kill_and_confirm(struct percpu_ref *ref, percpu_ref_func_t *confirm)
{
	spin_lock(&percpu_ref_switch_lock);
	ref->percpu_count_ptr |= __PERCPU_REF_DEAD;
	__percpu_ref_switch_mode(ref, confirm);
	percpu_ref_put(ref);
	spin_unlock(&percpu_ref_switch_lock);
}

noclone bool percpu_ref_tryget_live_rcu(struct percpu_ref *ref)
{
	u32 *percpu_count;

	if (__ref_is_percpu(ref, &percpu_count)) {
		(*this_cpu_ptr(percpu_count))++;
		return true;
	}
	if (ref->percpu_count_ptr & __PERCPU_REF_DEAD)
		return false;
	if (!ref->data->count)
		return false;
	ref->data->count++;
	return true;
}

void percpu_ref_put(struct percpu_ref *ref)
{
	u32 *percpu_count;

	if (__ref_is_percpu(ref, &percpu_count))
		(*this_cpu_ptr(percpu_count))--;
	else if (--ref->data->count == 0)
		ref->data->release(ref);
}

bool percpu_ref_is_zero(struct percpu_ref *ref)
{
	u32 *percpu_count;

	if (__ref_is_percpu(ref, &percpu_count))
		return false;
	return !ref->data || !READ_ONCE(ref->data->count);
}
