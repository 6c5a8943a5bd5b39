// Numbers of the calls the guest's kernel makes, emu/guest/kernel/hostcalls.h.

export const HC = {
  PRINTK: 16,
  PCPU_ALLOC: 17,
  PCPU_FREE: 18,
  ALLOC_PAGES: 19,
  FREE_PAGES: 20,
  SCHEDULE: 21,
  WAKE_UP: 22,
  NEW_TASK: 23,
  NEXT_WORK: 24,
  QUEUE_WORK: 25,
  RAISE_SOFTIRQ: 26,
  STEP: 27,
  PCPU_BALANCE: 28,
  NEXT_INITCALL: 29,
  DUMP_STACK: 30,
  NEW_CACHE: 31,
  DO_SOFTIRQ: 32,
  BOOT_EVENT: 33,
  RCU_GP: 34,
  COND_RESCHED: 35,
} as const;
