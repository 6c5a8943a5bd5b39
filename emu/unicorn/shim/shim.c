// Hook callbacks for libunicorn in C: what the machine does at every guest instruction and exception, without leaving
// native code. Built with plain `cc -shared -fPIC -O2`, no headers of Unicorn or Node; emu/mips/exception-entry.ts
// holds the same logic in TypeScript for systems without a compiler, and both must count and act alike.

#include <stdbool.h>
#include <stdint.h>

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
  uint32_t previous_pc;      // the instruction executed before; kept by the TypeScript hooks alone
  uint8_t *ram;
  uint32_t *context_words;
  void *context;
  int (*context_save)(void *uc, void *context);
  int (*context_restore)(void *uc, void *context);
  int (*reg_read)(void *uc, int id, void *value);
  int (*reg_write)(void *uc, int id, const void *value);
  int (*emu_stop)(void *uc);
  void (*observer)(void *uc, uint32_t intno, void *user);
  uint64_t budget;           // stop when so many instructions have started
};

enum { EXC_NO_MATCH = 1, EXC_DELAY_SLOT = 2, EXC_FETCH = 4, EXC_NESTED = 8 };
enum { STATUS_EXL = 2, ERROR_NO_MATCH = 1, ERROR_FETCH = 2 };
enum { MOD = 1, TLBL = 2, TLBS = 3, ADEL = 4, CPU = 11 };

// Register ids of unicorn/mips.h.
enum { REG_GPR0 = 2, REG_CP0_STATUS = 139 };

void shim_code(void *uc, uint64_t address, uint32_t size, void *user) {
  struct cpu_state *cpu = user;
  (void)size;
  if (__builtin_expect(cpu->stop || cpu->instructions >= cpu->budget, 0)) {
    cpu->emu_stop(uc); // before this instruction runs: never between a branch and its delay slot
    return;
  }
  cpu->pc = (uint32_t)address;
  cpu->instructions++;
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
  status |= STATUS_EXL;
  cpu->reg_write(uc, REG_CP0_STATUS, &status); // also recomputes the engine's idea of the mode

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
  uint32_t physical = (uint32_t)address & 0x1fffffff;
  if (cpu->stop || (uint32_t)address >> 30 != 2 || (physical & 3) || physical >= cpu->ram_bytes) return;
  const uint8_t *byte = cpu->ram + physical;
  if ((byte[0] & 0xfc) != 0 || (byte[3] & 0x3e) != 0x08) return; // not jr or jalr
  uint32_t target, link = byte[2] >> 3;
  cpu->reg_read(uc, REG_GPR0 + (byte[0] << 3 | byte[1] >> 5), &target);
  if ((target & 3) != 2) return;
  cpu->instructions++;
  cpu->context_save(uc, cpu->context);
  if (byte[3] & 1 && link) cpu->context_words[cpu->at_gpr + link] = (uint32_t)address + 8;
  cpu->context_words[cpu->at_bad_vaddr] = target;
  enter(uc, cpu, ADEL, ERROR_FETCH, target);
  cpu->redirected = 1;
  cpu->emu_stop(uc);
}

void shim_interrupt(void *uc, uint32_t intno, void *user) {
  struct cpu_state *cpu = user;
  int code = intno < sizeof cpu->code_of ? cpu->code_of[intno] : -1;
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
  void (*callback)(void *uc, int type, uint64_t address, int size, int64_t value, void *user);
  void *user;
  uint8_t pages[1 << 17];
};

void shim_memory(void *uc, int type, uint64_t address, int size, int64_t value, void *user) {
  struct memory_watch *watch = user;
  uint32_t page = (uint32_t)address >> 12;
  if (__builtin_expect(watch->pages[page >> 3] >> (page & 7) & 1, 0))
    watch->callback(uc, type, address, size, value, watch->user);
}

// What a debugger waits for. The host is asked before the instruction that starts when `number` have, before one whose bit is set in
// the map (bit (address / 4) % 65536: the host looks again whether it is the very one), and before the guest stops.
struct instruction_stops {
  void (*ask)(void *uc, uint64_t address, uint32_t size, void *user);
  void (*code)(void *uc, uint64_t address, uint32_t size, void *user); // the CPU's own hook
  struct cpu_state *cpu;
  uint64_t number;
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
