// The signature families: what a crash says about the memory that was overwritten with zeros.
//
// The bug zeroes a new per-CPU area through a stale translation, so the victim is whatever the physical page holds now. Each family is one
// kind of victim; a crash belongs to the first rule all of whose conditions hold. Function names are compared without offsets, which
// change with every build. Where the log does not show that memory was zeroed, the family does not say so.
import type { CrashReport, Found } from './crash-report.js';
import { foreignArchitecture, functionOf } from './crash-report.js';
import { readDumpLine } from './dump-line.js';

/** Shape of the faulting address. */
export type Fault = 'jump-to-0' | 'null-page' | 'percpu-offset' | 'poison' | 'misaligned' | 'wild';

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
    name: 'asked-for',
    zeroed: 'Nothing: somebody asked for a crash (SysRq c, or echo c > /proc/sysrq-trigger).',
    epc: /^sysrq_handle_crash$/,
  },
  {
    name: 'asked-for',
    zeroed: 'Nothing: the kernel crash test (lkdtm) was told to crash.',
    epc: /^lkdtm_/,
  },
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
    name: 'null-pointer',
    zeroed: 'Unknown: a NULL pointer was followed; what made it so, the log does not say.',
    fault: 'null-page',
  },
  {
    name: 'freed-memory',
    zeroed: 'Nothing: a pointer was read from memory that the slab allocator had poisoned as free.',
    fault: 'poison',
  },
  {
    name: 'address-error',
    zeroed: 'Unknown: the address is misaligned for the access, or one that the mode may not use.',
    fault: 'misaligned',
  },
  {
    name: 'wild-pointer',
    zeroed: 'Unknown: a pointer holds an address that is mapped nowhere.',
    fault: 'wild',
  },
];

/** A spinlock's magic number is dead4ead, a rwlock's deaf1eed; zero is in memory that was zeroed or never initialised. */
const NO_MAGIC = /\.magic: 0{8}(?![0-9a-f])/;

/** Families of logs in which the kernel warned, complained or stopped without an oops: by the text or function that names the object. */
const WITHOUT_OOPS: ReadonlyArray<{ name: string; zeroed: string; headline?: RegExp; epc?: RegExp; note?: RegExp }> = [
  {
    name: 'wait-queue-zeroed',
    zeroed: "A wait queue head's lock has no magic number: the head reads zero.",
    headline: /BUG: spinlock bad magic/,
    epc: /^(?:__wake_up|prepare_to_wait|finish_wait)/,
    note: NO_MAGIC,
  },
  {
    name: 'spinlock-zeroed',
    zeroed: 'A spinlock has no magic number: the object it is in reads zero.',
    headline: /BUG: (?:spin|rw)lock/,
    note: NO_MAGIC,
  },
  {
    name: 'spinlock-freed',
    zeroed: 'Nothing: the lock lies in memory that was poisoned as free.',
    headline: /BUG: (?:spin|rw)lock/,
    note: /\.magic: (?:6b){3,4}/,
  },
  {
    name: 'spinlock-overwritten',
    zeroed: 'Unknown: the lock has neither its magic number nor zero there.',
    headline: /BUG: (?:spin|rw)lock bad magic/,
    note: /\.magic: /,
  },
  {
    name: 'spinlock-misused',
    zeroed: 'Nothing: the lock is as it should be; it is the locking that is wrong.',
    headline: /BUG: (?:spin|rw)lock (?!bad magic)/,
  },
  {
    name: 'spinlock-bad-magic',
    zeroed: 'Unknown: the log does not show the magic number.',
    headline: /BUG: (?:spin|rw)lock bad magic/,
  },
  {
    name: 'slab-poison-zeroed',
    zeroed: 'A freed object: zero was written over its poison.',
    headline: /: Poison overwritten/,
    note: /First byte 0x0 instead of/,
  },
  {
    name: 'slab-redzone-zeroed',
    zeroed: 'The bytes behind or before an object (its red zone) read zero.',
    headline: /: (?:Right |Left )?Redzone overwritten/i,
    note: /First byte 0x0 instead of/,
  },
  {
    name: 'slab-corruption',
    zeroed: 'Unknown: memory of the slab allocator was overwritten.',
    headline: /^BUG \S+ \(|^Slab corruption|^slab error in/,
  },
  {
    name: 'kasan',
    zeroed: 'Nothing shown: an access to memory that the code does not own.',
    headline: /BUG: (?:KASAN|KFENCE|KMSAN|KCSAN)/,
  },
  {
    name: 'undefined-behaviour',
    zeroed: 'Nothing shown: the code does what C does not define.',
    headline: /^UBSAN: /,
  },
  {
    name: 'lock-order',
    zeroed: 'Nothing shown: lockdep complains of the order or the context of locks.',
    headline:
      /(?:WARNING|INFO): (?:possible (?:circular|recursive|irq)|inconsistent lock|suspicious RCU|bad unlock|held lock|lock held|Nested lock|trying to register non-static)|lock ordering/,
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
    headline: /list_(?:add|del) corruption.*(?:but was 0{8,16}|but was \(null\)|is NULL)/,
  },
  {
    name: 'list-corruption',
    zeroed: 'Unknown: the links around a list entry do not point at each other.',
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

/** What crashes of a family have in common, by the first of its rules; '' for a name that is none of them. */
export function familyText(name: string): string {
  return RULES.find((rule) => rule.name === name)?.zeroed ?? '';
}

/** MIPS32 Privileged Resource Architecture, Cause register. */
const MIPS_EXCEPTIONS: Readonly<Record<string, string>> = {
  '00': 'Int, interrupt',
  '01': 'Mod, store to a read-only page',
  '02': 'TLBL, no translation for a load or fetch',
  '03': 'TLBS, no translation for a store',
  '04': 'AdEL, address error on a load or fetch',
  '05': 'AdES, address error on a store',
  '06': 'IBE, bus error on a fetch',
  '07': 'DBE, bus error on a load or store',
  '08': 'Sys, system call',
  '09': 'Bp, breakpoint',
  '0a': 'RI, reserved instruction',
  '0b': 'CpU, coprocessor unusable',
  '0c': 'Ov, integer overflow',
  '0d': 'Tr, trap',
  '0e': 'MSAFPE, MSA floating point',
  '0f': 'FPE, floating point',
  '13': 'TLBRI, read from a page that must not be read',
  '14': 'TLBXI, fetch from a page that must not be executed',
  '15': 'MSADis, MSA disabled',
  '16': 'MDMX',
  '17': 'WATCH, watched address',
  '18': 'MCheck, machine check',
  '19': 'Thread',
  '1a': 'DSPDis, DSP module disabled',
  '1e': 'CacheErr, cache error',
};

/** Meaning of Cause.ExcCode, empty when it has no name here. */
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
  if (report.architecture === 'MIPS' && /^0[45]$/.test(report.exccode?.value ?? '')) return 'misaligned';
  if (/^(?:6b){3,7}[0-9a-f]{2}$/.test(badva)) return 'poison';
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
  const foreign = foreignArchitecture(report);
  if (foreign !== undefined)
    return {
      name: 'not-mips',
      zeroed: `Unknown: a crash of ${foreign}, not of MIPS.`,
      reasons: [{ value: report.headline, line: report.line }],
    };
  const isMachineCheck =
    report.exccode?.value === '18' || report.tlbMatches.length > 0 || /mcheck/.test(report.headline);
  if (isMachineCheck && report.architecture === 'MIPS') return machineCheck(report);
  if (/^(?:Cache|FTLB) error/.test(report.headline))
    return {
      name: 'cache-error',
      zeroed: 'Nothing shown: the CPU found an error in what a cache or its TLB holds.',
      reasons: [{ value: report.headline, line: report.line }, ...report.notes.slice(0, 2)],
    };
  const fault = faultOf(report);
  const { epc, caller } = faultingPath(report);
  const rule = RULES.find(
    (candidate) =>
      (candidate.fault === undefined || candidate.fault === fault) &&
      (candidate.epc === undefined || (epc !== undefined && candidate.epc.test(epc))) &&
      (candidate.caller === undefined || (caller !== undefined && candidate.caller.test(caller))),
  );
  if (rule === undefined) {
    const exccode = report.exccode;
    const reasons = headlineReason(report);
    if (exccode !== undefined)
      reasons.push({ value: `ExcCode ${exccode.value} (${exceptionName(exccode.value)})`, line: exccode.line });
    if (report.epcSymbol !== undefined)
      reasons.push({
        value: `epc is in ${functionOf(report.epcSymbol.value) ?? report.epcSymbol.value}`,
        line: report.epcSymbol.line,
      });
    const zeroed = 'Unknown: no faulting address, be it that the exception has none or that the log lost it.';
    return { name: 'kernel-exception', zeroed, reasons };
  }
  return { name: rule.name, zeroed: rule.zeroed, reasons: oopsReasons(report, fault, rule) };
}

/** A dump whose headline is not in the log begins with one of its own lines. */
function headlineReason({ headline, line }: CrashReport): Found[] {
  return readDumpLine(headline) === undefined ? [{ value: headline, line }] : [];
}

function machineCheck(report: CrashReport): Family {
  const reasons = headlineReason(report);
  const { exccode } = report;
  if (exccode !== undefined)
    reasons.push({ value: `ExcCode ${exccode.value} (${exceptionName(exccode.value)})`, line: exccode.line });
  for (const { va, entries } of report.tlbMatches) {
    const indexes = entries.map(({ index }) => index);
    const list = `${indexes.slice(0, -1).join(', ')} and ${indexes.at(-1)}`;
    reasons.push({ value: `TLB entries ${list} match one address, ${va}`, line: entries.at(-1)!.line });
  }
  const zeroed =
    report.tlbMatches.length > 0
      ? 'Unknown: the TLB holds more than one entry for an address.'
      : 'Unknown: the CPU found its state inconsistent.';
  return { name: 'machine-check', zeroed, reasons };
}

function oopsReasons(report: CrashReport, fault: Fault | undefined, rule: Rule): Found[] {
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
  if (fault === 'poison') add(`${register} ${badva} is the poison of freed memory, 6b`, report.badva!.line);
  if (fault === 'misaligned') add(`${register} ${badva}`, report.badva!.line);
  if (fault === 'wild') add(`${register} ${badva} is neither near 0 nor a per-CPU offset`, report.badva!.line);
  return reasons;
}

/** Source line and function of a WARNING: of all kernels, and as Linux 6.19 words it. */
export function warningPlace(headline: string): { at: string; symbol: string | undefined } | undefined {
  const match =
    / at (\S+:\d+)(?: (\S+\+0x\S+|\S+\(\)))?/.exec(headline) ??
    /WARNING: (?:\[.*\] )?(\S+:\d+) at (\S+?),? /.exec(headline);
  return match === null ? undefined : { at: match[1], symbol: match[2]?.replace(/\(\)$/, '') };
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
  const place = warningPlace(report.headline)?.symbol ?? report.epcSymbol?.value;
  const epc = functionOf(place) ?? frames[0]?.value;
  for (const { name, zeroed, headline, epc: pattern, note } of WITHOUT_OOPS) {
    if (headline !== undefined && !headline.test(report.headline)) continue;
    if (note !== undefined && !report.notes.some(({ value }) => note.test(value))) continue;
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
