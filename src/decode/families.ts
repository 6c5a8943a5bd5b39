// The signature families: what a crash says about the memory that was overwritten with zeros.
//
// The bug zeroes a new per-CPU area through a stale translation, so the victim is whatever the physical page holds now. Each family is one
// kind of victim; a crash belongs to the first rule all of whose conditions hold. Function names are compared without offsets, which
// change with every build.
import type { CrashReport, Found } from './crash-report.js';
import { functionOf } from './crash-report.js';

/** Shape of the faulting address. */
export type Fault = 'jump-to-0' | 'null-page' | 'percpu-offset' | 'wild';

interface Rule {
  readonly name: string;
  /** One sentence: what was zeroed. */
  readonly zeroed: string;
  readonly fault?: Fault;
  /** Function that faulted. */
  readonly epc?: RegExp;
  /** Its caller: ra, or the next function of the call trace. */
  readonly caller?: RegExp;
}

const RULES: readonly Rule[] = [
  {
    name: 'rcu-callback-null',
    zeroed:
      'The function pointer of an rcu_head that waited for its grace period reads zero, and the RCU core calls it.',
    fault: 'jump-to-0',
    caller: /^(?:rcu_(?:core|do_batch|process_callbacks|nocb_.*|cblist.*)|srcu_invoke_callbacks|__rcu_.*)$/,
  },
  {
    name: 'workqueue-zeroed',
    zeroed: 'The function pointer of a work_struct reads zero, and a worker calls it.',
    fault: 'jump-to-0',
    caller: /^(?:process_one_work|worker_thread|async_run_entry_fn)$/,
  },
  {
    name: 'null-function-pointer',
    zeroed: 'A function pointer (an ops table or a callback) reads zero and was called.',
    fault: 'jump-to-0',
  },
  {
    name: 'null-percpu-pointer',
    zeroed:
      "A per-CPU pointer (a percpu_ref's count, say) reads zero, so the access went to the CPU's per-CPU offset itself.",
    fault: 'percpu-offset',
  },
  {
    name: 'percpu-ref-null',
    zeroed: "A percpu_ref's data pointer (a request queue's q_usage_counter) reads zero.",
    fault: 'null-page',
    epc: /^(?:__)?percpu_ref_/,
  },
  {
    name: 'wait-queue-zeroed',
    zeroed:
      "A wait queue head (a request queue's mq_freeze_wq: lock and list) reads zero, and waking it walks the list from NULL.",
    fault: 'null-page',
    epc: /^(?:__wake_up.*|(?:__)?add_wait_queue.*|__?remove_wait_queue|prepare_to_wait.*|finish_wait|autoremove_wake_function)$/,
  },
  {
    name: 'completion-zeroed',
    zeroed: "A completion's list of waiters reads zero.",
    fault: 'null-page',
    epc: /^(?:complete(?:_.*)?|swake_up.*|wait_for_completion.*|(?:do_|__)wait_for_common)$/,
  },
  {
    name: 'blk-mq-request-null',
    zeroed:
      "A tag set's table of preallocated requests (blk_mq_tags.static_rqs) reads zero, so the new request is NULL.",
    fault: 'null-page',
    epc: /^blk_mq_(?:rq_ctx_init|get_request|start_request|end_request|free_request|put_rq.*)$/,
  },
  {
    name: 'blk-mq-ctx-null',
    zeroed: 'The per-CPU software queue (blk_mq_ctx: hardware queue pointers, request lists, kobject) reads zero.',
    fault: 'null-page',
    epc: /^_*blk_mq_/,
  },
  {
    name: 'blk-mq-ctx-null',
    zeroed: 'The kobject of a blk-mq software queue context reads zero, and releasing it finds no parent.',
    fault: 'null-page',
    epc: /^kobject_/,
    caller: /^blk_mq_sysfs_/,
  },
  {
    name: 'kernfs-rb-zeroed',
    zeroed: "A kernfs node's red-black links (the parent's tree of children) read zero.",
    fault: 'null-page',
    epc: /^(?:__)?rb_/,
    caller: /^kernfs_/,
  },
  {
    name: 'sched-rb-zeroed',
    zeroed: "A scheduling entity's red-black links in the run queue's time line read zero.",
    fault: 'null-page',
    epc: /^(?:__)?rb_/,
    caller: /^(?:(?:en|de)queue_|put_prev_|set_next_|pick_next_)/,
  },
  {
    name: 'rb-tree-zeroed',
    zeroed: 'The links of a red-black tree node read zero.',
    fault: 'null-page',
    epc: /^(?:__)?rb_/,
  },
  {
    name: 'kernfs-node-zeroed',
    zeroed: 'A kernfs node reads zero: no root, no name, no reference count.',
    fault: 'null-page',
    epc: /^(?:__)?kernfs_|^sysfs_/,
  },
  {
    name: 'kernfs-node-zeroed',
    zeroed: "A kernfs node's pointer to its root reads zero, so the inode numbers' IDR is looked for in NULL.",
    fault: 'null-page',
    epc: /^idr_/,
    caller: /^(?:__)?kernfs_/,
  },
  {
    name: 'scsi-list-zeroed',
    zeroed: "A list head of a SCSI target or host (the target's devices, the host's targets) reads zero.",
    fault: 'null-page',
    epc: /^(?:__)?scsi_/,
  },
  {
    name: 'tty-struct-zeroed',
    zeroed: 'A tty_struct reads zero: reference count and links.',
    fault: 'null-page',
    epc: /^(?:__)?(?:tty|ldsem|n_tty|uart)_/,
  },
  {
    name: 'workqueue-zeroed',
    zeroed: "A work item's data word or a pool's work list reads zero, so no pool_workqueue is found.",
    fault: 'null-page',
    epc: /^(?:pwq_|process_one_work|worker_|insert_work|__queue_work|get_work_|move_linked_works|async_run_entry_fn)/,
  },
  {
    name: 'workqueue-zeroed',
    zeroed: "A worker's pointer to its pool reads zero.",
    fault: 'null-page',
    epc: /lock/,
    caller: /^(?:worker_thread|process_one_work|pwq_|__queue_work)/,
  },
  {
    name: 'sbitmap-zeroed',
    zeroed: "A sbitmap's words or wait queues (a hardware queue's tags) read zero.",
    fault: 'null-page',
    epc: /^(?:__)?sbitmap_/,
  },
  {
    name: 'driver-core-zeroed',
    zeroed: 'A device, driver, bus or class (its private part or klist node) reads zero.',
    fault: 'null-page',
    epc: /^(?:klist_|device_|driver_|really_probe|bus_|kobject_|kset_|get_device|put_device)/,
  },
  {
    name: 'driver-core-zeroed',
    zeroed: "A device's class or bus has no private part: its lock is looked for in NULL.",
    fault: 'null-page',
    epc: /^(?:klist_|mutex_|_raw_spin_|__mutex)/,
    caller: /^(?:klist_|device_|driver_|bus_|class_|kobject_)/,
  },
  {
    name: 'slab-freelist-zeroed',
    zeroed: "The slab allocator's own records (free list, list links of a slab page, array cache) read zero.",
    fault: 'null-page',
    epc: /^(?:free_block|cache_(?:alloc_refill|flusharray|grow.*|reap)|_*cache_free|kmem_cache_.*|_*kfree|_*kmalloc.*|drain_.*|slab_.*|fixup_slab_list)$/,
  },
  {
    name: 'zeroed-slab-object',
    zeroed: 'A pointer in a kernel object reads zero and was followed.',
    fault: 'null-page',
  },
  {
    name: 'wild-pointer',
    zeroed: 'A pointer holds a value that is mapped nowhere: overwritten, but not with zeros alone.',
    fault: 'wild',
  },
];

/** Families of logs in which the kernel warned, complained or stopped without an oops: by the text or function that names the object. */
const WITHOUT_OOPS: ReadonlyArray<{ name: string; zeroed: string; headline?: RegExp; epc?: RegExp }> = [
  {
    name: 'wait-queue-zeroed',
    zeroed: "A wait queue head's lock has no magic number: the head reads zero.",
    headline: /BUG: spinlock bad magic/,
    epc: /^(?:__wake_up|prepare_to_wait|finish_wait)/,
  },
  {
    name: 'spinlock-zeroed',
    zeroed: 'A spinlock has no magic number: the object it is in reads zero.',
    headline: /BUG: (?:spin|rw)lock/,
  },
  {
    name: 'blk-stats-zeroed',
    zeroed:
      "A request queue's list of statistics callbacks (blk_queue_stats.callbacks) reads zero: neither empty nor filled.",
    epc: /^blk_free_queue_stats$/,
  },
  {
    name: 'blk-mq-ctx-null',
    zeroed: 'The kobject of a blk-mq software queue context reads zero.',
    epc: /^(?:blk_mq_|blk_mq_sysfs_)/,
  },
  {
    name: 'rcu-callback-null',
    zeroed: 'An rcu_head is not what it was when it was queued.',
    epc: /^(?:rcu_core|debug_print_object)$/,
  },
  {
    name: 'kobject-zeroed',
    zeroed: 'A kobject reads zero: not initialised, no name, no reference.',
    epc: /^(?:kobject_|kernfs_|klist_|sysfs_)/,
  },
  {
    name: 'list-zeroed',
    zeroed: "A list head's or entry's links are not what they were.",
    headline: /list_(?:add|del) corruption/,
  },
];

/** The family of a crash and why it was chosen. */
export interface Family {
  readonly name: string;
  readonly zeroed: string;
  /** The fields that decided, in words, with the line of the log they stand in. */
  readonly reasons: readonly Found[];
}

const MIPS_EXCEPTIONS: Readonly<Record<string, string>> = {
  '01': 'Mod, store to a read-only page',
  '02': 'TLBL, no translation for a load or fetch',
  '03': 'TLBS, no translation for a store',
  '04': 'AdEL, address error on a load or fetch',
  '05': 'AdES, address error on a store',
  '06': 'IBE, bus error on a fetch',
  '07': 'DBE, bus error on a load or store',
  '09': 'Bp, breakpoint',
  '0a': 'RI, reserved instruction',
  '0d': 'Tr, trap',
};

/** Meaning of Cause.ExcCode, empty when it has no name here (MIPS32 PRA, Cause register). */
export function exceptionName(exccode: string): string {
  return MIPS_EXCEPTIONS[exccode] ?? '';
}

/** Below one page, or a small negative number: a member of an object at NULL. */
function inNullPage(address: string): boolean {
  return /^0*[0-9a-f]{1,3}$/.test(address) || /^f{5}(?:f{8})?[0-9a-f]{3}$/.test(address);
}

function isZero(address: string | undefined): boolean {
  return address !== undefined && /^0+$/.test(address);
}

/** Functions whose accesses go through a per-CPU pointer. */
const USES_PERCPU = /percpu|^this_cpu|^blk_mq_get_ctx|^mnt_|^blk_queue_(?:enter|exit)|_counter_/;

/** What the faulting address says. */
export function faultOf(report: CrashReport): Fault | undefined {
  const badva = report.badva?.value;
  const jumped = isZero(report.epc?.value) || report.epcSymbol?.value === '0x0';
  if (jumped && (badva === undefined || isZero(badva))) return 'jump-to-0';
  if (badva === undefined) return undefined;
  if (inNullPage(badva)) return 'null-page';
  // First chunk minus the link address of the static area: some megabytes, a multiple of the page (setup_per_cpu_areas).
  const isPageInLowMemory = /^0[0-7][0-9a-f]{3}000$/.test(badva);
  const values = [...report.registers.values()];
  const viaPerCpu = USES_PERCPU.test(functionOf(report.epcSymbol?.value) ?? '');
  if (isPageInLowMemory && (viaPerCpu || values.filter((value) => value === badva).length >= 2)) return 'percpu-offset';
  return 'wild';
}

/** The functions from the fault outwards, without offsets: epc, ra, and the call trace without those two. */
export function faultingPath(report: CrashReport): {
  epc: string | undefined;
  caller: string | undefined;
  trace: string[];
} {
  const epc = functionOf(report.epcSymbol?.value);
  const trace = report.callTrace.flatMap(({ symbol }) => functionOf(symbol) ?? []);
  const ra = functionOf(report.raSymbol?.value);
  // A leaf function's ra may still point into itself; then the caller is one frame further out.
  const caller = ra !== undefined && ra !== epc ? ra : (trace.find((name) => name !== epc) ?? ra);
  return { epc, caller, trace };
}

/** Classifies one oops. */
export function oopsFamily(report: CrashReport): Family {
  const fault = faultOf(report);
  const { epc, caller } = faultingPath(report);
  const rule = RULES.find(
    (candidate) =>
      candidate.fault === fault &&
      (candidate.epc === undefined || (epc !== undefined && candidate.epc.test(epc))) &&
      (candidate.caller === undefined || (caller !== undefined && candidate.caller.test(caller))),
  );
  if (rule === undefined) {
    const exccode = report.exccode;
    const reasons = [{ value: report.headline, line: report.line }];
    if (exccode !== undefined)
      reasons.push({ value: `ExcCode ${exccode.value} (${exceptionName(exccode.value)})`, line: exccode.line });
    const zeroed = 'Unknown: no faulting address, be it that the exception has none or that the log lost it.';
    return { name: 'kernel-exception', zeroed, reasons };
  }
  return { name: rule.name, zeroed: rule.zeroed, reasons: oopsReasons(report, fault!, rule) };
}

function oopsReasons(report: CrashReport, fault: Fault, rule: Rule): Found[] {
  const reasons: Found[] = [];
  const { epc, caller } = faultingPath(report);
  const add = (value: string, line: number | undefined) => reasons.push({ value, line: line ?? report.line });
  const badva = report.badva?.value ?? '';
  if (fault === 'jump-to-0')
    add('epc is 0: a call through a NULL function pointer', report.epcSymbol?.line ?? report.epc?.line);
  else if (epc !== undefined) add(`epc is in ${epc}`, report.epcSymbol!.line);
  if (rule.caller !== undefined && caller !== undefined) {
    const inTrace = report.callTrace.find(({ symbol }) => functionOf(symbol) === caller);
    const fromRa = functionOf(report.raSymbol?.value) === caller;
    add(fromRa ? `ra is in ${caller}` : `called from ${caller}`, fromRa ? report.raSymbol!.line : inTrace?.line);
  }
  const exccode = report.exccode?.value;
  if (exccode !== undefined) {
    const meaning = report.architecture === 'x86' ? '' : exceptionName(exccode);
    const what = report.architecture === 'x86' ? `page fault error code ${exccode}` : `ExcCode ${exccode}`;
    add(meaning === '' ? what : `${what} (${meaning})`, report.exccode!.line);
  }
  const register = report.architecture === 'x86' ? 'CR2' : 'BadVA';
  if (fault === 'jump-to-0' && badva !== '') add(`${register} ${badva} is the jump target itself`, report.badva!.line);
  if (fault === 'null-page') add(`${register} ${badva} is a member of an object at NULL`, report.badva!.line);
  if (fault === 'percpu-offset')
    add(`${register} ${badva} is the CPU's per-CPU offset itself: NULL plus that offset`, report.badva!.line);
  if (fault === 'wild') add(`${register} ${badva} is neither near 0 nor a per-CPU offset`, report.badva!.line);
  return reasons;
}

/** Classifies a warning or BUG block, when no oops follows; undefined when it names no object. */
export function complaintFamily(report: CrashReport): Family | undefined {
  const frames = report.callTrace.flatMap(({ symbol, line }) => {
    const name = functionOf(symbol);
    return name === undefined ||
      /^(?:show_stack|dump_stack.*|__warn|warn_slowpath.*|spin_(?:bug|dump)|do_raw_.*|_raw_.*)$/.test(name)
      ? []
      : [{ value: name, line }];
  });
  const place = / at \S+:\d+ (\S+)/.exec(report.headline)?.[1] ?? report.epcSymbol?.value;
  const epc = functionOf(place) ?? frames[0]?.value;
  for (const { name, zeroed, headline, epc: pattern } of WITHOUT_OOPS) {
    if (headline !== undefined && !headline.test(report.headline)) continue;
    const frame =
      pattern === undefined
        ? undefined
        : [...(epc ? [{ value: epc, line: report.line }] : []), ...frames].find((f) => pattern.test(f.value));
    if (pattern !== undefined && frame === undefined) continue;
    const reasons = [{ value: report.headline, line: report.line }];
    if (frame !== undefined && frame.line !== report.line)
      reasons.push({ value: `called from ${frame.value}`, line: frame.line });
    for (const note of report.notes.slice(0, 2)) reasons.push(note);
    return { name, zeroed, reasons };
  }
  return undefined;
}
