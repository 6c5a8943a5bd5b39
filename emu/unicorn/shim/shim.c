// Hook callbacks for libunicorn in C: what the machine does at every guest instruction and exception, without leaving
// native code. Built with plain `cc -shared -fPIC -O2`, no headers of Unicorn or Node, and for WebAssembly by the Makefile here, without memory
// or stack of its own; emu/mips/exception-entry.ts holds the same logic in TypeScript for systems without a compiler, and both must count and act alike.

#include "machine.h"

struct instruction_stops;

// The checker of translations (sanitizer.c), which reads the same block as the fast path's.
struct check_hooks {
  HOST void *check;
  HOST void (*site)(void *check, uint32_t pc, uint32_t word);
  HOST void (*block)(void *check, uint32_t pc);
  HOST void (*refused)(void *check, uint32_t address, bool write, uint32_t pc);
  HOST void (*miss)(void *check, uint32_t address, bool write, uint32_t pc, bool nested);
};

// One guest's block, owned by the host (cpu-state.ts names the same words).
struct cpu_state {
  uint32_t pc;               // virtual address of the instruction being executed
  uint32_t stop;             // the host asks to stop before the next instruction
  uint64_t instructions;     // instructions started
  uint32_t failure;          // interrupt number without an exception code, plus one; 0 when none
  uint32_t exc_code;         // the last exception: Cause.ExcCode,
  uint32_t exc_flags;        // EXC_* below,
  uint32_t exc_pc;           // address of the instruction at fault,
  uint32_t exc_epc;          // EPC as the guest sees it,
  uint32_t exc_bad_vaddr;    // BadVAddr as the guest sees it
  uint32_t observe;          // nonzero: call `observer` after each exception entry
  uint32_t ram_bytes;
  uint32_t exceptions[64];   // how often each ExcCode was entered; plus 32 when no TLB entry matched
  int8_t code_of[64];        // ExcCode of each interrupt number, -1 for none
  // Word indices in a saved context, from emu/mips/register-layout.ts.
  uint32_t at_gpr, at_pc, at_bad_vaddr, at_status, at_cause, at_epc, at_error_code, at_hflags;
  uint32_t hflags_branch;    // bits of hflags: a delay slot is next
  uint32_t hflags_mips16;    // bit of hflags: MIPS16 instructions
  uint32_t redirected;       // the run was ended to go on in the general vector
  uint32_t previous_pc;      // the instruction executed before it
  HOST uint8_t *ram;
  HOST uint32_t *context_words;
  HOST void *context;
  HOST int (*context_save)(void *uc, void *context);
  HOST int (*context_restore)(void *uc, void *context);
  HOST int (*reg_read)(void *uc, int id, void *value);
  HOST int (*reg_write)(void *uc, int id, const void *value);
  HOST int (*emu_stop)(void *uc);
  HOST void (*observer)(void *uc, uint32_t intno, void *user);
  HOST uint64_t budget;           // stop when so many instructions have started
  uint32_t imprecise;        // unicorn.js: see shim_interrupt
  uint32_t little_endian;    // byte order of the guest
  uint32_t scratch;          // a register's value on its way: in WebAssembly there is no stack
  uint32_t next_pc;          // address behind the instruction that started last; 1 when an exception came between
  // Only with a timer.
  HOST uint8_t *env;         // the engine's registers, general register 0 first
  HOST void (*on_event)(void *uc, uint32_t intno, void *user);
  HOST uint32_t *block_flags; // or none: the engine's flags for the next block that it looks up (emu/mips/block-limit.ts)
  HOST struct instruction_stops *stops; // or none
  HOST struct places at;
  HOST struct timer timer;
  uint32_t check_jumps;      // as shim_code_checking_jumps
  uint32_t drop_shadows;     // nonzero: entries thrown out by tlbwr are gone, and so many are visible
  uint32_t tlb_is_full;      // see shim_code_timed
  uint32_t redirect_pc;      // where `redirected` goes on
  uint32_t code_page, code_physical; // the 4 KB page of mapped code looked up last
  HOST struct check_hooks *check; // or none
};

enum { NO_PAGE = 1, MOST_INSTRUCTIONS = 40 };
enum { MOD = 1, TLBL = 2, TLBS = 3, ADEL = 4, SYS = 8, BP = 9, RI = 10, CPU = 11 };

// What a debugger waits for. The host is asked before the instruction that starts when `number` have, before one whose bit is set in
// the map (bit (address / 4) % 65536: the host looks again whether it is the very one), and before the guest stops.
struct instruction_stops {
  HOST void (*ask)(void *uc, uint64_t address, uint32_t size, void *user);
  HOST uint64_t reserved[2];
  HOST uint64_t number;
  uint32_t moved;            // the host has changed PC: the instruction here does not start
  uint32_t padding;
  uint8_t map[1 << 13];
};

// Asks the debugger; true when the instruction here does not start.
static bool asks(void *uc, struct cpu_state *cpu, uint32_t pc) {
  struct instruction_stops *stops = cpu->stops;
  uint32_t slot = pc >> 2 & 0xffff;
  bool ending = cpu->stop || cpu->instructions >= cpu->budget;
  if (!ending && cpu->instructions < stops->number && !(stops->map[slot >> 3] >> (slot & 7) & 1)) return false;
  stops->ask(uc, pc, 4, stops);
  if (!stops->moved) return false;
  stops->moved = 0;
  cpu->next_pc = 1;
  return true;
}

// The next block that the engine looks up may be the guest's jump into whatever lies in memory.
static void limit_block(struct cpu_state *cpu) {
  if (cpu->block_flags) *cpu->block_flags = MOST_INSTRUCTIONS;
}

// Starts the instruction at `pc`; false when the guest stops before it.
static bool start(void *uc, struct cpu_state *cpu, uint32_t pc) {
  if (__builtin_expect(cpu->stops != NULL, 0) && asks(uc, cpu, pc)) return false;
  if (__builtin_expect(cpu->stop || cpu->instructions >= cpu->budget, 0)) {
    cpu->next_pc = pc; // comes back here: no boundary
    cpu->emu_stop(uc);
    return false;
  }
  cpu->previous_pc = cpu->pc;
  if (__builtin_expect(cpu->check != NULL, 0) && (pc != cpu->next_pc || !(pc & 0xfff))) cpu->check->block(cpu->check->check, pc);
  cpu->pc = pc;
  cpu->instructions++;
  return true;
}

void shim_code(void *uc, uint64_t address, uint32_t size, void *user) {
  (void)size;
  start(uc, user, (uint32_t)address);
}

// Physical address of the instruction at a virtual one; NOWHERE when it is not known. Through the TLB only with a timer.
static uint32_t code_address(struct cpu_state *cpu, uint32_t address) {
  if (address >> 30 == 2) return address & 0x1fffffff;
  if (!cpu->timer.alive) return NOWHERE;
  if (address >> 12 != cpu->code_page) {
    cpu->code_physical = translate(cpu->env, &cpu->at, address & ~0xfffu);
    cpu->code_page = address >> 12;
  }
  return cpu->code_physical == NOWHERE ? NOWHERE : cpu->code_physical | (address & 0xfff);
}

// The instruction at a virtual address with RAM behind it; 0 (a nop) elsewhere.
static uint32_t instruction(struct cpu_state *cpu, uint32_t address) {
  uint32_t physical = code_address(cpu, address);
  if ((physical & 3) || physical >= cpu->ram_bytes) return 0;
  const uint8_t *byte = cpu->ram + physical;
  if (cpu->little_endian) return byte[0] | byte[1] << 8 | byte[2] << 16 | (uint32_t)byte[3] << 24;
  return (uint32_t)byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
}

// Whether the instruction behind `word` is in its delay slot (emu/mips/branches.ts).
static bool has_delay_slot(uint32_t word) {
  uint32_t op = word >> 26;
  if (op == 0) return (word & 0x3e) == 0x08;
  if (op == 1) return !((word >> 16) & 0x0c);
  if (op == 0x11 || op == 0x12) return ((word >> 21) & 0x1f) == 8;
  return (op >= 0x02 && op <= 0x07) || (op >= 0x14 && op <= 0x17) || op == 0x1d;
}

// Enters the guest's exception vector as a MIPS32 CPU would (MD00090 volume III, exception processing). The context is saved
// already; `error` is QEMU's error_code.
static void enter(void *uc, struct cpu_state *cpu, uint32_t code, uint32_t error, uint32_t pc) {
  uint32_t *words = cpu->context_words;
  uint32_t status = words[cpu->at_status], cause = words[cpu->at_cause], hflags = words[cpu->at_hflags];
  bool nested = status & STATUS_EXL;
  bool delay_slot = hflags & cpu->hflags_branch;
  bool no_match = (code == TLBL || code == TLBS) && (error & ERROR_NO_MATCH);
  bool fetch = (code == TLBL || code == ADEL) && (error & ERROR_FETCH);
  if (fetch) pc = words[cpu->at_bad_vaddr];
  else if (cpu->imprecise && cpu->previous_pc == pc - 4) delay_slot |= has_delay_slot(instruction(cpu, pc - 4));
  uint32_t base = cpu->timer.alive ? vector_base(cpu->env, &cpu->at) : 0x80000000u;

  if (!nested) {
    words[cpu->at_epc] = (delay_slot ? pc - 4 : pc) | (hflags & cpu->hflags_mips16 ? 1 : 0);
    cause = delay_slot ? cause | 0x80000000u : cause & 0x7fffffffu;
  }
  cause = (cause & ~0x3000007cu) | code << 2;
  if (code == CPU) cause |= (error & 3) << 28;
  words[cpu->at_cause] = cause;
  words[cpu->at_hflags] = hflags & ~(cpu->hflags_branch | cpu->hflags_mips16);
  words[cpu->at_pc] = no_match && !nested ? base : base + 0x180;
  cpu->redirect_pc = words[cpu->at_pc];
  cpu->context_restore(uc, cpu->context);
  cpu->scratch = status | STATUS_EXL;
  cpu->reg_write(uc, REG_CP0_STATUS, &cpu->scratch); // also recomputes the engine's idea of the mode

  cpu->next_pc = 1;
  cpu->timer.count_rt = 0;
  cpu->timer.force_boundary = 1;
  cpu->exceptions[code + (no_match ? 32 : 0)]++;
  if (cpu->check && no_match) cpu->check->miss(cpu->check->check, words[cpu->at_bad_vaddr], code == TLBS, pc, nested);
  else if (cpu->check && (code == MOD || code == TLBL || code == TLBS))
    cpu->check->refused(cpu->check->check, words[cpu->at_bad_vaddr], code != TLBL, pc);
  if (cpu->observe) {
    cpu->exc_code = code;
    cpu->exc_flags = (no_match ? EXC_NO_MATCH : 0) | (delay_slot ? EXC_DELAY_SLOT : 0) | (fetch ? EXC_FETCH : 0) |
                     (nested ? EXC_NESTED : 0);
    cpu->exc_pc = pc;
    cpu->exc_epc = words[cpu->at_epc];
    cpu->exc_bad_vaddr = words[cpu->at_bad_vaddr];
    cpu->observer(uc, 0, cpu);
  }
}

// libunicorn 2.1.x fetches while it translates and cannot go on after a fetch from a misaligned address. A jump to one is turned into
// the address error that the fetch would give; its delay slot counts, but is not run.
static void check_jump(void *uc, struct cpu_state *cpu, uint32_t pc) {
  uint32_t word = instruction(cpu, pc);
  if ((word & 0xfc00003e) != 0x08) return; // not jr or jalr
  uint32_t link = word >> 11 & 31;
  cpu->reg_read(uc, REG_GPR0 + (word >> 21 & 31), &cpu->scratch);
  uint32_t target = cpu->scratch;
  if ((target & 3) != 2) return;
  cpu->instructions++;
  cpu->context_save(uc, cpu->context);
  if (word & 1 && link) cpu->context_words[cpu->at_gpr + link] = pc + 8;
  cpu->context_words[cpu->at_bad_vaddr] = target;
  enter(uc, cpu, ADEL, ERROR_FETCH, target);
  cpu->redirected = 1;
  cpu->emu_stop(uc);
}

void shim_code_checking_jumps(void *uc, uint64_t address, uint32_t size, void *user) {
  (void)size;
  limit_block(user);
  if (start(uc, user, (uint32_t)address)) check_jump(uc, user, (uint32_t)address);
}

// ---- with a timer ---------------------------------------------------------------------------------------------------

// Events and interrupts before the instruction at `pc`; true when the program counter goes elsewhere.
static bool boundary(void *uc, struct cpu_state *cpu, uint32_t pc) {
  struct timer *t = &cpu->timer;
  if (t->resched) reschedule(t);
  if (__builtin_expect(cpu->instructions >= t->next_event, 0)) {
    if (events_due(t, cpu->env, &cpu->at, cpu->instructions)) cpu->on_event(uc, 0, cpu);
    reschedule(t);
    if (cpu->stop) {
      t->force_boundary = 1; // not over: interrupts are looked at when the run goes on
      return false;
    }
  }
  if (__builtin_expect(!interrupt_pending(cpu->env, &cpu->at), 1)) return false;
  if (*reg32(cpu->env, cpu->at.hflags) & cpu->at.hflags_branch) return false;
  cpu->scratch = *reg32(cpu->env, cpu->at.status) | STATUS_EXL;
  cpu->redirect_pc = enter_interrupt(t, cpu->env, &cpu->at, pc);
  cpu->reg_write(uc, REG_CP0_STATUS, &cpu->scratch);
  cpu->next_pc = 1;
  cpu->exceptions[0]++;
  if (cpu->observe) {
    cpu->exc_code = 0;
    cpu->exc_flags = 0;
    cpu->exc_pc = cpu->exc_epc = pc;
    cpu->exc_bad_vaddr = *reg32(cpu->env, cpu->at.bad_vaddr);
    cpu->observer(uc, 0, cpu);
  }
  cpu->redirected = 1;
  cpu->emu_stop(uc);
  return true;
}

// tlbwr without shadow entries: the engine makes none while its TLB seems full, so it seems so for this instruction.
static void tlb_in_use(struct cpu_state *cpu, uint32_t entries) {
  ((uint32_t *)*(uint8_t **)(cpu->env + cpu->at.tlb))[1] = entries;
}

void shim_code_timed(void *uc, uint64_t address, uint32_t size, void *user) {
  struct cpu_state *cpu = user;
  struct timer *t = &cpu->timer;
  uint32_t pc = (uint32_t)address;
  (void)size;
  if (__builtin_expect(t->count_rt, 0)) answer_count(t, cpu->env);
  if (__builtin_expect(cpu->tlb_is_full, 0)) {
    tlb_in_use(cpu, cpu->drop_shadows);
    cpu->tlb_is_full = 0;
  }
  limit_block(cpu);
  if (pc != cpu->next_pc || t->force_boundary) {
    t->force_boundary = 0;
    cpu->code_page = NO_PAGE;
    if (boundary(uc, cpu, pc)) return;
  }
  if (!start(uc, cpu, pc)) return;
  cpu->next_pc = pc + 4;
  uint32_t word = instruction(cpu, pc);
  if (__builtin_expect((word & ~15u) == TLB_INSTRUCTION, 0) && cpu->check) cpu->check->site(cpu->check->check, pc, word);
  if (__builtin_expect(is_count(word), 0)) count_instruction(t, cpu->env, &cpu->at, word, cpu->instructions - 1);
  else if (__builtin_expect(word == TLBWR && cpu->drop_shadows, 0)) {
    tlb_in_use(cpu, TLB_MAX);
    cpu->tlb_is_full = 1;
  } else if (cpu->check_jumps) check_jump(uc, cpu, pc);
}

// Instructions of a coprocessor, the only ones for which it can be unusable: COP0 .. COP1X, cache, its loads and stores.
static bool is_coprocessor(uint32_t word) {
  const uint64_t opcodes = 1ull << 0x10 | 1ull << 0x11 | 1ull << 0x12 | 1ull << 0x13 | 1ull << 0x2f | 1ull << 0x31 | 1ull << 0x32 |
                           1ull << 0x35 | 1ull << 0x36 | 1ull << 0x39 | 1ull << 0x3a | 1ull << 0x3d | 1ull << 0x3e;
  return (opcodes >> (word >> 26) & 1) || (word & 0xfc00003f) == 1; // movf, movt
}

void shim_interrupt(void *uc, uint32_t intno, void *user) {
  struct cpu_state *cpu = user;
  int code = intno < sizeof cpu->code_of ? cpu->code_of[intno] : -1;
  if (cpu->imprecise) {
    // unicorn.js tells break as syscall, a reserved instruction as an unusable coprocessor, and of what a helper raises not whether it
    // is in a delay slot.
    uint32_t word = instruction(cpu, cpu->pc);
    if (code == SYS && (cpu->pc & 3 || word >> 26 || (word & 0x3f) == 0x0d)) code = BP; // MIPS16 has no syscall
    if (code == CPU && word && !is_coprocessor(word)) code = RI;
  }
  if (code < 0) {
    cpu->failure = intno + 1;
    cpu->emu_stop(uc);
    return;
  }
  cpu->context_save(uc, cpu->context);
  enter(uc, cpu, (uint32_t)code, cpu->context_words[cpu->at_error_code], cpu->pc);
}

// A map of the 4 KB pages of virtual memory, a bit each, and whom to call for accesses to those whose bit is set.
struct memory_watch {
  HOST void (*callback)(void *uc, int type, uint64_t address, int size, int64_t value, void *user);
  HOST void *user;
  // For engines that report physical addresses: where the instruction and its operands are.
  HOST struct cpu_state *cpu;
  HOST uint32_t *gpr;
  HOST uint8_t pages[1 << 17];
};

void shim_memory(void *uc, int type, uint64_t address, int size, int64_t value, void *user) {
  struct memory_watch *watch = user;
  uint32_t page = (uint32_t)address >> 12;
  if (__builtin_expect(watch->pages[page >> 3] >> (page & 7) & 1, 0))
    watch->callback(uc, type, address, size, value, watch->user);
}

// As shim_memory, for libunicorn 2.1.x and unicorn.js, which report physical addresses: the virtual one is what the instruction computes,
// but for its offset in the page (lwl, swl and their kin touch other bytes than they name). emu/mips/memory-observer.ts does the same.
void shim_memory_physical(void *uc, int type, uint64_t address, int size, int64_t value, void *user) {
  const struct memory_watch *watch = user;
  struct cpu_state *cpu = watch->cpu;
  // For its hooks the engine writes into hflags that an access is in a delay slot, and the generated code believes that it has not: the
  // branch's target would be taken for a delay slot.
  watch->gpr[cpu->at_hflags - cpu->at_gpr] &= ~cpu->hflags_branch;
  uint32_t word = instruction(cpu, cpu->pc), op = word >> 26;
  uint32_t base = watch->gpr[word >> 21 & 31];
  if (op == 0x13) base += watch->gpr[word >> 16 & 31]; // lwxc1 and its kin
  else if (op >= 0x20 && op != 0x33) base += (uint32_t)(int32_t)(int16_t)word;
  else return;
  shim_memory(uc, type, (base & ~0xfffu) | (address & 0xfff), size, value, user);
}

// Bytes of the block: the host checks that it speaks of the same one.
uint32_t shim_state_size(void) { return sizeof(struct cpu_state); }
