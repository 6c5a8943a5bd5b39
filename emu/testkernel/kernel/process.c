// Processes: round robin among all that have not ended. Kernel code is never preempted, so one exception of a process runs
// to its end and then returns the frame of whoever is next.
#include "test.h"
#include "user.h"

struct process *current;
u32 context_switches;
bool fork_flushes = true, unmap_flushes = true;

static struct process processes[MAX_PROCESSES];
static u32 next_pid = 1, time_slice;
extern char __user_start[], __user_end[], __user_load[];
extern u32 kernel_sp;

void users_run(struct frame *frame); // vectors.S
void users_done(void);

#define STATUS_USER (ST_UM | ST_EXL | ST_IE | IP_TIMER | IP_8259)

static struct process *process_alloc(void)
{
	for (u32 i = 0; i < MAX_PROCESSES; i++)
		if (!processes[i].pid) {
			struct process *p = &processes[i];

			memset(p, 0, sizeof(*p));
			p->pid = next_pid++;
			p->running = true;
			p->frame = (struct frame *)(p->kstack + KSTACK_SIZE - sizeof(struct frame));
			space_init(&p->space);
			return p;
		}
	panic("too many processes", NULL);
}

struct process *process_create(void (*entry)(u32, u32), u32 a0, u32 a1, u32 shared)
{
	struct process *p = process_alloc();

	p->regions[0] = (struct region){ (u32)__user_start, (u32)__user_end, 0, phys(__user_load) };
	p->regions[1] = (struct region){ USER_HEAP, USER_HEAP + USER_HEAP_PAGES * page_size, PTE_W, 0 };
	p->regions[2] = (struct region){ USER_STACK - USER_STACK_PAGES * page_size, USER_STACK, PTE_W, 0 };
	if (shared)
		*pte_create(&p->space, USER_SHARED) = make_pte(shared, PTE_V | PTE_W);
	p->frame->epc = (u32)entry;
	p->frame->status = STATUS_USER;
	p->frame->regs[REG_A0] = a0;
	p->frame->regs[REG_A1] = a1;
	p->frame->regs[REG_SP] = USER_STACK - 32;
	p->frame->regs[REG_RA] = (u32)user_return;
	return p;
}

static struct process *find(u32 pid)
{
	for (u32 i = 0; i < MAX_PROCESSES; i++)
		if (pid && processes[i].pid == pid)
			return &processes[i];
	return NULL;
}

// The next one in turn, perhaps the same; NULL when all have ended.
static struct process *next_process(void)
{
	u32 from = current ? (u32)(current - processes) : 0;

	for (u32 i = 1; i <= MAX_PROCESSES; i++) {
		struct process *p = &processes[(from + i) % MAX_PROCESSES];

		if (p->pid && p->running)
			return p;
	}
	return NULL;
}

static struct frame *switch_to_next(struct frame *frame)
{
	struct process *next = next_process();

	current->frame = frame;
	if (!next)
		users_done();
	if (next != current)
		context_switches++;
	current = next;
	kernel_sp = (u32)next->kstack + KSTACK_SIZE;
	space_switch(&next->space);
	return next->frame;
}

static void slice_over(void) { timer_start(slice_over, time_slice); }

void processes_run(u32 slice)
{
	time_slice = slice;
	current = next_process();
	if (!current)
		return;
	timer_start(slice_over, slice);
	kernel_sp = (u32)current->kstack + KSTACK_SIZE;
	space_switch(&current->space);
	users_run(current->frame);
	timer_stop();
	space_switch(NULL);
	current = NULL;
}

void processes_free(void)
{
	for (u32 i = 0; i < MAX_PROCESSES; i++)
		if (processes[i].pid) {
			space_destroy(&processes[i].space);
			processes[i].pid = 0;
		}
}

static struct frame *process_exit(struct frame *frame, u32 code)
{
	current->running = false;
	current->exit_code = code;
	return switch_to_next(frame);
}

struct frame *user_tick(struct frame *frame)
{
	if (++current->ticks == current->tick_limit)
		return process_exit(frame, 0);
	return switch_to_next(frame);
}

struct frame *user_fault(struct frame *frame, u32 code)
{
	if (!current->catch) {
		printf("# process %u: exception %u at %08x, address %08x\n", current->pid, code, frame->epc, frame->badvaddr);
		return process_exit(frame, 0x1000 | code);
	}
	frame->regs[REG_A0] = code;
	frame->regs[REG_A1] = frame->badvaddr;
	frame->regs[REG_A2] = frame->epc;
	frame->regs[REG_A3] = frame->cause >> 31;
	frame->epc = current->catch;
	return frame;
}

// The child shares all pages, read-only; whoever writes first gets a copy. The parent's writable entries have to go.
static u32 fork(const struct frame *frame)
{
	struct process *child = process_alloc();

	memcpy(child->regions, current->regions, sizeof(child->regions));
	child->catch = current->catch;
	memcpy(child->frame, frame, sizeof(*frame));
	child->frame->regs[REG_V0] = 0;
	for (u32 r = 0; r < ARRAY_SIZE(current->regions); r++)
		for (u32 va = current->regions[r].start; va < current->regions[r].end; va += page_size) {
			u32 *pte = pte_lookup(&current->space, va);

			if (!pte || !(*pte & PTE_V))
				continue;
			if (*pte & PTE_W)
				*pte = (*pte & ~(PTE_D | PTE_W)) | PTE_COW;
			*pte_create(&child->space, va) = *pte;
			frame_share(pte_pa(*pte));
			if (fork_flushes)
				tlb_flush_page(&current->space, va);
		}
	return child->pid;
}

static void unmap(u32 va)
{
	u32 *pte = pte_lookup(&current->space, va);
	u32 old = pte ? *pte : 0;

	if (!(old & PTE_V))
		return;
	*pte = 0;
	if (unmap_flushes)
		tlb_flush_page(&current->space, va);
	if (old & PTE_OWN)
		frame_free(pte_pa(old));
}

static void protect(u32 va)
{
	u32 *pte = pte_lookup(&current->space, va);

	if (!pte)
		return;
	*pte &= ~(PTE_W | PTE_D);
	tlb_flush_page(&current->space, va);
}

struct frame *user_syscall(struct frame *frame)
{
	u32 a0 = frame->regs[REG_A0], *v0 = &frame->regs[REG_V0];
	struct process *other;

	frame->epc += 4; // no process has one in a delay slot
	switch (*v0) {
	case SYS_EXIT:
		return process_exit(frame, a0);
	case SYS_PRINT:
		for (u32 i = 0; i < frame->regs[REG_A1]; i++)
			putchar(((const char *)a0)[i]);
		return frame;
	case SYS_YIELD:
		return switch_to_next(frame);
	case SYS_PID:
		*v0 = current->pid;
		return frame;
	case SYS_CATCH:
		current->catch = a0;
		return frame;
	case SYS_FORK:
		*v0 = fork(frame);
		return frame;
	case SYS_WAIT:
		other = find(a0);
		*v0 = other && !other->running ? other->exit_code : (u32)-1;
		return *v0 == (u32)-1 ? switch_to_next(frame) : frame;
	case SYS_UNMAP:
		unmap(a0);
		return frame;
	case SYS_PROTECT:
		protect(a0);
		return frame;
	default:
		return user_fault(frame, EXC_SYS);
	}
}
