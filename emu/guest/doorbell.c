// The guest's end of the doorbell protocol (include/doorbell.h).
#include "doorbell.h"
#include "addrspace.h"

struct mailbox mailbox;

// Its own function, so that a translated block ends right behind the store: a host that stops the machine here may
// change the mailbox before the guest looks at it again.
static noinline void ring(u32 nr)
{
	writel(nr, DOORBELL_BASE + DOORBELL_CALL);
	asm volatile("" : : : "memory");
}

// Rings and serves the host until it answers.
static inline u32 call(u32 nr)
{
	volatile struct mailbox *m = &mailbox;

	ring(nr);
	while (m->run_fn) {
		u32 (*fn)(u32, u32, u32, u32) = m->run_fn;
		u32 token = m->run_token;
		u32 result;

		m->run_fn = NULL;
		result = fn(m->run_args[0], m->run_args[1], m->run_args[2], m->run_args[3]);
		m->args[0] = token;
		m->args[1] = result;
		ring(HOST_RESUME);
	}
	return m->ret;
}

u32 (hostcall3)(u32 nr, u32 a0, u32 a1, u32 a2)
{
	mailbox.args[0] = a0;
	mailbox.args[1] = a1;
	mailbox.args[2] = a2;
	return call(nr);
}

u32 hostcall(u32 nr, u32 a0, u32 a1, u32 a2, u32 a3, u32 a4, u32 a5)
{
	mailbox.args[0] = a0;
	mailbox.args[1] = a1;
	mailbox.args[2] = a2;
	mailbox.args[3] = a3;
	mailbox.args[4] = a4;
	mailbox.args[5] = a5;
	return call(nr);
}

void guest_panic(const char *message)
{
	for (;;)
		hostcall1(HOST_PANIC, message);
}
