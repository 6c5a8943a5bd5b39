// Finds accesses through stale translations, in whatever kernel runs. A TLB entry of a software-refilled TLB is what the kernel's own
// refill handler makes of words in memory. So the kernel itself is asked, in a sandbox: when an entry is written, its handler is run
// by an interpreter on a copy of the registers, with stores kept aside, to see which words the entry comes from; when one of those
// words has another value at an access, the handler is asked again. No page table format is known here, and no kernel.
//
//   tlbwi, tlbwr    -> refill() for the address: the same EntryLo? then the loads behind it are the entry's words; loads of the handler
//                      that go through the TLB themselves (linear page tables) take with them the words behind that translation
//   load, store     -> the words as they were? nothing to do. Else refill() twice: along the old path (root, directory as they
//                      were) and along the present one. Both disagree with the entry: the translation is stale.
//   tlbwr           -> the entry that it throws out is remembered until the kernel flushes it: which one goes is chance, so that a refill of the
//                      same page from other words is a missing flush, too, even where the old translation is gone
//
// MIPS32 Privileged Resource Architecture (MD00090) for registers and TLB; MD00086 for instructions.

#include "fast.h"

enum { TLB_WORDS = 10, WORDS = 24, OVERLAY = 256, STEPS = 20000, STACK_SOURCES = 64, WINDOWS = 4, EVICTED = 256 };
enum { MEM_WRITE = 17 };
enum { ANSWERED = 0x80000000 }; // an address that cannot miss
enum kind { STALE, PERMISSION, ASID_REUSE, DUPLICATE, STALE_CODE, REFUSED, UNFLUSHED, KINDS };

// A word that an entry was made from: physical address, value when the entry was written, value at the last look.
struct source {
  u32 pa, filled, seen;
  u32 is_data;               // its value went into EntryLo; else into the address of one that did
};

struct entry_info {
  u64 filled_at;             // instructions started
  u32 fill_pc, fill_ra, fill_epc;
  u32 known;                 // 0 never written, 1 its words are known, 2 they cannot be told
  u32 nested;                // written in answer to a miss of the refill handler itself
  u32 count;
  u32 verdict[2];            // of each page: bit of each kind
  struct source words[WORDS];
  // An access that it refused although the kernel would allow it: harmless when the kernel's handler mends the entry, as it does with
  // a page of a pair that became valid.
  u64 refused_at;            // instructions started; 0: none since it was written
  u32 refused_va, refused_pc, refused_write, refused_lo;
  u32 refused_gpr[32];
};

// Which of the loads a value or an address comes from: a bit each.
struct taint {
  u64 data, path;
};

struct load_record {
  u32 pa, value;
};

// A translation that the kernel's handler has made in the sandbox, for loads of another handler.
struct window {
  u32 page, mask, lo[2];     // mask: of the pair
  struct taint taint[2];
};

struct sandbox {
  HOST struct fast *f;
  HOST struct check *c;
  u32 reg[34];               // general registers, HI, LO
  struct taint taint[34];
  u32 entry_lo[2], entry_hi, page_mask, index, context, bad_vaddr, epc, cause, status;
  struct taint lo_taint[2];
  u32 loads;
  struct load_record load[STACK_SOURCES];
  u32 stores;
  struct { u32 pa, value; struct taint taint; } store[OVERLAY];
  u32 windows;
  struct window window[WINDOWS];
  bool fresh;                // mapped loads go by what the handler would make of the tables now, not by the TLB, wired entries excepted
  bool mapped;               // something was loaded or stored through the TLB
  bool missed;               // the last load or store found no translation
  u32 missed_va, missed_write;
  u32 forced;                // words that are to have another value than RAM has
  struct { u32 pa, value; } force[WORDS];
};

// A translation that tlbwr threw out and that the kernel has not flushed since.
struct evicted {
  struct entry_info info;
  u32 copy[TLB_WORDS];
};

// Byte offsets from the first general register, as places.
struct check_places {
  u32 index, entry_lo0, entry_lo1, page_mask, wired, context, kscratch[6], user_local, hi, lo;
};

struct check {
  HOST struct fast *f;
  HOST void (*report)(void *uc, u32 kind, void *user);
  HOST void (*looked)(void *uc, u32 entry, void *user); // or none: told about every access and jump through the TLB
  HOST struct check_places at;
  u32 cache_enabled;
  u32 reserved0;
  // The report being made.
  u32 kind, va, pa, pc, write, size, value, entry, now_lo, reserved;
  u64 at_instruction;
  // Counts.
  u64 accesses, code_blocks, writes, unknown_writes, unknown_accesses, refills, failed_refills, second_looks;
  u64 reports[KINDS];
  u32 in_use;                // as at the last look
  u32 pending;               // a tlbwi or tlbwr was about to run: look at the TLB
  u32 pending_index;         // entry that tlbwi writes; ~0 for tlbwr
  u32 failed_pc, failed_word; // where the sandbox could not follow last
  u32 nested_miss;           // the miss taken last came while another exception was being handled
  u32 miss_va, miss_write, miss_pc;
  u32 look_va, look_how, look_verdict; // what `looked` is told: 0 load, 1 store, 2 jump; bits of the kinds, ~0 for an entry that is left out
  u32 last_flush_vpn, last_flush_pc;
  u64 last_flush_at, flushes;
  struct entry_info next;    // of the entry about to be written
  struct entry_info info[TLB_MAX];
  u32 copy[TLB_MAX][TLB_WORDS];
  struct evicted evicted[EVICTED];
  u32 next_evicted;
  u64 gone_through;          // entries, a bit each, that the kernel has invalidated or read in a row
  struct sandbox first, second;
};

// ---- the TLB --------------------------------------------------------------------------------------------------------

static inline u32 *tlb_header(struct fast *f) { return *(u32 **)(f->env + f->at.tlb); }
static inline u32 *tlb_entry(struct fast *f, u32 i) {
  return (u32 *)((u8 *)tlb_header(f) + f->at.tlb_entries + 4 * TLB_WORDS * i);
}
static inline u32 entry_mask(const u32 *e) { return e[1] | 0x1fff; }
static inline bool entry_global(const u32 *e) { return e[4] & 1; }
static inline bool entry_none(const u32 *e) { return e[4] >> 15 & 1; }
static inline bool entry_valid(const u32 *e, u32 odd) { return e[4] >> (7 + odd) & 1; }
static inline bool entry_dirty(const u32 *e, u32 odd) { return e[4] >> (9 + odd) & 1; }
static inline u32 entry_frame(const u32 *e, u32 odd) { return e[6 + 2 * odd]; }
static inline u32 odd_page(const u32 *e, u32 va) {
  u32 mask = entry_mask(e);
  return (va & (mask ^ mask >> 1)) != 0;
}

static bool same_entry(const u32 *a, const u32 *b) {
  for (u32 i = 0; i < TLB_WORDS; i++)
    if (a[i] != b[i]) return false;
  return true;
}

static int match(struct fast *f, u32 va) {
  u32 in_use = tlb_header(f)[1], asid = *env32(f, f->at.entry_hi) & 0xff;
  for (u32 i = 0; i < in_use; i++) {
    const u32 *e = tlb_entry(f, i);
    if (((e[0] ^ va) & ~entry_mask(e)) || entry_none(e)) continue;
    if (!entry_global(e) && (e[2] & 0xff) != asid) continue;
    return (int)i;
  }
  return -1;
}

// ---- the sandbox ----------------------------------------------------------------------------------------------------

static bool overlaid(struct sandbox *s, u32 pa, u32 *value, struct taint *taint) {
  for (u32 i = s->stores; i-- > 0;)
    if (s->store[i].pa == pa) {
      *value = s->store[i].value;
      *taint = s->store[i].taint;
      return true;
    }
  return false;
}

// The aligned word at a physical address, with where it comes from.
static bool load_word(struct sandbox *s, u32 pa, struct taint base, u32 *value, struct taint *taint) {
  if (pa >= s->f->shared->ram_bytes) return false;
  if (overlaid(s, pa, value, taint)) {
    taint->path |= base.data | base.path;
    return true;
  }
  *value = word(s->f, *(u32 *)(s->f->ram + pa));
  for (u32 i = 0; i < s->forced; i++)
    if (s->force[i].pa == pa) *value = s->force[i].value;
  u32 n = 0;
  while (n < s->loads && s->load[n].pa != pa) n++;
  if (n == s->loads) {
    if (n == STACK_SOURCES) return false;
    s->load[s->loads++] = (struct load_record){pa, *value};
  }
  taint->data = 1ull << n;
  taint->path = base.data | base.path;
  return true;
}

static bool store_word(struct sandbox *s, u32 pa, u32 value, struct taint taint) {
  if (pa >= s->f->shared->ram_bytes) return false;
  for (u32 i = 0; i < s->stores; i++)
    if (s->store[i].pa == pa) {
      s->store[i].value = value;
      s->store[i].taint = taint;
      return true;
    }
  if (s->stores == OVERLAY) return false;
  s->store[s->stores].pa = pa;
  s->store[s->stores].value = value;
  s->store[s->stores++].taint = taint;
  return true;
}

static inline u32 shift_of(struct sandbox *s, u32 pa, u32 bytes) {
  u32 lane = pa & 3;
  return 8 * (s->f->little_endian ? lane : 4 - bytes - lane);
}

// By the entry that the kernel has wired, if there is one.
static bool wired(struct sandbox *s, u32 va, u32 *pa) {
  u32 wired = *env32(s->f, s->c->at.wired);
  for (u32 i = 0; i < wired && i < s->f->tlb_visible; i++) {
    const u32 *e = tlb_entry(s->f, i);
    if (((e[0] ^ va) & ~entry_mask(e)) || entry_none(e)) continue;
    if (!entry_global(e) && (e[2] & 0xff) != (s->entry_hi & 0xff)) continue;
    return fast_translate(s->f, va, pa);
  }
  return false;
}

static inline bool lo_valid(u32 lo) { return lo & 2; }
static inline bool lo_dirty(u32 lo) { return lo & 4; }
static inline u32 lo_frame(u32 lo, u32 mask) { return lo << 6 & ~(mask >> 1) & 0xfffff000u; }

// Where an address of the handler is. A translation that is missing is for its own handler to make: `missed`.
static bool place(struct sandbox *s, u32 va, bool write, u32 *pa, struct taint *from) {
  if (va >> 30 == 2) return fast_translate(s->f, va, pa);
  s->mapped = true;
  for (u32 i = 0; i < s->windows; i++) {
    struct window *w = &s->window[i];
    if ((va ^ w->page) & ~w->mask) continue;
    u32 odd = (va & (w->mask ^ w->mask >> 1)) != 0, page = w->mask >> 1;
    if (!lo_valid(w->lo[odd]) || (write && !lo_dirty(w->lo[odd]))) return false;
    *pa = lo_frame(w->lo[odd], w->mask) | (va & page);
    from->path |= w->taint[odd].data | w->taint[odd].path;
    return true;
  }
  if (s->fresh ? wired(s, va, pa) : fast_translate(s->f, va, pa)) return true;
  s->missed = true;
  s->missed_va = va;
  s->missed_write = write;
  return false;
}

static bool memory(struct sandbox *s, u32 w) {
  u32 op = w >> 26, rt = w >> 16 & 31, base = w >> 21 & 31, va = s->reg[base] + (u32)(int32_t)(int16_t)w, pa, value;
  struct taint taint, from = s->taint[base];
  if (op == 0x33 || op == 0x2f) return true; // pref, cache
  if (!place(s, va, op >= 0x28 && op != 0x30, &pa, &from)) return false;
  u32 aligned = pa & ~3u;
  if (op == 0x2b || op == 0x38) { // whole words: what was there does not matter
    if (!store_word(s, aligned, s->reg[rt], s->taint[rt])) return false;
    if (op == 0x38 && rt) s->reg[rt] = 1, s->taint[rt] = (struct taint){0, 0};
    return true;
  }
  if (!load_word(s, aligned, from, &value, &taint)) return false;
  u32 bytes = (op & 3) == 0 ? 1 : (op & 3) == 1 ? 2 : 4;
  u32 shift = shift_of(s, pa, bytes), lane = s->f->little_endian ? pa & 3 : 3 - (pa & 3);
  switch (op) {
  case 0x20: value = (u32)(int32_t)(int8_t)(value >> shift); break;
  case 0x21: value = (u32)(int32_t)(int16_t)(value >> shift); break;
  case 0x24: value = value >> shift & 0xff; break;
  case 0x25: value = value >> shift & 0xffff; break;
  case 0x23: case 0x30: break;
  case 0x22: case 0x26: { // lwl, lwr: parts of two words
    u32 old = s->reg[rt];
    if (op == 0x22) value = value << (8 * (3 - lane)) | (lane == 3 ? 0 : old & (0xffffffffu >> (8 * (lane + 1))));
    else value = value >> (8 * lane) | (lane == 0 ? 0 : old & ~(0xffffffffu >> (8 * lane)));
    taint.data |= s->taint[rt].data;
    taint.path |= s->taint[rt].path;
    break;
  }
  case 0x28: case 0x29: {
    u32 mask = ((1u << 8 * bytes) - 1) << shift;
    taint.data |= s->taint[rt].data;
    taint.path |= s->taint[rt].path;
    return store_word(s, aligned, (value & ~mask) | (s->reg[rt] << shift & mask), taint);
  }
  default: return false;
  }
  if (rt) s->reg[rt] = value, s->taint[rt] = taint;
  return true;
}

static struct taint both(struct sandbox *s, u32 a, u32 b) {
  return (struct taint){s->taint[a].data | s->taint[b].data, s->taint[a].path | s->taint[b].path};
}

enum { HI = 32, LO = 33 };

static bool special(struct sandbox *s, u32 w) {
  u32 rs = w >> 21 & 31, rt = w >> 16 & 31, rd = w >> 11 & 31, sa = w >> 6 & 31;
  u32 a = s->reg[rs], b = s->reg[rt], value;
  struct taint taint = both(s, rs, rt);
  switch (w & 0x3f) {
  case 0x00: value = b << sa; taint = s->taint[rt]; break;
  case 0x02: value = rs & 1 ? b >> sa | b << (-sa & 31) : b >> sa; taint = s->taint[rt]; break;
  case 0x03: value = (u32)((int32_t)b >> sa); taint = s->taint[rt]; break;
  case 0x04: value = b << (a & 31); break;
  case 0x06: value = sa & 1 ? b >> (a & 31) | b << (-a & 31) : b >> (a & 31); break;
  case 0x07: value = (u32)((int32_t)b >> (a & 31)); break;
  case 0x0a: if (b) return true; value = a; break;
  case 0x0b: if (!b) return true; value = a; break;
  case 0x0f: case 0x30: case 0x31: case 0x32: case 0x33: case 0x34: case 0x36: return true; // sync, traps that are not meant to come
  case 0x10: value = s->reg[HI]; taint = s->taint[HI]; break;
  case 0x12: value = s->reg[LO]; taint = s->taint[LO]; break;
  case 0x11: s->reg[HI] = a, s->taint[HI] = s->taint[rs]; return true;
  case 0x13: s->reg[LO] = a, s->taint[LO] = s->taint[rs]; return true;
  case 0x18: case 0x19: {
    u64 product = w & 1 ? (u64)a * b : (u64)((int64_t)(int32_t)a * (int32_t)b);
    s->reg[LO] = (u32)product, s->reg[HI] = (u32)(product >> 32), s->taint[LO] = s->taint[HI] = taint;
    return true;
  }
  case 0x1a:
    if (!b || (a == 0x80000000u && b == 0xffffffffu)) return false;
    s->reg[LO] = (u32)((int32_t)a / (int32_t)b), s->reg[HI] = (u32)((int32_t)a % (int32_t)b), s->taint[LO] = s->taint[HI] = taint;
    return true;
  case 0x1b:
    if (!b) return false;
    s->reg[LO] = a / b, s->reg[HI] = a % b, s->taint[LO] = s->taint[HI] = taint;
    return true;
  case 0x20: case 0x21: value = a + b; break;
  case 0x22: case 0x23: value = a - b; break;
  case 0x24: value = a & b; break;
  case 0x25: value = a | b; break;
  case 0x26: value = a ^ b; break;
  case 0x27: value = ~(a | b); break;
  case 0x2a: value = (int32_t)a < (int32_t)b; break;
  case 0x2b: value = a < b; break;
  default: return false;
  }
  if (rd) s->reg[rd] = value, s->taint[rd] = taint;
  return true;
}

static bool special2(struct sandbox *s, u32 w) {
  u32 rs = w >> 21 & 31, rt = w >> 16 & 31, rd = w >> 11 & 31, a = s->reg[rs], value;
  switch (w & 0x3f) {
  case 0x02: value = a * s->reg[rt]; break;
  case 0x20: value = a ? (u32)__builtin_clz(a) : 32; break;
  case 0x21: value = ~a ? (u32)__builtin_clz(~a) : 32; break;
  default: return false;
  }
  if (rd) s->reg[rd] = value, s->taint[rd] = both(s, rs, rt);
  return true;
}

static bool special3(struct sandbox *s, u32 w) {
  u32 rs = w >> 21 & 31, rt = w >> 16 & 31, msb = w >> 11 & 31, lsb = w >> 6 & 31, target = rt, value;
  struct taint taint = s->taint[rs];
  switch (w & 0x3f) {
  case 0x00: value = s->reg[rs] >> lsb & (msb == 31 ? 0xffffffffu : (1u << (msb + 1)) - 1); break;
  case 0x04: {
    if (msb < lsb) return false;
    u32 mask = (msb - lsb == 31 ? 0xffffffffu : (1u << (msb - lsb + 1)) - 1) << lsb;
    value = (s->reg[rt] & ~mask) | (s->reg[rs] << lsb & mask);
    taint = both(s, rs, rt);
    break;
  }
  case 0x20:
    target = msb; // rd
    taint = s->taint[rt];
    switch (lsb) {
    case 0x02: value = (s->reg[rt] & 0x00ff00ff) << 8 | (s->reg[rt] >> 8 & 0x00ff00ff); break;
    case 0x10: value = (u32)(int32_t)(int8_t)s->reg[rt]; break;
    case 0x18: value = (u32)(int32_t)(int16_t)s->reg[rt]; break;
    default: return false;
    }
    break;
  default: return false;
  }
  if (target) s->reg[target] = value, s->taint[target] = taint;
  return true;
}

enum outcome { GOES_ON, FAILED, WRITTEN };

static u32 *cp0_of(struct sandbox *s, u32 rd, u32 sel) {
  struct check *c = s->c;
  u32 at = 0;
  switch (rd << 3 | sel) {
  case 0 << 3: return &s->index;
  case 2 << 3: return &s->entry_lo[0];
  case 3 << 3: return &s->entry_lo[1];
  case 4 << 3: return &s->context;
  case 5 << 3: return &s->page_mask;
  case 8 << 3: return &s->bad_vaddr;
  case 10 << 3: return &s->entry_hi;
  case 12 << 3: return &s->status;
  case 13 << 3: return &s->cause;
  case 14 << 3: return &s->epc;
  case 4 << 3 | 2: at = c->at.user_local; break;
  case 6 << 3: at = c->at.wired; break;
  case 15 << 3 | 1: at = s->f->at.ebase; break;
  case 12 << 3 | 1: at = s->f->at.int_ctl; break;
  case 11 << 3: at = s->f->at.compare; break;
  case 31 << 3 | 2: case 31 << 3 | 3: case 31 << 3 | 4: case 31 << 3 | 5: case 31 << 3 | 6: case 31 << 3 | 7:
    at = c->at.kscratch[sel - 2];
    break;
  }
  return at ? env32(s->f, at) : NULL;
}

static enum outcome coprocessor(struct sandbox *s, u32 w) {
  u32 rs = w >> 21 & 31, rt = w >> 16 & 31, rd = w >> 11 & 31, sel = w & 7;
  if (rs & 0x10) {
    switch (w & 0x3f) {
    case 0x02: case 0x06: return WRITTEN; // tlbwi, tlbwr
    case 0x08: { // tlbp: entries that the guest can see
      struct fast *f = s->f;
      s->index = 0x80000000u;
      for (u32 i = 0; i < f->tlb_visible; i++) {
        const u32 *e = tlb_entry(f, i);
        if (((e[0] ^ s->entry_hi) & ~entry_mask(e)) || entry_none(e)) continue;
        if (!entry_global(e) && (e[2] & 0xff) != (s->entry_hi & 0xff)) continue;
        s->index = i;
        break;
      }
      return GOES_ON;
    }
    default: return FAILED;
    }
  }
  if (rs == 0x0b) { // di, ei
    if (rt) s->reg[rt] = s->status, s->taint[rt] = (struct taint){0, 0};
    return GOES_ON;
  }
  if (rs == 0) { // mfc0
    u32 value;
    if (rd == 1 && sel == 0) value = s->f->tlb_visible - 1; // Random: any will do
    else if (rd == 9 && sel == 0) value = 0;
    else {
      u32 *from = cp0_of(s, rd, sel);
      if (!from) return FAILED;
      value = *from;
    }
    if (rt) {
      s->reg[rt] = value;
      s->taint[rt] = rd == 2 || rd == 3 ? s->lo_taint[rd - 2] : (struct taint){0, 0};
    }
    return GOES_ON;
  }
  if (rs == 4) { // mtc0: only what belongs to the sandbox
    switch (rd << 3 | sel) {
    case 2 << 3: case 3 << 3:
      s->entry_lo[rd - 2] = s->reg[rt];
      s->lo_taint[rd - 2] = s->taint[rt];
      return GOES_ON;
    case 0 << 3: s->index = s->reg[rt]; return GOES_ON;
    case 4 << 3: s->context = s->reg[rt]; return GOES_ON;
    case 5 << 3: s->page_mask = s->reg[rt]; return GOES_ON;
    case 10 << 3: s->entry_hi = s->reg[rt]; return GOES_ON;
    case 12 << 3: s->status = s->reg[rt]; return GOES_ON;
    case 14 << 3: s->epc = s->reg[rt]; return GOES_ON;
    case 13 << 3: s->cause = s->reg[rt]; return GOES_ON;
    case 8 << 3: case 9 << 3: case 11 << 3: case 1 << 3: return GOES_ON;
    default: return rd == 31 ? FAILED : GOES_ON;
    }
  }
  return FAILED;
}

// The registers as an exception for `va` leaves them.
static void fault(struct sandbox *s, u32 va, bool write) {
  struct fast *f = s->f;
  struct check *c = s->c;
  __builtin_memcpy(s->reg, f->env, 32 * 4);
  s->reg[HI] = s->reg[LO] = 0;
  __builtin_memset(s->taint, 0, sizeof s->taint);
  __builtin_memset(s->lo_taint, 0, sizeof s->lo_taint);
  s->entry_lo[0] = s->entry_lo[1] = 0;
  s->entry_hi = (va & 0xffffe000u) | (*env32(f, f->at.entry_hi) & 0xff);
  s->page_mask = *env32(f, c->at.page_mask);
  s->index = *env32(f, c->at.index);
  s->context = (*env32(f, c->at.context) & 0xff800000u) | (va >> 9 & 0x007ffff0u);
  s->bad_vaddr = va;
  s->epc = f->precise ? f->shared->pc : f->block_pc;
  s->cause = (write ? 3 : 2) << 2;
  s->status = *env32(f, f->at.status) | STATUS_EXL;
  s->missed = false;
}

// Runs a handler from `pc` until it writes an entry; false when it goes where the sandbox cannot follow.
static bool follow(struct sandbox *s, u32 pc) {
  struct fast *f = s->f;
  struct check *c = s->c;
  u32 next = pc + 4;
  u32 w = 0;
  for (u32 step = 0; step < STEPS; step++) {
    u32 after = next + 4;
    if (!fast_fetch(f, pc, &w)) goto failed;
    u32 op = w >> 26, rs = w >> 21 & 31, rt = w >> 16 & 31, target = pc + 4 + ((u32)(int32_t)(int16_t)w << 2);
    bool taken = false, likely = false, branch = false;
    u32 a = s->reg[rs], b = s->reg[rt];
    switch (op) {
    case 0x00:
      if ((w & 0x3f) == 8 || (w & 0x3f) == 9) {
        branch = taken = true;
        target = a;
        u32 rd = w >> 11 & 31;
        if ((w & 0x3f) == 9 && rd) s->reg[rd] = pc + 8, s->taint[rd] = (struct taint){0, 0};
      } else if (!special(s, w)) goto failed;
      break;
    case 0x01:
      branch = true;
      if (rt & 0x10) s->reg[31] = pc + 8, s->taint[31] = (struct taint){0, 0};
      if ((rt & 0x0c) != 0) {
        if (rt == 0x1f) { branch = false; break; } // synci
        goto failed;
      }
      taken = (rt & 1) ? (int32_t)a >= 0 : (int32_t)a < 0;
      likely = rt & 2;
      break;
    case 0x03: s->reg[31] = pc + 8, s->taint[31] = (struct taint){0, 0}; // fall through
    case 0x02: branch = taken = true; target = (pc & 0xf0000000u) | (w & 0x3ffffff) << 2; break;
    case 0x14: case 0x04: branch = true; taken = a == b; likely = op & 0x10; break;
    case 0x15: case 0x05: branch = true; taken = a != b; likely = op & 0x10; break;
    case 0x16: case 0x06: branch = true; taken = (int32_t)a <= 0; likely = op & 0x10; break;
    case 0x17: case 0x07: branch = true; taken = (int32_t)a > 0; likely = op & 0x10; break;
    case 0x08: case 0x09: if (rt) s->reg[rt] = a + (u32)(int32_t)(int16_t)w, s->taint[rt] = s->taint[rs]; break;
    case 0x0a: if (rt) s->reg[rt] = (int32_t)a < (int32_t)(int16_t)w, s->taint[rt] = s->taint[rs]; break;
    case 0x0b: if (rt) s->reg[rt] = a < (u32)(int32_t)(int16_t)w, s->taint[rt] = s->taint[rs]; break;
    case 0x0c: if (rt) s->reg[rt] = a & (w & 0xffff), s->taint[rt] = s->taint[rs]; break;
    case 0x0d: if (rt) s->reg[rt] = a | (w & 0xffff), s->taint[rt] = s->taint[rs]; break;
    case 0x0e: if (rt) s->reg[rt] = a ^ (w & 0xffff), s->taint[rt] = s->taint[rs]; break;
    case 0x0f: if (rt) s->reg[rt] = w << 16, s->taint[rt] = (struct taint){0, 0}; break;
    case 0x10: {
      enum outcome outcome = coprocessor(s, w);
      if (outcome == WRITTEN) return true;
      if (outcome == FAILED) goto failed;
      break;
    }
    case 0x1c: if (!special2(s, w)) goto failed; break;
    case 0x1f: if (!special3(s, w)) goto failed; break;
    default:
      if (op < 0x20 || !memory(s, w)) goto failed;
    }
    if (branch && taken) after = target;
    else if (branch && likely) next += 4, after = next + 4; // the slot is nullified
    pc = next;
    next = after;
  }
failed:
  c->failed_pc = pc;
  c->failed_word = w;
  return false;
}

// Runs the kernel's handler for `va` until it writes the entry: the refill handler, or for a miss of that handler itself (`nested`) the general
// one. What misses meanwhile is mapped by the general handler, and the first begins anew, as eret has it.
static bool refill_by(struct check *c, struct sandbox *s, u32 va, bool write, bool nested, bool fresh) {
  struct fast *f = c->f;
  u32 base = *env32(f, f->at.ebase) & ~0xfffu, general = base + 0x180;
  c->refills++;
  s->f = f;
  s->c = c;
  s->loads = s->stores = s->windows = 0;
  s->fresh = fresh;
  s->mapped = false;
  if (*env32(f, f->at.status) & STATUS_BEV) return false;
  for (;;) {
    fault(s, va, write);
    if (follow(s, nested ? general : base)) return true;
    if (!s->missed || s->windows == WINDOWS) break;
    u32 missed = s->missed_va;
    fault(s, missed, s->missed_write);
    if (!follow(s, general) || ((s->entry_hi ^ missed) & ~(s->page_mask | 0x1fff))) break;
    struct window *w = &s->window[s->windows++];
    w->page = s->entry_hi;
    w->mask = s->page_mask | 0x1fff;
    for (u32 odd = 0; odd < 2; odd++) w->lo[odd] = s->entry_lo[odd], w->taint[odd] = s->lo_taint[odd];
  }
  c->failed_refills++;
  return false;
}

// What the kernel's tables give for `va`, whatever the TLB has of the tables themselves.
static bool refill(struct check *c, struct sandbox *s, u32 va, bool write, bool nested) {
  return refill_by(c, s, va, write, nested, true) || (s->mapped && refill_by(c, s, va, write, nested, false));
}

// ---- entries --------------------------------------------------------------------------------------------------------

// Whether two values of EntryLo give the same page, as far as the checker looks: frame below 4 GB, D, V, G. The CPU does not keep the
// bits above, in which kernels have flags of their own.
static bool same_lo(u32 a, u32 b) { return (!lo_valid(a) && !lo_valid(b)) || !((a ^ b) & 0x03ffffc7u); }

static bool same_page(const u32 *e, u32 odd, u32 lo) {
  if (entry_valid(e, odd) != lo_valid(lo)) return false;
  return !lo_valid(lo) || ((entry_frame(e, odd) ^ lo_frame(lo, entry_mask(e))) & ~(entry_mask(e) >> 1)) == 0;
}

// Takes over the words that a refill came from.
static void take_sources(struct entry_info *info, const struct sandbox *s) {
  u64 data = s->lo_taint[0].data | s->lo_taint[1].data, path = (s->lo_taint[0].path | s->lo_taint[1].path) & ~data;
  info->count = 0;
  info->known = 1;
  for (u32 i = 0; i < s->loads; i++) {
    if (!((data | path) >> i & 1)) continue;
    if (info->count == WORDS) {
      info->known = 2;
      return;
    }
    info->words[info->count++] = (struct source){s->load[i].pa, s->load[i].value, s->load[i].value, (u32)(data >> i & 1)};
  }
  if (!data) info->known = 2;
}

static void follow_writes(struct check *c);

enum { TLBR = 0x42000001, TLBINV = 0x42000003, TLBINVF = 0x42000004, TLBP = 0x42000008 };

bool check_is_site(u32 w) { return (w >= TLBR && w <= TLBINVF) || w == TLBWR || w == TLBP; }

static inline bool same_space(const u32 *e, u32 asid) { return entry_global(e) || (e[2] & 0xff) == (asid & 0xff); }

static struct evicted *find_evicted(struct check *c, u32 hi, u32 mask) {
  for (struct evicted *g = c->evicted; g < c->evicted + EVICTED; g++)
    if (g->info.known && !((g->copy[0] ^ hi) & ~(entry_mask(g->copy) | mask)) && same_space(g->copy, hi)) return g;
  return NULL;
}

static void forget_evicted(struct check *c, u32 hi, u32 mask) {
  for (struct evicted *g; (g = find_evicted(c, hi, mask));) g->info.known = 0;
}

// The kernel writes entry `index` invalid, or reads it. Where it goes through all of them without asking for a page it flushes all, and knows what
// there is.
static void go_through(struct check *c, u32 index) {
  u32 visible = c->f->tlb_visible, wired = *env32(c->f, c->at.wired);
  if (index >= visible || index < wired) return;
  c->gone_through |= 1ull << index;
  for (u32 i = wired; i < visible; i++)
    if (!(c->gone_through >> i & 1)) return;
  for (u32 i = 0; i < EVICTED; i++) c->evicted[i].info.known = 0;
  c->gone_through = 0;
}

static void remember_evicted(struct check *c, u32 index) {
  const u32 *e = c->copy[index];
  if (c->info[index].known != 1 || entry_none(e) || !(entry_valid(e, 0) || entry_valid(e, 1))) return;
  forget_evicted(c, e[0] | (e[2] & 0xff), 0);
  struct evicted *g = &c->evicted[c->next_evicted++ % EVICTED];
  __builtin_memcpy(g->copy, e, sizeof g->copy);
  g->info = c->info[index];
}

// The kernel looks for entries, or takes them out, in another way than by writing them.
static void flush_site(struct check *c, u32 w) {
  u32 hi = *env32(c->f, c->f->at.entry_hi), mask = *env32(c->f, c->at.page_mask) | 0x1fff;
  if (w == TLBP) {
    forget_evicted(c, hi, mask);
    c->gone_through = 0;
  } else if (w == TLBR) go_through(c, *env32(c->f, c->at.index) & 0x3f);
  else
    for (struct evicted *g = c->evicted; g < c->evicted + EVICTED; g++)
      if (w == TLBINVF || (!entry_global(g->copy) && same_space(g->copy, hi))) g->info.known = 0;
}

// @param e the entry, which is number `entry`; behind those of the TLB come the evicted ones
static void report(struct check *c, enum kind kind, const u32 *e, u32 entry, u32 va, u32 size, bool write, u32 value, u32 pc, u32 now_lo) {
  struct fast *f = c->f;
  u32 odd = odd_page(e, va), page = entry_mask(e) >> 1;
  c->reports[kind]++;
  c->kind = kind;
  c->entry = entry;
  c->va = va;
  c->pa = entry_frame(e, odd) | (va & page);
  c->pc = pc;
  c->write = write;
  c->size = size;
  c->value = value;
  c->now_lo = now_lo;
  c->at_instruction = f->shared->instructions;
  c->report(f->uc, (u32)kind, c);
}

// Another entry that the guest can see, with a valid page at an address where this one has one: on real cores a machine check.
static void look_for_twins(struct check *c, u32 index) {
  struct fast *f = c->f;
  const u32 *e = tlb_entry(f, index);
  if (e[0] >> 30 == 2 || entry_none(e) || !(entry_valid(e, 0) || entry_valid(e, 1))) return;
  for (u32 i = 0; i < f->tlb_visible; i++) {
    const u32 *o = tlb_entry(f, i);
    if (i == index || entry_none(o) || !c->info[i].known || !(entry_valid(o, 0) || entry_valid(o, 1))) continue;
    u32 mask = entry_mask(e) | entry_mask(o);
    if (((e[0] ^ o[0]) & ~mask) || (!entry_global(e) && !entry_global(o) && ((e[2] ^ o[2]) & 0xff))) continue;
    u64 now = f->shared->instructions; // the write is over: its own number is what every path can tell
    f->shared->instructions = c->info[index].filled_at;
    report(c, DUPLICATE, e, index, e[0], 0, false, i, c->info[index].fill_pc, 0);
    f->shared->instructions = now;
    return;
  }
}

// After tlbwi or tlbwr: what is known of entries moves with them.
static void follow_writes(struct check *c) {
  struct fast *f = c->f;
  u32 in_use = tlb_header(f)[1], written = ~0u;
  bool pending = c->pending;
  c->pending = 0;
  if (in_use > TLB_MAX) in_use = TLB_MAX;
  // A shadow is the copy of the entry that was thrown out: it stands at the end.
  for (u32 i = c->in_use; i < in_use; i++)
    for (u32 j = 0; j < f->tlb_visible; j++)
      if (same_entry(tlb_entry(f, i), c->copy[j])) {
        c->info[i] = c->info[j];
        break;
      }
  if (pending) {
    for (u32 i = 0; i < f->tlb_visible && i < in_use; i++)
      if (i == c->pending_index || (c->pending_index == ~0u && !same_entry(tlb_entry(f, i), c->copy[i]))) written = i;
    if (written < TLB_MAX) {
      if (c->pending_index == ~0u) remember_evicted(c, written);
      c->info[written] = c->next;
    }
  }
  for (u32 i = 0; i < in_use; i++) __builtin_memcpy(c->copy[i], tlb_entry(f, i), 4 * TLB_WORDS);
  c->in_use = in_use;
  if (written < TLB_MAX) look_for_twins(c, written);
}

// The entry's words have other values than at the last look: what the kernel would make of them now.
static void look_again(struct check *c, struct entry_info *info, const u32 *e, u32 va, bool write) {
  struct fast *f = c->f;
  struct sandbox *along = &c->first, *now = &c->second;
  bool data_changed = false, path_changed = false;
  c->second_looks++;
  info->verdict[0] = info->verdict[1] = 0;
  along->forced = now->forced = 0;
  for (u32 i = 0; i < info->count; i++) {
    struct source *w = &info->words[i];
    w->seen = word(f, *(u32 *)(f->ram + w->pa));
    if (w->seen != w->filled) *(w->is_data ? &data_changed : &path_changed) = true;
    if (w->is_data) continue;
    along->force[along->forced].pa = w->pa;
    along->force[along->forced++].value = w->filled;
  }
  if (!data_changed && !path_changed) return;
  bool along_known = refill(c, along, va, write, info->nested), now_known = refill(c, now, va, write, info->nested);
  if (!now_known && !along_known) {
    info->known = 2;
    return;
  }
  bool moved = now_known;
  for (u32 odd = 0; odd < 2; odd++) {
    if (!entry_valid(e, odd)) continue;
    bool agrees_along = along_known && same_page(e, odd, along->entry_lo[odd]);
    bool agrees_now = now_known && same_page(e, odd, now->entry_lo[odd]);
    moved &= agrees_now && lo_dirty(now->entry_lo[odd]) >= entry_dirty(e, odd);
    if (data_changed && !agrees_along && !agrees_now) info->verdict[odd] |= 1 << STALE;
    else if (!entry_global(e) && path_changed && now_known && !agrees_now) info->verdict[odd] |= 1 << ASID_REUSE;
    else if (entry_dirty(e, odd) && !(agrees_along && lo_dirty(along->entry_lo[odd])) && !(agrees_now && lo_dirty(now->entry_lo[odd])))
      info->verdict[odd] |= 1 << PERMISSION;
  }
  // The entry is what a refill would give: its words are those of today.
  if (moved) {
    u32 known = info->known;
    take_sources(info, now);
    if (info->known != 1) info->known = known;
  }
}

#ifdef __wasm__
static void sync_at(struct fast *f, u32 pc) { (void)f, (void)pc; } // it is exact

static u32 access_pc(struct fast *f, u32 va, u32 size, bool write) {
  (void)va, (void)size, (void)write;
  return f->shared->pc;
}
#else
static void sync_at(struct fast *f, u32 pc) { fast_sync_at(f, pc); }

static u32 access_pc(struct fast *f, u32 va, u32 size, bool write) {
  u32 pc = fast_locate(f, va, size, write, false);
  fast_sync_at(f, pc);
  return pc;
}
#endif

// An entry is about to be written for an access that found none. If one for the same page was thrown out by chance, and would be stale now, the
// kernel has not flushed it.
static void check_evicted(struct check *c, u32 pc, u32 hi, u32 mask) {
  struct fast *f = c->f;
  struct evicted *g = find_evicted(c, hi, mask);
  if (!g) return;
  look_again(c, &g->info, g->copy, c->miss_va, c->miss_write);
  u32 odd = odd_page(g->copy, c->miss_va), now = *env32(f, odd ? c->at.entry_lo1 : c->at.entry_lo0);
  if (!lo_valid(now) || g->info.known != 1 || !(g->info.verdict[odd] & (1 << STALE | 1 << ASID_REUSE))) return;
  sync_at(f, pc);
  report(c, UNFLUSHED, g->copy, TLB_MAX + (u32)(g - c->evicted), c->miss_va, 4, c->miss_write, 0, c->miss_pc, now);
}

// A tlbwi or tlbwr is about to run.
void check_site(struct check *c, u32 pc, u32 w) {
  struct fast *f = c->f;
  struct entry_info *info = &c->next;
  if (c->pending || tlb_header(f)[1] != c->in_use) follow_writes(c); // tlbp may have dropped shadows
  if (w != TLBWI && w != TLBWR) {
    if (check_is_site(w)) flush_site(c, w);
    return;
  }
  u32 hi = *env32(f, f->at.entry_hi), lo0 = *env32(f, c->at.entry_lo0), lo1 = *env32(f, c->at.entry_lo1);
  c->pending = 1;
  c->pending_index = w == TLBWI ? *env32(f, c->at.index) & 0x3f : ~0u;
  __builtin_memset(info, 0, offsetof(struct entry_info, words));
  u32 mask = *env32(f, c->at.page_mask) | 0x1fff;
  bool missed = !((hi ^ c->miss_va) & ~mask);
  info->nested = missed && c->nested_miss;
  info->refused_at = 0;
  info->filled_at = f->precise ? f->shared->instructions : f->icount - ((f->block_end - pc) >> 2) + 1;
  info->fill_pc = pc;
  info->fill_ra = gpr(f, 31);
  info->fill_epc = *env32(f, f->at.epc);
  info->known = 2;
  c->writes++;
  bool empty = !((lo0 | lo1) & 2);
  if (empty) {
    c->last_flush_vpn = hi;
    c->last_flush_pc = pc;
    c->last_flush_at = info->filled_at;
    c->flushes++;
    go_through(c, c->pending_index);
  }
  struct sandbox *s = &c->first;
  s->forced = 0;
  // Through a stale translation of a table the handler may have read another one than that of now.
  for (u32 fresh = 0; fresh < 2 && info->known != 1 && hi >> 30 != 2; fresh++)
    if (refill_by(c, s, hi & ~mask, false, info->nested, fresh) && same_lo(s->entry_lo[0], lo0) && same_lo(s->entry_lo[1], lo1))
      take_sources(info, s);
    else if (!s->mapped) break;
  if (info->known != 1 && !empty) c->unknown_writes++;
  if (missed) check_evicted(c, pc, hi, mask);
  if (!empty) forget_evicted(c, hi, mask);
  c->miss_va = ANSWERED;
}

enum how { LOAD, STORE, JUMP };
enum { LEFT_OUT = 0xffffffff };

static inline void tell(struct check *c, u32 index, u32 va, enum how how, u32 kinds) {
  if (__builtin_expect(!c->looked, 1)) return;
  c->look_va = va;
  c->look_how = how;
  c->look_verdict = c->info[index].known == 1 ? kinds : LEFT_OUT;
  c->looked(c->f->uc, index, c);
}

// Bits of the kinds that an access through entry `index` would be.
static inline u32 verdict(struct check *c, u32 index, u32 va, bool write) {
  struct entry_info *info = &c->info[index];
  const u8 *ram = c->f->ram;
  if (info->known != 1) {
    c->unknown_accesses++;
    return 0;
  }
  for (u32 i = 0; i < info->count; i++)
    if (__builtin_expect(word(c->f, *(const u32 *)(ram + info->words[i].pa)) != info->words[i].seen, 0)) {
      look_again(c, info, tlb_entry(c->f, index), va, write);
      break;
    }
  return info->verdict[odd_page(tlb_entry(c->f, index), va)];
}

static u32 present_lo(struct check *c, u32 index, u32 va, bool write) {
  struct sandbox *now = &c->first;
  now->forced = 0;
  if (!refill(c, now, va, write, c->info[index].nested)) return ~0u;
  return now->entry_lo[odd_page(tlb_entry(c->f, index), va)];
}

// A load or store through the TLB is about to be made.
void check_memory(void *uc, int type, u64 address, int size, int64_t value, void *user) {
  struct check *c = user;
  struct fast *f = c->f;
  u32 va = (u32)address;
  bool write = type == MEM_WRITE;
  (void)uc;
  if (va >> 30 == 2 || (va < 0x80000000u && (*env32(f, f->at.status) & STATUS_ERL))) return;
  if (c->pending || tlb_header(f)[1] != c->in_use) follow_writes(c);
  int index = match(f, va);
  if (index < 0) return;
  const u32 *e = tlb_entry(f, (u32)index);
  u32 odd = odd_page(e, va);
  if (!entry_valid(e, odd) || (write && !entry_dirty(e, odd))) return; // an exception comes first
  c->accesses++;
  u32 kinds = verdict(c, (u32)index, va, write);
  if (!write) kinds &= ~(1u << PERMISSION);
  tell(c, (u32)index, va, write ? STORE : LOAD, kinds);
  if (__builtin_expect(!kinds, 1)) return;
  u32 pc = access_pc(f, va, (u32)size, write);
  enum kind kind = kinds & 1 << STALE ? STALE : kinds & 1 << ASID_REUSE ? ASID_REUSE : PERMISSION;
  report(c, kind, e, (u32)index, va, (u32)size, write, (u32)value, pc, present_lo(c, (u32)index, va, write));
}

// The program counter comes to `pc` by a jump, or onto a new page: code, too, comes through the TLB.
void check_block(struct check *c, u32 pc) {
  struct fast *f = c->f;
  if (__builtin_expect(c->pending || tlb_header(f)[1] != c->in_use, 0)) follow_writes(c);
  if (__builtin_expect(pc >> 30 == 2, 1) || (pc < 0x80000000u && (*env32(f, f->at.status) & STATUS_ERL))) return;
  int index = match(f, pc);
  if (index < 0) return;
  c->code_blocks++;
  u32 kinds = verdict(c, (u32)index, pc, false) & (1 << STALE | 1 << ASID_REUSE);
  tell(c, (u32)index, pc, JUMP, kinds);
  if (!kinds) return;
  f->shared->pc = pc;
  if (!f->precise) f->shared->instructions = f->icount;
  report(c, STALE_CODE, tlb_entry(f, (u32)index), (u32)index, pc, 4, false, 0, pc, present_lo(c, (u32)index, pc, false));
}

// A TLB miss has been taken, `nested` while another exception was being handled.
void check_miss(struct check *c, u32 va, bool write, u32 pc, bool nested) {
  c->miss_va = va;
  c->miss_write = write;
  c->miss_pc = pc;
  c->nested_miss = nested;
}

// A TLB invalid or modified exception has been taken. The second in a row by one entry for one access: the kernel went back without mending it.
void check_refused(struct check *c, u32 va, bool write, u32 pc) {
  struct fast *f = c->f;
  if (c->pending || tlb_header(f)[1] != c->in_use) follow_writes(c);
  int index = va >> 30 == 2 ? -1 : match(f, va);
  if (index < 0) return;
  const u32 *e = tlb_entry(f, (u32)index);
  struct entry_info *info = &c->info[index];
  u32 odd = odd_page(e, va);
  if (info->known != 1 || (entry_valid(e, odd) && (!write || entry_dirty(e, odd)))) return;
  u32 lo = present_lo(c, (u32)index, va, write);
  if (lo == ~0u || !lo_valid(lo) || (write && !lo_dirty(lo))) return;
  bool again = info->refused_at && info->refused_va == va && info->refused_pc == pc;
  info->refused_at = f->shared->instructions;
  info->refused_va = va;
  info->refused_pc = pc;
  info->refused_write = write;
  info->refused_lo = lo;
  __builtin_memcpy(info->refused_gpr, f->env, sizeof info->refused_gpr);
  if (again) report(c, REFUSED, e, (u32)index, va, 4, write, 0, pc, lo);
}

#ifndef __wasm__
// For the host: sizes and offsets that it must agree on.
u32 check_layout(u32 index) {
  static const u32 layout[] = {
      sizeof(struct check),
      offsetof(struct check, at),
      offsetof(struct check, looked),
      offsetof(struct check, look_va),
      offsetof(struct check, kind),
      offsetof(struct check, accesses),
      offsetof(struct check, in_use),
      offsetof(struct check, next),
      offsetof(struct check, info),
      sizeof(struct entry_info),
      offsetof(struct entry_info, refused_at),
      offsetof(struct check, evicted),
      sizeof(struct evicted),
      offsetof(struct evicted, copy),
      offsetof(struct evicted, info),
  };
  return index < sizeof layout / sizeof *layout ? layout[index] : 0;
}
#else
u32 check_size(void) { return sizeof(struct check); }
#endif
