// The fast path for libunicorn 2.0.x in C: one hook per block of instructions instead of one per instruction, the engine's own exception
// entry, interrupts and the CP0 timer, and stores that do not look for translated code where there is none. It works with
// places in the engine that no header names; emu/unicorn/fast/probe.ts finds and proves each of them on a scratch guest first.

#include "fast.h"

// ---- events and interrupts -------------------------------------------------------------------------------------------

static void events(struct fast *f) {
  if (events_due(&f->timer, f->env, &f->at, f->icount)) f->on_event(f->uc, 0, f);
  reschedule(&f->timer);
}

static void interrupt(struct fast *f, u32 pc) {
  u32 status = *env32(f, f->at.status) | STATUS_EXL;
  *env32(f, f->at.pc) = enter_interrupt(&f->timer, f->env, &f->at, pc);
  f->reg_write(f->uc, REG_CP0_STATUS, &status);
  f->shared->exceptions[0]++;
  if (f->shared->observe) {
    struct cpu_shared *s = f->shared;
    s->exc_code = 0;
    s->exc_flags = 0;
    s->exc_pc = s->exc_epc = pc;
    s->exc_bad_vaddr = *env32(f, f->at.bad_vaddr);
    f->on_exception(f->uc, 0, f);
  }
}

// ---- where in the block an access is --------------------------------------------------------------------------------

// Bytes that a load or store moves, 0 for everything else; *write tells which it is.
static u32 access_size(u32 w, bool *write) {
  static const u8 size[64] = {
      [0x20] = 1, [0x21] = 2, [0x22] = 4, [0x23] = 4, [0x24] = 1, [0x25] = 2, [0x26] = 4, [0x28] = 1, [0x29] = 2,
      [0x2a] = 4, [0x2b] = 4, [0x2e] = 4, [0x30] = 4, [0x31] = 4, [0x35] = 8, [0x38] = 4, [0x39] = 4, [0x3d] = 8,
  };
  u32 op = w >> 26;
  *write = op >= 0x28 && op != 0x30 && op != 0x31 && op != 0x35;
  if (op == 0x13) { // COP1X: lwxc1, ldxc1, swxc1, sdxc1
    u32 function = w & 0x3f;
    *write = function >= 8;
    return function == 0 || function == 8 ? 4 : function == 1 || function == 9 ? 8 : 0;
  }
  return size[op];
}

static u32 effective_address(struct fast *f, u32 w) {
  u32 base = gpr(f, w >> 21 & 31);
  return w >> 26 == 0x13 ? base + gpr(f, w >> 16 & 31) : base + (u32)(int32_t)(int16_t)w;
}

// Finds the instruction of the access being made: the first one behind the last that was found in this run of the block whose kind and
// address fit. The engine has stored all general registers before the access, but not the program counter.
// `address` is virtual when `physical` is false. Falls back to the block's start.
u32 fast_locate(struct fast *f, u32 address, u32 size, bool write, bool physical) {
  if (f->precise) return f->shared->pc;
  u32 from = f->located_at == f->icount && f->located_pc - f->block_pc < f->block_end - f->block_pc ? f->located_pc + 4 : f->block_pc;
  // Once around: a loop of one block comes back to its start.
  for (u32 pc = from; pc < f->block_end; pc += 4) {
    u32 w, ea, pa;
    bool stores;
    if (!fast_fetch(f, pc, &w)) continue;
    u32 bytes = access_size(w, &stores);
    if (!bytes || stores != write) continue;
    ea = effective_address(f, w);
    if (physical) {
      if ((ea ^ address) & 0xfff) {
        if (size == bytes || ((ea ^ address) & 0xffc)) continue;
      }
      if (!fast_translate(f, ea, &pa) || (pa & ~0xfffu) != (address & ~0xfffu)) continue;
    } else if (((ea ^ address) & ~7u) || (size == bytes && ea != address && bytes != 8 && (w >> 26 & 3) != 2)) {
      continue;
    }
    f->located_pc = pc;
    f->located_at = f->icount;
    return pc;
  }
  return from < f->block_end ? from : f->block_pc;
}

// Makes pc and instruction count exact for the host: `pc` is being executed.
void fast_sync_at(struct fast *f, u32 pc) {
  if (f->precise) return;
  f->shared->pc = pc;
  f->shared->instructions = f->icount - ((f->block_end - pc) >> 2) + 1;
}

// ---- sites: instructions that need a hook of their own ----------------------------------------------------------------

// tlbwr without shadow entries: the engine makes none while its TLB seems full, so it seems so until the block is over.
static void no_shadows(struct fast *f) {
  u8 *tlb = *(u8 **)(f->env + f->at.tlb);
  for (u32 i = f->tlb_visible; i < TLB_MAX; i++) ((u32 *)(tlb + f->at.tlb_entries + 40 * i))[4] |= TLB_NO_MATCH;
  ((u32 *)tlb)[1] = TLB_MAX;
  f->tlb_is_full = 1;
}

static inline void answer_site(struct fast *f) {
  if (__builtin_expect(f->timer.count_rt, 0)) answer_count(&f->timer, f->env);
  if (__builtin_expect(f->tlb_is_full, 0)) {
    ((u32 *)*(u8 **)(f->env + f->at.tlb))[1] = f->tlb_visible;
    f->tlb_is_full = 0;
  }
}

static inline bool is_site(struct fast *f, u32 w) {
  return (f->timer.alive && is_count(w)) || (f->hardware_tlb && w == TLBWR) || (f->check && check_is_site(w));
}

// Such an instruction starts, `before` have started before it.
static void run_site(struct fast *f, u32 pc, u32 w, u64 before) {
  if (f->timer.alive && is_count(w)) count_instruction(&f->timer, f->env, &f->at, w, before);
  if (f->check && check_is_site(w)) check_site(f->check, pc, w);
  if (f->hardware_tlb && w == TLBWR) no_shadows(f);
}

void fast_site(void *uc, u64 address, u32 size, void *user) {
  struct fast *f = user;
  u32 pc = (u32)address, w;
  (void)uc, (void)size;
  if (f->precise || pc < f->block_pc || pc >= f->block_end || !fast_fetch(f, pc, &w)) return;
  run_site(f, pc, w, f->icount - ((f->block_end - pc) >> 2));
}

// Ends the run before the instruction at `pc`, in the middle of a block.
static void stop_at(struct fast *f, u32 pc) {
  f->icount -= (f->block_end - pc) >> 2;
  f->block_end = pc;
  *env32(f, f->at.pc) = pc;
  f->emu_stop(f->uc);
}

// At places where the host's wish to stop is to be heard at once, and where the budget ends.
void fast_stop_point(void *uc, u64 address, u32 size, void *user) {
  struct fast *f = user;
  u32 pc = (u32)address;
  (void)uc, (void)size;
  if (f->precise || pc < f->block_pc || pc >= f->block_end) return;
  if (f->shared->stop || f->icount - ((f->block_end - pc) >> 2) >= f->budget) stop_at(f, pc);
}

static bool hook_instruction(struct fast *f, u32 pc, void *callback) {
  u32 slot = (pc >> 2) % HOOKED;
  while (f->hooked[slot]) {
    if (f->hooked[slot] == (pc | 1)) return false;
    slot = (slot + 1) % HOOKED;
  }
  if (f->hooked_count >= HOOKED / 2) return false;
  f->hooked[slot] = pc | 1;
  f->hook_add(f->uc, &f->hooks[f->hooked_count++], HOOK_CODE, callback, f, pc, pc);
  return true;
}

// For the host, before the first run: see fast_stop_point.
void fast_add_stop_point(struct fast *f, u32 pc) { hook_instruction(f, pc, (void *)fast_stop_point); }

// A call that is stepped over: at the callee's first instruction, when it was called from the caller's text.
struct skip {
  struct fast *f;
  u32 callee, from, to;      // the caller's text: from .. to
  u32 reserved;
  u64 skipped;
};

void fast_skip(void *uc, u64 address, u32 size, void *user) {
  struct skip *skip = user;
  struct fast *f = skip->f;
  u32 pc = (u32)address, ra = gpr(f, 31);
  (void)size;
  if (pc != skip->callee || ra - 8 < skip->from || ra - 8 >= skip->to) return;
  skip->skipped++;
  f->icount -= f->precise ? 1 : (f->block_end - pc) >> 2;
  if (f->precise) f->shared->instructions = f->icount;
  f->block_pc = f->block_end = 1;
  f->timer.force_boundary = 1;
  f->reg_write(uc, REG_PC, &ra);
}

// For the host: the word of the callee may have run before.
void fast_add_skip(struct skip *skip) {
  size_t hook;
  struct fast *f = skip->f;
  f->hook_add(f->uc, &hook, HOOK_CODE, (void *)fast_skip, skip, skip->callee, skip->callee);
  f->ctl(f->uc, CTL_TB_REMOVE_CACHE, (u64)skip->callee, (u64)skip->callee + 4);
}

// Makes the block that is about to run be translated again, with the hooks it has now.
static void again(struct fast *f, u32 pc, u32 size) {
  f->ctl(f->uc, CTL_TB_REMOVE_CACHE, (u64)pc, (u64)pc + (size ? size : 4));
  f->reg_write(f->uc, REG_PC, &pc);
}

// Looks through a block that was translated anew; true when it got hooks and has to be translated once more.
static bool first_sight(struct fast *f, u32 pc, u32 size) {
  f->seen[(pc >> 2) % SEEN] = pc;
  bool found = false;
  for (u32 at = pc; at < pc + size; at += 4) {
    u32 w;
    if (!fast_fetch(f, at, &w)) continue;
    if (is_site(f, w)) found |= hook_instruction(f, at, (void *)fast_site);
  }
  return found;
}

// ---- stores ---------------------------------------------------------------------------------------------------------
// libunicorn 2.0.x leaves TLB_NOTDIRTY set in every entry of its software TLB for ever, so that every store looks for translated code.
// Here the bit is cleared where the page has none, and set again when it gets some.

enum { NOTDIRTY = 0x400, ENTRY = 32, MMU_MODES = 4, VICTIMS = 8 };
enum { FAST_TLB = -80, VICTIM_TLB = -1808, VICTIM_STEP = 432, VICTIM_ENTRIES = 40 };

static inline u64 ram_offset(struct fast *f, const u8 *entry, u32 address) {
  return (u64)(address & ~0xfffu) + *(const u64 *)(entry + 16) - (u64)f->ram;
}

static void clear_notdirty(struct fast *f) {
  f->sweeps++;
  for (int mode = 0; mode < MMU_MODES; mode++) {
    u8 *entry = *(u8 **)(f->env + FAST_TLB + 16 * mode + 8);
    u8 *end = entry + *(u64 *)(f->env + FAST_TLB + 16 * mode) + ENTRY;
    for (; entry < end; entry += ENTRY) {
      u32 address = *(u32 *)(entry + 4);
      if ((address & 0xfff) != NOTDIRTY) continue;
      u64 offset = ram_offset(f, entry, address);
      if (offset < f->shared->ram_bytes && !f->code_pages[offset >> 12]) *(u32 *)(entry + 4) = address & ~NOTDIRTY;
    }
  }
}

static void set_notdirty(struct fast *f, u8 *entry, u32 page) {
  u32 address = *(u32 *)(entry + 4);
  if ((address & 0xfff) == 0 && ram_offset(f, entry, address) >> 12 == page) *(u32 *)(entry + 4) = address | NOTDIRTY;
}

static void page_gets_code(struct fast *f, u32 page) {
  f->code_pages[page] = 1;
  for (int mode = 0; mode < MMU_MODES; mode++) {
    u8 *entry = *(u8 **)(f->env + FAST_TLB + 16 * mode + 8);
    u8 *end = entry + *(u64 *)(f->env + FAST_TLB + 16 * mode) + ENTRY;
    for (; entry < end; entry += ENTRY) set_notdirty(f, entry, page);
    u8 *victim = f->env + VICTIM_TLB + VICTIM_STEP * mode + VICTIM_ENTRIES;
    for (int i = 0; i < VICTIMS; i++) set_notdirty(f, victim + i * ENTRY, page);
  }
}

static void note_code(struct fast *f, u32 pc) {
  u32 pa;
  if (f->store_fix && fast_translate(f, pc, &pa) && pa < f->shared->ram_bytes && !f->code_pages[pa >> 12])
    page_gets_code(f, pa >> 12);
}

// The engine has translated a block: struct uc_tb starts with its virtual address.
void fast_edge(void *uc, const u64 *block, const u64 *previous, void *user) {
  struct fast *f = user;
  u32 pc = (u32)*block;
  (void)uc, (void)previous;
  if (f->seen[(pc >> 2) % SEEN] == pc) f->seen[(pc >> 2) % SEEN] = 0;
  note_code(f, pc);
}

// For the probe: what the software TLB of kernel mode has for stores to the page of `va`: 1 in its place, 2 among the victims,
// 0 nowhere. `bits` gets the low bits of the entry's address.
int fast_probe_stores(u8 *env, u8 *ram, u32 va, u32 pa, u32 *bits) {
  u64 mask = *(u64 *)(env + FAST_TLB);
  u8 *table = *(u8 **)(env + FAST_TLB + 8);
  if (mask & 31 || mask > 1 << 20 || !table) return 0;
  u8 *entry = table + ((u64)(va >> 12) * ENTRY & mask);
  u8 *victims = env + VICTIM_TLB + VICTIM_ENTRIES;
  for (int i = -1; i < VICTIMS; i++) {
    u8 *e = i < 0 ? entry : victims + i * ENTRY;
    u32 address = *(u32 *)(e + 4);
    if ((address & ~0xfffu) != (va & ~0xfffu) || (u8 *)((u64)(address & ~0xfffu) + *(u64 *)(e + 16)) != ram + (pa & ~0xfffu)) continue;
    *bits = address & 0xfff;
    return i < 0 ? 1 : 2;
  }
  return 0;
}

// Entries in that table.
u32 fast_probe_entries(u8 *env) { return (u32)(*(u64 *)(env + FAST_TLB) / ENTRY + 1); }

// ---- the hooks ------------------------------------------------------------------------------------------------------

// Events and interrupts before the instruction at `pc`, `f->icount` instructions having started; true when the program counter goes
// elsewhere or the run ends.
static bool boundary(struct fast *f, u32 pc) {
  if (!f->timer.alive) return false;
  if (__builtin_expect(f->timer.resched, 0)) reschedule(&f->timer);
  if (__builtin_expect(f->icount >= f->timer.next_event, 0)) {
    if (!f->precise) {
      f->shared->pc = pc;
      f->shared->instructions = f->icount;
    }
    events(f);
    if (f->shared->stop) {
      f->timer.force_boundary = 1; // not over: interrupts are looked at when the run goes on
      return false;
    }
  }
  if (__builtin_expect(interrupt_pending(f->env, &f->at), 0)) {
    if (*env32(f, f->at.hflags) & f->at.hflags_branch) {
      f->deferred++;
      return false;
    }
    if (!f->precise) {
      f->shared->pc = pc;
      f->shared->instructions = f->icount;
    }
    interrupt(f, pc);
    return true;
  }
  return false;
}

// A block that only jumps to itself: whole rounds until the next event or the budget's end pass at once.
static void skip_rounds(struct fast *f, u32 pc, u32 size) {
  u32 w, slot;
  u64 until = f->timer.next_event < f->budget ? f->timer.next_event : f->budget;
  if (size != 8 || until <= f->icount || !fast_fetch(f, pc, &w) || !fast_fetch(f, pc + 4, &slot) || slot != 0) return;
  if (w != 0x1000ffff && w != (0x08000000 | (pc >> 2 & 0x3ffffff))) return;
  f->icount += (until - f->icount + 1) / 2 * 2;
  if (f->icount > f->budget) f->icount -= 2;
}

// Tells the host of a block that begins at a watched address: program counter and count are exact in its callback.
static void tell_watched(struct fast *f, u32 pc, u32 size) {
  struct watched *w = f->watched;
  for (u32 slot = (pc >> 2) % WATCHED; w->table[slot]; slot = (slot + 1) % WATCHED) {
    if (w->table[slot] != (pc | 1)) continue;
    f->shared->pc = pc;
    f->shared->instructions = f->icount;
    w->callback(f->uc, pc, size, NULL);
    return;
  }
}

// The engine ends a run by forgetting what it has translated at the address where it was to end, kseg0: in user mode that leaves the marks
// of an address error in CP0.
static void pause_run(struct fast *f) {
  f->paused = 1;
  f->kept[0] = *env32(f, f->at.bad_vaddr);
  f->kept[1] = *env32(f, f->at.entry_hi);
  f->kept[2] = *env32(f, f->at.context);
}

void fast_block(void *uc, u64 address, u32 size, void *user) {
  struct fast *f = user;
  u32 pc = (u32)address;
  if (__builtin_expect(f->seen[(pc >> 2) % SEEN] != pc, 0)) {
    note_code(f, pc);
    if (first_sight(f, pc, size)) {
      again(f, pc, size);
      return;
    }
  }
  answer_site(f);
  if (pc != f->block_end || f->timer.force_boundary) {
    f->timer.force_boundary = 0;
    if (pc == f->block_pc && size == 8 && f->timer.alive) skip_rounds(f, pc, size);
    if (__builtin_expect(boundary(f, pc), 0)) {
      f->block_pc = f->block_end = 1;
      u32 vector = *env32(f, f->at.pc);
      f->reg_write(uc, REG_PC, &vector);
      return;
    }
  }
  u32 n = size >> 2;
  if (__builtin_expect(f->shared->stop || f->icount + n > f->budget, 0)) {
    bool slot = *env32(f, f->at.hflags) & f->at.hflags_branch; // in a page of its own: no place to pause
    if (f->shared->stop || (f->pausing ? !slot : f->icount >= f->budget)) {
      if (f->pausing && !f->shared->stop) pause_run(f);
      f->block_pc = f->block_end = pc;
      *env32(f, f->at.pc) = pc;
      f->emu_stop(uc);
      return;
    }
    u32 last = pc + 4 * (u32)(f->budget - f->icount);
    if (!f->pausing && hook_instruction(f, last, (void *)fast_stop_point)) {
      f->block_end = pc; // comes back here: no boundary
      again(f, pc, size);
      return;
    }
  }
  if (__builtin_expect(f->check != NULL, 0) && (pc != f->block_end || !(pc & 0xfff))) check_block(f->check, pc);
  if (__builtin_expect(f->watched != NULL, 0)) tell_watched(f, pc, size);
  f->block_pc = pc;
  f->block_end = pc + size;
  f->icount += n;
  if (__builtin_expect(!(++f->blocks & 1023), 0) && f->store_fix) clear_notdirty(f);
}

// The same before each instruction.
void fast_code(void *uc, u64 address, u32 size, void *user) {
  struct fast *f = user;
  struct cpu_shared *s = f->shared;
  u32 pc = (u32)address, w;
  answer_site(f);
  if (pc != f->block_end || f->timer.force_boundary) {
    f->timer.force_boundary = 0;
    note_code(f, pc);
    if (f->store_fix && !(++f->blocks & 1023)) clear_notdirty(f);
    if (__builtin_expect(boundary(f, pc), 0)) {
      f->block_end = 1;
      f->redirected = 1;
      f->emu_stop(uc);
      return;
    }
  }
  if (f->stops) {
    struct stops *stops = f->stops;
    u32 slot = pc >> 2 & 0xffff;
    bool ending = s->stop || f->icount >= f->budget;
    if (__builtin_expect(ending || f->icount >= stops->number || stops->map[slot >> 3] >> (slot & 7) & 1, 0)) {
      stops->ask(uc, pc, size, stops);
      if (stops->moved) {
        stops->moved = 0;
        f->block_end = 1;
        return;
      }
    }
  }
  if (__builtin_expect(s->stop || f->icount >= f->budget, 0)) {
    f->block_end = pc;
    *env32(f, f->at.pc) = pc;
    f->emu_stop(uc);
    return;
  }
  if (f->check && (pc != f->block_end || !(pc & 0xfff))) check_block(f->check, pc);
  if (f->watched) tell_watched(f, pc, size);
  s->pc = pc;
  f->block_pc = pc;
  f->block_end = pc + 4;
  s->instructions = ++f->icount;
  if ((f->timer.alive || f->check || f->hardware_tlb) && fast_fetch(f, pc, &w)) run_site(f, pc, w, f->icount - 1);
}

// For the host, between two runs: from here on fast_code does the work of fast_block, whose hook is `block`. All is translated anew: what the
// engine does to hooks and translations it does by virtual address, so it is in kernel mode meanwhile, and its faults are forgotten.
void fast_become_precise(struct fast *f, int (*hook_del)(void *uc, size_t hook), u64 block) {
  u32 status = *env32(f, f->at.status), kernel = status | STATUS_EXL;
  size_t hook;
  f->reg_write(f->uc, REG_CP0_STATUS, &kernel);
  hook_del(f->uc, block);
  for (u32 i = 0; i < f->hooked_count; i++) hook_del(f->uc, f->hooks[i]);
  f->hook_add(f->uc, &hook, HOOK_CODE, (void *)fast_code, f, 1, 0);
  f->ctl(f->uc, CTL_TB_REMOVE_CACHE, 0x80000000ull, 0x80000000ull + f->shared->ram_bytes);
  f->reg_write(f->uc, REG_CP0_STATUS, &status);
  *env32(f, f->at.bad_vaddr) = f->kept[0];
  *env32(f, f->at.entry_hi) = f->kept[1];
  *env32(f, f->at.context) = f->kept[2];
  f->precise = 1;
  f->pausing = f->paused = 0;
}

// The engine's stop_interrupt slot, called before it overwrites the program counter: PC, hflags and the branch target are exact.
bool fast_exception(void *uc, int number, struct fast *f) {
  if (number < 0 || number >= 0x10000) return false;
  struct cpu_shared *s = f->shared;
  int code = number < 64 ? s->code_of[number] : -1;
  u32 pc = *env32(f, f->at.pc), error = *env32(f, f->at.error_code), status = *env32(f, f->at.status);
  bool delay_slot = *env32(f, f->at.hflags) & f->at.hflags_branch, tlb = code == 2 || code == 3;
  bool no_match = tlb && (error & ERROR_NO_MATCH), fetching = (code == 2 || code == 4) && (error & ERROR_FETCH);
  f->timer.count_rt = 0;
  if (!f->precise) {
    if (fetching) {
      if (pc == f->block_pc && (pc & 3)) f->icount -= (f->block_end - f->block_pc) >> 2;
    } else if (pc >= f->block_pc && pc < f->block_end) {
      f->icount -= ((f->block_end - pc) >> 2) - 1;
    }
    s->pc = fetching ? *env32(f, f->at.bad_vaddr) : pc;
    s->instructions = f->icount;
  }
  f->block_pc = f->block_end = 1;
  f->timer.force_boundary = 1;
  if (code < 0) {
    s->failure = (u32)number + 1;
    f->emu_stop(uc);
    return false;
  }
  f->do_interrupt(f->cpu);
  s->exceptions[code + (no_match ? 32 : 0)]++;
  if (f->check && no_match) check_miss(f->check, *env32(f, f->at.bad_vaddr), code == 3, s->pc, status & STATUS_EXL);
  else if (f->check && (tlb || code == 1))
    check_refused(f->check, *env32(f, f->at.bad_vaddr), code != 2, fetching ? *env32(f, f->at.bad_vaddr) : pc);
  if (s->observe) {
    s->exc_code = (u32)code;
    s->exc_flags = (no_match ? EXC_NO_MATCH : 0) | (delay_slot ? EXC_DELAY_SLOT : 0) | (fetching ? EXC_FETCH : 0) |
                   (status & STATUS_EXL ? EXC_NESTED : 0);
    s->exc_pc = fetching ? *env32(f, f->at.bad_vaddr) : pc;
    s->exc_epc = *env32(f, f->at.epc);
    s->exc_bad_vaddr = *env32(f, f->at.bad_vaddr);
    f->on_exception(uc, (u32)number, f);
  }
  return false;
}

// The slot has no room for a user pointer: guests are found by their engine.
enum { GUESTS = 64 };
static struct { void *uc; struct fast *f; } guests[GUESTS];

static bool stop_interrupt(void *uc, int number) {
  for (int i = 0; i < GUESTS; i++)
    if (guests[i].uc == uc) return fast_exception(uc, number, guests[i].f);
  return false;
}

// Puts our function into the slot at `slot`; false when there are too many guests.
int fast_install(struct fast *f, void **slot) {
  for (int i = 0; i < GUESTS; i++)
    if (!guests[i].uc) {
      guests[i].uc = f->uc;
      guests[i].f = f;
      *slot = (void *)stop_interrupt;
      return 1;
    }
  return 0;
}

void fast_remove(struct fast *f) {
  for (int i = 0; i < GUESTS; i++)
    if (guests[i].f == f) guests[i].uc = NULL, guests[i].f = NULL;
}

// For the probe: counts what comes through the slot and lets the engine do what it would.
static u32 probed_number, probed_calls, probed_pc;
static u8 *probed_env;
static u32 probed_pc_at;
static bool probe_slot(void *uc, int number) {
  (void)uc;
  if (number >= 0 && number < 0x10000) {
    probed_number = (u32)number;
    probed_calls++;
    probed_pc = *(u32 *)(probed_env + probed_pc_at);
  }
  return false;
}

void fast_probe_slot(void **slot, u8 *env, u32 pc_at) {
  probed_env = env;
  probed_pc_at = pc_at;
  probed_calls = 0;
  *slot = (void *)probe_slot;
}

void fast_probe_seen(u32 *out) {
  out[0] = probed_calls;
  out[1] = probed_number;
  out[2] = probed_pc;
}

// ---- devices --------------------------------------------------------------------------------------------------------

struct device {
  struct fast *f;
  u64 (*read)(void *uc, u64 offset, u32 size, void *user);
  void (*write)(void *uc, u64 offset, u32 size, u64 value, void *user);
  u64 base;                  // physical
};

static u32 before_device(struct device *d, u64 offset, u32 size, bool write) {
  u32 pc = fast_locate(d->f, (u32)(d->base + offset), size, write, true);
  fast_sync_at(d->f, pc);
  return pc;
}

u64 fast_device_read(void *uc, u64 offset, u32 size, void *user) {
  struct device *d = user;
  before_device(d, offset, size, false);
  return d->read(uc, offset, size, NULL);
}

// A device that stops the machine does so behind its store, not at the end of the block.
void fast_device_write(void *uc, u64 offset, u32 size, u64 value, void *user) {
  struct device *d = user;
  struct fast *f = d->f;
  u32 pc = before_device(d, offset, size, true);
  d->write(uc, offset, size, value, NULL);
  if (!f->shared->stop || f->precise || pc + 4 >= f->block_end) return;
  f->icount -= (f->block_end - pc - 4) >> 2;
  f->block_end = pc + 4;
  *env32(f, f->at.pc) = pc + 4;
  *env32(f, f->at.hflags) &= ~f->at.hflags_branch;
  f->loop_exit(f->cpu);
}

static bool is_branch(u32 w) {
  u32 op = w >> 26, function = w & 0x3f;
  if (op == 0) return function == 8 || function == 9;
  if (op == 0x11) return (w >> 21 & 31) == 8; // bc1f, bc1t
  return (op >= 1 && op <= 7) || (op >= 0x14 && op <= 0x17) || op == 0x1d;
}

// Nobody is at this address: a data bus error of the access being made.
static void bus_error(struct device *d, u64 offset, u32 size, bool write) {
  struct fast *f = d->f;
  struct cpu_shared *s = f->shared;
  u32 pc = before_device(d, offset, size, write), previous, *cause = env32(f, f->at.cause);
  u32 status = *env32(f, f->at.status);
  if (f->precise) {
    d->write(f->uc, offset, size, 0, NULL);
    return;
  }
  bool delay_slot = fast_fetch(f, pc - 4, &previous) && is_branch(previous);
  if (!(status & STATUS_EXL)) {
    *env32(f, f->at.epc) = delay_slot ? pc - 4 : pc;
    *cause = delay_slot ? *cause | CAUSE_BD : *cause & ~CAUSE_BD;
  }
  *cause = (*cause & ~0x3000007cu) | 7 << 2;
  *env32(f, f->at.pc) = vector_base(f->env, &f->at) + 0x180;
  *env32(f, f->at.hflags) &= ~f->at.hflags_branch;
  u32 flags = (delay_slot ? EXC_DELAY_SLOT : 0) | (status & STATUS_EXL ? EXC_NESTED : 0);
  status |= STATUS_EXL;
  f->reg_write(f->uc, REG_CP0_STATUS, &status);
  f->icount = s->instructions;
  f->block_pc = f->block_end = 1;
  f->timer.force_boundary = 1;
  s->exceptions[7]++;
  if (s->observe) {
    s->exc_code = 7;
    s->exc_flags = flags;
    s->exc_pc = pc;
    s->exc_epc = *env32(f, f->at.epc);
    s->exc_bad_vaddr = *env32(f, f->at.bad_vaddr);
    f->on_exception(f->uc, 7, f);
  }
  f->loop_exit(f->cpu);
}

u64 fast_hole_read(void *uc, u64 offset, u32 size, void *user) {
  (void)uc;
  bus_error(user, offset, size, false);
  return 0;
}

void fast_hole_write(void *uc, u64 offset, u32 size, u64 value, void *user) {
  (void)uc, (void)value;
  bus_error(user, offset, size, true);
}

// ---- memory hooks ---------------------------------------------------------------------------------------------------

// A map of the 4 KB pages of virtual memory, a bit each, and whom to call for accesses to those whose bit is set.
struct fast_watch {
  void (*callback)(void *uc, int type, u64 address, int size, int64_t value, void *user);
  void *user;
  struct fast *f;
  u64 reserved;
  u8 pages[1 << 17];
};

enum { MEM_WRITE = 17 };

void fast_memory(void *uc, int type, u64 address, int size, int64_t value, void *user) {
  struct fast_watch *watch = user;
  u32 page = (u32)address >> 12;
  if (__builtin_expect(!(watch->pages[page >> 3] >> (page & 7) & 1), 1)) return;
  fast_sync_at(watch->f, fast_locate(watch->f, (u32)address, (u32)size, type == MEM_WRITE, false));
  watch->callback(uc, type, address, size, value, watch->user);
}

// For the host: sizes and offsets that it must agree on.
u32 fast_layout(u32 index) {
  static const u32 layout[] = {
      sizeof(struct fast),
      offsetof(struct fast, at),
      offsetof(struct fast, little_endian),
      offsetof(struct fast, budget),
      offsetof(struct fast, timer),
      offsetof(struct fast, icount),
      offsetof(struct fast, blocks),
      offsetof(struct fast, hooked_count),
      sizeof(struct device),
      sizeof(struct fast_watch),
      sizeof(struct watched),
  };
  return index < sizeof layout / sizeof *layout ? layout[index] : 0;
}
