// What fast.c and sanitizer.c share: the guest's block, places in the engine, and looks at its registers and TLB.
#pragma once

#include "machine.h"

// The block of shim.c that the host reads; only its first fields are used here.
struct cpu_shared {
  u32 pc;
  u32 stop;
  u64 instructions;
  u32 failure;
  u32 exc_code, exc_flags, exc_pc, exc_epc, exc_bad_vaddr;
  u32 observe;
  u32 ram_bytes;
  u32 exceptions[64];
  int8_t code_of[64];
};

enum { SEEN = 1 << 14, HOOKED = 1 << 12 };

// What a debugger waits for, as struct instruction_stops in shim.c.
struct stops {
  void (*ask)(void *uc, u64 address, u32 size, void *user);
  u64 reserved[2];
  u64 number;
  u32 moved, padding;
  u8 map[1 << 13];
};

// Addresses that the host watches where blocks begin: where calls enter a function and where they return to. Hashed, address | 1.
enum { WATCHED = 1 << 12 };
struct watched {
  void (*callback)(void *uc, u64 address, u32 size, void *user);
  u32 table[WATCHED];
};

struct check;

struct fast {
  // Written by the host before the first run.
  HOST void *uc;
  HOST u8 *cpu;                   // the engine's CPUState
  HOST u8 *env;                   // its registers, general register 0 first
  HOST u8 *ram;
  HOST struct cpu_shared *shared;
  HOST void (*do_interrupt)(void *cpu);
  HOST void (*loop_exit)(void *cpu);  // back into the engine's main loop from inside an access; does not return
  HOST int (*reg_write)(void *uc, int id, const void *value);
  HOST int (*emu_stop)(void *uc);
  HOST int (*hook_add)(void *uc, size_t *hook, int type, void *callback, void *user, u64 begin, u64 end);
  HOST int (*ctl)(void *uc, u32 control, ...);
  HOST void (*on_exception)(void *uc, u32 intno, void *user);
  HOST void (*on_event)(void *uc, u32 intno, void *user);
  HOST struct stops *stops;       // or none
  HOST struct check *check;       // or none
  HOST struct watched *watched;   // or none
  HOST u8 *code_pages;            // a byte for each 4 KB of RAM: nonzero when it holds translated code
  HOST struct places at;
  u32 little_endian;
  u32 precise;               // a hook per instruction instead of per block
  u32 hardware_tlb;          // nonzero: entries thrown out by tlbwr are gone
  u32 tlb_visible;           // entries that the guest can see
  u32 store_fix;
  u32 tlb_is_full;           // see no_shadows
  u32 pausing;               // the budget is no end: pause before the block that would go past it
  u32 paused;
  u32 padding;
  u64 budget;                // stop when so many instructions have started
  struct timer timer;
  // Kept by the hooks.
  u64 icount;                // instructions started once the current block ends
  u32 block_pc, block_end;   // the current block, virtual
  u32 redirected;            // the run was ended to go on at the program counter
  u32 located_pc;            // the load or store found last in the current block
  u64 located_at;            // icount then
  u64 blocks, deferred, sweeps;
  u32 hooked_count;
  u32 seen[SEEN];            // addresses of blocks whose words have been looked through, by hash
  u32 hooked[HOOKED];        // addresses that have a hook of their own
  size_t hooks[HOOKED];      // these hooks
  u32 kept[3];               // BadVAddr, EntryHi and Context where the run was paused
};

enum { HOOK_CODE = 4, HOOK_BLOCK = 8 };
enum { CTL_TB_REMOVE_CACHE = 9 | 2 << 26 | 1 << 30 };
static inline u32 *env32(struct fast *f, u32 at) { return (u32 *)(f->env + at); }
static inline u32 gpr(struct fast *f, u32 n) { return *env32(f, 4 * n); }
static inline u32 word(struct fast *f, u32 raw) { return f->little_endian ? raw : __builtin_bswap32(raw); }

// Physical address of a virtual one; false when nothing valid matches.
static inline bool fast_translate(struct fast *f, u32 va, u32 *pa) {
  *pa = translate(f->env, &f->at, va);
  return *pa != NOWHERE;
}

// The instruction at a virtual address; false where there is no RAM.
static inline bool fast_fetch(struct fast *f, u32 va, u32 *instruction) {
  u32 pa;
  if ((va & 3) || !fast_translate(f, va, &pa) || pa >= f->shared->ram_bytes) return false;
  *instruction = word(f, *(u32 *)(f->ram + pa));
  return true;
}

// Of fast.c.
u32 fast_locate(struct fast *f, u32 address, u32 size, bool write, bool physical);
void fast_sync_at(struct fast *f, u32 pc);

// Of sanitizer.c, called while `f->check` is set.
struct check;
bool check_is_site(u32 w);
void check_site(struct check *c, u32 pc, u32 w);
void check_block(struct check *c, u32 pc);
void check_miss(struct check *c, u32 va, bool write, u32 pc, bool nested);
void check_refused(struct check *c, u32 va, bool write, u32 pc);
