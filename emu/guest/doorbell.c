// The guest's end of the doorbell protocol (include/doorbell.h).
#include "doorbell.h"
#include "addrspace.h"

struct mailbox mailbox;

// The host handles the call inside this store. A host that stops the machine here does so before the next instruction,
// so it may still change the mailbox.
static inline void ring(u32 nr)
{
	asm volatile("" : : : "memory"); // the mailbox is written before, read after
	writel(nr, DOORBELL_BASE + DOORBELL_CALL);
	asm volatile("" : : : "memory");
}

// Runs what the host asks for until it answers. Apart from the call itself, which is shorter and faster without it.
static noinline u32 serve_host(void)
{
	volatile struct mailbox *m = &mailbox;

	do {
		u32 (*fn)(u32, u32, u32, u32) = m->run_fn;
		u32 token = m->run_token;
		u32 result;

		m->run_fn = NULL;
		result = fn(m->run_args[0], m->run_args[1], m->run_args[2], m->run_args[3]);
		m->args[0] = token;
		m->args[1] = result;
		ring(HOST_RESUME);
	} while (m->run_fn);
	return m->ret;
}

static inline u32 call(u32 nr)
{
	ring(nr);
	return READ_ONCE(mailbox.run_fn) ? serve_host() : mailbox.ret;
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
