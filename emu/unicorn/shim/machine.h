// What the fast path (fast.c) and the portable hooks (shim.c) share: places in the engine's registers, the TLB, virtual time, Count and Compare,
// interrupts. For WebAssembly too: no stack, no library. emu/mips/timer.ts holds the same in TypeScript.
//
// What "now" means is the same on every path: an instruction counts when it starts, time is made of instructions, and events and
// interrupts are looked at where the program counter did not go on to the next word (after a taken branch with its delay slot, after
// eret, at an exception vector).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

// Pointers lie 8 bytes apart on every host, so that the host knows one layout; WebAssembly's have 4 bytes.
#define HOST _Alignas(8)

enum { REG_PC = 1, REG_GPR0 = 2, REG_CP0_STATUS = 139 }; // of unicorn/mips.h
enum { EXC_NO_MATCH = 1, EXC_DELAY_SLOT = 2, EXC_FETCH = 4, EXC_NESTED = 8 };
enum { ERROR_NO_MATCH = 1, ERROR_FETCH = 2 };
enum { STATUS_IE = 1, STATUS_EXL = 2, STATUS_ERL = 4 };
#define STATUS_BEV (1u << 22)
#define CAUSE_BD (1u << 31)
#define CAUSE_TI (1u << 30)
#define CAUSE_IV (1u << 23)
#define CAUSE_IP7 (1u << 15)
#define NEVER (~0ull)
enum { TLB_INSTRUCTION = 0x42000000, TLBWI = 0x42000002, TLBWR = 0x42000006, TLB_MAX = 128, TLB_NO_MATCH = 1 << 15 }; // QEMU's MIPS_TLB_MAX; EHINV in the flags of an entry

// Offsets from the first general register, in bytes (emu/mips/places.ts finds them).
struct places {
  u32 pc, bad_vaddr, entry_hi, status, int_ctl, cause, epc, ebase, compare, error_code, hflags, tlb;
  u32 tlb_entries;           // offset of entry 0 in the TLB
  u32 hflags_branch;         // bits of hflags: a delay slot is next
  u32 context;
};

// Virtual time of one guest, in nanoseconds.
struct timer {
  // Written by the host before the first run.
  u32 alive;                 // Count, Compare and interrupts are there
  u32 ns_per_instruction;
  u32 count_ns;              // per step of Count
  u32 count_base;            // what Count shows at time 0
  // Shared while running.
  u64 skew_ns;               // time that passed without instructions
  u64 event_ns;              // when the host wants to be called
  u64 compare_ns;            // when Count reaches Compare, NEVER before Compare is written
  u64 next_event;            // instructions at which to look at events
  u64 interrupts, timer_interrupts;
  u32 resched;               // skew or event changed: work out next_event again
  u32 force_boundary;        // look at events and interrupts before the next instruction
  u32 count_rt;              // general register that gets Count when the instruction is over, plus one; 0 for none
  u32 count_value;
};

static inline u32 *reg32(u8 *env, u32 at) { return (u32 *)(env + at); }

// ---- translation ----------------------------------------------------------------------------------------------------

#define NOWHERE 0xffffffffu

// Physical address of a virtual one as the TLB has it now, without disturbing it; NOWHERE when nothing valid matches.
static inline u32 translate(u8 *env, const struct places *at, u32 va) {
  if (va >> 30 == 2) return va & 0x1fffffff;
  if (va < 0x80000000u && (*reg32(env, at->status) & STATUS_ERL)) return va;
  const u8 *tlb = *(u8 **)(env + at->tlb);
  u32 in_use = ((const u32 *)tlb)[1], asid = *reg32(env, at->entry_hi) & 0xff;
  for (u32 i = 0; i < in_use; i++) {
    const u32 *entry = (const u32 *)(tlb + at->tlb_entries + 40 * i);
    u32 mask = entry[1] | 0x1fff;
    if (((entry[0] ^ va) & ~mask) || (entry[4] & TLB_NO_MATCH)) continue;
    if (!(entry[4] & 1) && (entry[2] & 0xff) != asid) continue;
    u32 odd = (va & (mask ^ mask >> 1)) != 0;
    return entry[4] >> (7 + odd) & 1 ? entry[6 + 2 * odd] | (va & mask >> 1) : NOWHERE;
  }
  return NOWHERE;
}

// ---- time -----------------------------------------------------------------------------------------------------------

static inline u64 now_ns(const struct timer *t, u64 instructions) { return instructions * t->ns_per_instruction + t->skew_ns; }

static inline void reschedule(struct timer *t) {
  u64 at = t->event_ns < t->compare_ns ? t->event_ns : t->compare_ns;
  t->resched = 0;
  if (at == NEVER) t->next_event = NEVER;
  else if (at <= t->skew_ns) t->next_event = 0;
  else t->next_event = (at - t->skew_ns + t->ns_per_instruction - 1) / t->ns_per_instruction;
}

static inline u32 count_at(const struct timer *t, u64 instructions) {
  return (u32)(now_ns(t, instructions) / t->count_ns) + t->count_base;
}

static inline void arm_compare(struct timer *t, u8 *env, const struct places *at, u64 instructions) {
  u32 distance = *reg32(env, at->compare) - count_at(t, instructions);
  u64 ticks = distance ? distance : 1ull << 32;
  t->compare_ns = (now_ns(t, instructions) / t->count_ns + ticks) * t->count_ns;
  reschedule(t);
}

// What is due at `instructions`; true when the host is to be called, whose part comes last: it may change everything. reschedule() then.
static inline bool events_due(struct timer *t, u8 *env, const struct places *at, u64 instructions) {
  u64 now = now_ns(t, instructions);
  if (t->compare_ns <= now) { // Count has reached Compare
    *reg32(env, at->cause) |= CAUSE_TI | CAUSE_IP7;
    t->compare_ns += (1ull << 32) * t->count_ns;
  }
  t->resched = 1;
  if (t->event_ns > now) return false;
  t->event_ns = NEVER;
  return true;
}

// ---- Count and Compare ----------------------------------------------------------------------------------------------

// mfc0, mtc0 of Count and Compare, rdhwr of Count: the engine knows nothing of them.
static inline bool is_count(u32 w) { return (w & 0xff60efff) == 0x40004800 || (w & 0xffe0ffff) == 0x7c00103b; }

// Such an instruction starts; `before` have started before it. What it reads is in its register when answer_count() has been called.
static inline void count_instruction(struct timer *t, u8 *env, const struct places *at, u32 w, u64 before) {
  u32 rt = w >> 16 & 31, rd = w >> 11 & 31;
  if (w >> 26 == 0x1f) rd = 9; // rdhwr
  else if (w >> 23 & 1) {
    if (rd == 9) {
      t->count_base += *reg32(env, 4 * rt) - count_at(t, before);
      if (t->compare_ns != NEVER) arm_compare(t, env, at, before);
    } else {
      *reg32(env, at->compare) = *reg32(env, 4 * rt);
      *reg32(env, at->cause) &= ~(CAUSE_TI | CAUSE_IP7);
      arm_compare(t, env, at, before);
    }
    return;
  }
  if (rd != 9) return; // mfc0 Compare reads what was put there
  t->count_rt = rt + 1;
  t->count_value = count_at(t, before);
}

// Before the next instruction.
static inline void answer_count(struct timer *t, u8 *env) {
  if (t->count_rt > 1) *reg32(env, 4 * (t->count_rt - 1)) = t->count_value;
  t->count_rt = 0;
}

// ---- interrupts -----------------------------------------------------------------------------------------------------

static inline bool interrupt_pending(u8 *env, const struct places *at) {
  u32 status = *reg32(env, at->status);
  return (status & (STATUS_IE | STATUS_EXL | STATUS_ERL)) == STATUS_IE && (status & *reg32(env, at->cause) & 0xff00);
}

// Where exception vectors begin.
static inline u32 vector_base(u8 *env, const struct places *at) {
  return *reg32(env, at->status) & STATUS_BEV ? 0xbfc00200u : *reg32(env, at->ebase) & ~0xfffu;
}

// Enters the interrupt exception before the instruction at `pc` (MD00090 volume III, interrupts), but for Status.EXL and the program
// counter, which goes to the address returned.
static inline u32 enter_interrupt(struct timer *t, u8 *env, const struct places *at, u32 pc) {
  u32 *cause = reg32(env, at->cause), vector = vector_base(env, at);
  u32 pending = *reg32(env, at->status) & *cause & 0xff00;
  if (pending & CAUSE_IP7) t->timer_interrupts++;
  t->interrupts++;
  t->force_boundary = 1;
  *reg32(env, at->epc) = pc;
  if (*cause & CAUSE_IV) {
    u32 spacing = *reg32(env, at->int_ctl) & 0x3e0;
    vector += 0x200 + (spacing ? spacing * (31 - __builtin_clz(pending >> 8)) : 0);
  } else {
    vector += 0x180;
  }
  *cause &= ~(CAUSE_BD | 0x7c);
  return vector;
}
