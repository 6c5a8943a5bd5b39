// Hook callbacks for libunicorn in C: what the machine does at every guest instruction and exception, without leaving
// native code. Built with plain `cc -shared -fPIC -O2`, no headers of Unicorn or Node, and for WebAssembly by the Makefile here, without memory
// or stack of its own; emu/mips/exception-entry.ts holds the same logic in TypeScript for systems without a compiler, and both must count and act alike.

#include <stdbool.h>
#include <stdint.h>

// Pointers lie 8 bytes apart on every host, so that cpu-state.ts knows one layout; WebAssembly's have 4 bytes.
#define HOST _Alignas(8)

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
  uint32_t reserved;
};

enum { EXC_NO_MATCH = 1, EXC_DELAY_SLOT = 2, EXC_FETCH = 4, EXC_NESTED = 8 };
enum { STATUS_EXL = 2, ERROR_NO_MATCH = 1, ERROR_FETCH = 2 };
enum { MOD = 1, TLBL = 2, TLBS = 3, ADEL = 4, SYS = 8, BP = 9, RI = 10, CPU = 11, OV = 12, TR = 13 };

// Register ids of unicorn/mips.h.
enum { REG_GPR0 = 2, REG_CP0_STATUS = 139 };

void shim_code(void *uc, uint64_t address, uint32_t size, void *user) {
  struct cpu_state *cpu = user;
  (void)size;
  if (__builtin_expect(cpu->stop || cpu->instructions >= cpu->budget, 0)) {
    cpu->emu_stop(uc); // before this instruction runs: never between a branch and its delay slot
    return;
  }
  cpu->previous_pc = cpu->pc;
  cpu->pc = (uint32_t)address;
  cpu->instructions++;
}

// The instruction at an address in kseg0 or kseg1, with RAM behind it; 0 (a nop) elsewhere.
static uint32_t instruction(const struct cpu_state *cpu, uint32_t address) {
  uint32_t physical = address & 0x1fffffff;
  if (address >> 30 != 2 || (physical & 3) || physical >= cpu->ram_bytes) return 0;
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
  if (cpu->imprecise && (code == OV || code == TR) && cpu->previous_pc == pc - 4)
    delay_slot |= has_delay_slot(instruction(cpu, pc - 4));
  bool no_match = (code == TLBL || code == TLBS) && (error & ERROR_NO_MATCH);
  bool fetch = (code == TLBL || code == ADEL) && (error & ERROR_FETCH);
  if (fetch) pc = words[cpu->at_bad_vaddr];

  if (!nested) {
    words[cpu->at_epc] = (delay_slot ? pc - 4 : pc) | (hflags & cpu->hflags_mips16 ? 1 : 0);
    cause = delay_slot ? cause | 0x80000000u : cause & 0x7fffffffu;
  }
  cause = (cause & ~0x3000007cu) | code << 2;
  if (code == CPU) cause |= (error & 3) << 28;
  words[cpu->at_cause] = cause;
  words[cpu->at_hflags] = hflags & ~(cpu->hflags_branch | cpu->hflags_mips16);
  words[cpu->at_pc] = no_match && !nested ? 0x80000000u : 0x80000180u;
  cpu->context_restore(uc, cpu->context);
  cpu->scratch = status | STATUS_EXL;
  cpu->reg_write(uc, REG_CP0_STATUS, &cpu->scratch); // also recomputes the engine's idea of the mode

  cpu->exceptions[code + (no_match ? 32 : 0)]++;
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

// As shim_code, for libunicorn 2.1.x: it fetches while it translates and cannot go on after a fetch from a misaligned
// address. A jump to one is turned into the address error that the fetch would give; its delay slot counts, but is not run.
void shim_code_checking_jumps(void *uc, uint64_t address, uint32_t size, void *user) {
  struct cpu_state *cpu = user;
  shim_code(uc, address, size, user);
  uint32_t word = instruction(cpu, (uint32_t)address);
  if (cpu->stop || (word & 0xfc00003e) != 0x08) return; // not jr or jalr
  uint32_t link = word >> 11 & 31;
  cpu->reg_read(uc, REG_GPR0 + (word >> 21 & 31), &cpu->scratch);
  uint32_t target = cpu->scratch;
  if ((target & 3) != 2) return;
  cpu->instructions++;
  cpu->context_save(uc, cpu->context);
  if (word & 1 && link) cpu->context_words[cpu->at_gpr + link] = (uint32_t)address + 8;
  cpu->context_words[cpu->at_bad_vaddr] = target;
  enter(uc, cpu, ADEL, ERROR_FETCH, target);
  cpu->redirected = 1;
  cpu->emu_stop(uc);
}

// Instructions of a coprocessor, the only ones for which it can be unusable: COP0 .. COP1X, cache, its loads and stores.
static bool is_coprocessor(uint32_t word) {
  const uint64_t opcodes = 1ull << 0x10 | 1ull << 0x11 | 1ull << 0x12 | 1ull << 0x13 | 1ull << 0x2f | 1ull << 0x31 | 1ull << 0x32 |
                           1ull << 0x35 | 1ull << 0x36 | 1ull << 0x39 | 1ull << 0x3a | 1ull << 0x3d | 1ull << 0x3e;
  return opcodes >> (word >> 26) & 1;
}

void shim_interrupt(void *uc, uint32_t intno, void *user) {
  struct cpu_state *cpu = user;
  int code = intno < sizeof cpu->code_of ? cpu->code_of[intno] : -1;
  if (cpu->imprecise) {
    // unicorn.js tells break as syscall, a reserved instruction as an unusable coprocessor, and of overflow and trap not whether they
    // are in a delay slot.
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
  HOST const struct cpu_state *cpu;
  HOST const uint32_t *gpr;
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
  uint32_t word = instruction(watch->cpu, watch->cpu->pc), op = word >> 26;
  uint32_t base = watch->gpr[word >> 21 & 31];
  if (op == 0x13) base += watch->gpr[word >> 16 & 31]; // lwxc1 and its kin
  else if (op >= 0x20 && op != 0x33) base += (uint32_t)(int32_t)(int16_t)word;
  else return;
  shim_memory(uc, type, (base & ~0xfffu) | (address & 0xfff), size, value, user);
}

// What a debugger waits for. The host is asked before the instruction that starts when `number` have, before one whose bit is set in
// the map (bit (address / 4) % 65536: the host looks again whether it is the very one), and before the guest stops.
struct instruction_stops {
  HOST void (*ask)(void *uc, uint64_t address, uint32_t size, void *user);
  HOST void (*code)(void *uc, uint64_t address, uint32_t size, void *user); // the CPU's own hook
  HOST struct cpu_state *cpu;
  HOST uint64_t number;
  uint32_t moved;            // the host has changed PC: the instruction here does not start
  uint32_t reserved;
  uint8_t map[1 << 13];
};

void shim_code_asking(void *uc, uint64_t address, uint32_t size, void *user) {
  struct instruction_stops *stops = user;
  struct cpu_state *cpu = stops->cpu;
  uint32_t slot = (uint32_t)address >> 2 & 0xffff;
  bool ending = cpu->stop || cpu->instructions >= cpu->budget;
  if (__builtin_expect(ending || cpu->instructions >= stops->number || stops->map[slot >> 3] >> (slot & 7) & 1, 0)) {
    stops->ask(uc, address, size, stops);
    if (stops->moved) {
      stops->moved = 0;
      return;
    }
  }
  stops->code(uc, address, size, cpu);
}

// Bytes of the block: the host checks that it speaks of the same one.
uint32_t shim_state_size(void) { return sizeof(struct cpu_state); }
