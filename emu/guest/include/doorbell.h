// The one way from guest to host and back.
//
// Guest to host: hostcall() writes its arguments into `mailbox` and stores the call's number to the doorbell
// register. The host handles the call inside that store and leaves the result in mailbox.ret.
//
// Host to guest: before it answers, the host may ask the guest to run functions in the caller's context: it sets
// mailbox.run_fn (and run_args, run_token). The stub runs the function, then rings again with HOST_RESUME, the
// token in args[0] and the function's result in args[1]; the host either asks for another function or answers.
// The function may itself make host calls, switch threads or fault: the stub keeps all it needs in locals, so calls
// nest, and a thread that is switched away continues its stub when it is switched back.
//
//   guest                                  host
//   hostcall(nr, a0, ..)
//     mailbox.args = a0, ..
//     doorbell <- nr               ------> handler of nr; wants a TLB flush first
//                                          run_fn = local_flush_tlb_all, run_token = t
//     run_fn()                     <------
//     doorbell <- HOST_RESUME(t, result) -> handler goes on, ret = answer, run_fn = 0
//     return mailbox.ret           <------
//
// The host's side is emu/malta/machine.ts.
#ifndef GUEST_DOORBELL_H
#define GUEST_DOORBELL_H

// Calls of the base. Others number theirs from HOST_FIRST_FREE.
#define HOST_RESUME      0  // (token, result): a function the host asked for has returned
#define HOST_EXIT        1  // (result): boot_params.entry has returned; the host stops the machine
#define HOST_EXCEPTION   2  // (struct pt_regs *): unhandled exception; returning resumes from the frame
#define HOST_THREAD_EXIT 3  // (result): a thread's function has returned; the host never answers
#define HOST_PANIC       4  // (const char *message): the guest base cannot go on
#define HOST_SELFTEST    5  // (op, a, b): the self test's own calls
#define HOST_FIRST_FREE  16

#define DOORBELL_CALL 0 // register offset: the call's number

#ifndef __ASSEMBLER__
#include "types.h"

struct mailbox {
	u32 args[6];
	u32 ret;
	u32 (*run_fn)(u32, u32, u32, u32);
	u32 run_args[4];
	u32 run_token;
};
extern struct mailbox mailbox;

u32 hostcall(u32 nr, u32 a0, u32 a1, u32 a2, u32 a3, u32 a4, u32 a5);
// The same with three arguments or fewer, in half the time; args[3..5] keep what they had.
u32 hostcall3(u32 nr, u32 a0, u32 a1, u32 a2);

#define hostcall0(nr)                 hostcall3((nr), 0, 0, 0)
#define hostcall1(nr, a)              hostcall3((nr), (u32)(a), 0, 0)
#define hostcall2(nr, a, b)           hostcall3((nr), (u32)(a), (u32)(b), 0)
#define hostcall3(nr, a, b, c)        (hostcall3)((nr), (u32)(a), (u32)(b), (u32)(c))
#define hostcall4(nr, a, b, c, d)     hostcall((nr), (u32)(a), (u32)(b), (u32)(c), (u32)(d), 0, 0)
#define hostcall5(nr, a, b, c, d, e)  hostcall((nr), (u32)(a), (u32)(b), (u32)(c), (u32)(d), (u32)(e), 0)

noreturn void guest_panic(const char *message);
#endif

#endif
