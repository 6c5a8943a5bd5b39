// The lines that say that something went wrong, as the kernel words them. A line counts only when the kernel's words start it: prose that
// quotes them does not.

/** A message about the place of an access. Addresses are hexadecimal as printed. */
export type Headline =
  | {
      readonly kind: 'fault';
      readonly architecture: 'MIPS' | 'x86' | undefined;
      readonly cpu: number | undefined;
      readonly badva: string | undefined;
      readonly epc: string | undefined;
      readonly ra: string | undefined;
    }
  /** die(): `Oops[#1]:`; kernels before 2.6 print no number. */
  | {
      readonly kind: 'die';
      readonly number: number | undefined;
      readonly errorCode: string | undefined;
      readonly isX86: boolean;
    }
  | { readonly kind: 'machine-check' }
  | { readonly kind: 'warning'; readonly pid: number | undefined; readonly comm: string | undefined }
  | {
      readonly kind: 'bug';
      readonly pid: number | undefined;
      readonly comm: string | undefined;
      readonly cpu: number | undefined;
    }
  | { readonly kind: 'lockup'; readonly pid: number | undefined; readonly comm: string | undefined }
  /** Registers that somebody asked for: SysRq, a backtrace of another CPU. */
  | { readonly kind: 'inspection' };

const HEX = '[0-9a-f]{8}(?:[0-9a-f]{8})?';
/** All of the MIPS message, which nothing else prints: it may stand anywhere in a line. */
const MIPS_FAULT = new RegExp(
  `(?:\\b[Cc][Pp][Uu] (\\d{1,5}) )?Unable to handle kernel paging request at (?:virtual )?address (${HEX}), epc == (${HEX}), ra == (${HEX})`,
);
const FAULT = new RegExp(
  `^(?:[Cc][Pp][Uu] (\\d{1,5}) )?Unable to handle kernel (?:paging request|NULL pointer dereference|access|read|write|execute|pointer dereference)\\b(?:.{0,40}? (?:address|addr)(?:\\s+(?:0x)?(${HEX}))?)?`,
);
/** Behind `address` a kernel prints one. */
const PROSE_FAULT = /\b(?:address|addr)\s+(?!(?:0x)?[0-9a-f]{1,16}\b|space\b|\()\S/;
const POWERPC_FAULT = new RegExp(
  `^BUG: (?:Kernel NULL pointer dereference|Unable to handle kernel (?:data access|instruction fetch))(?: on \\w{1,8})? at (?:0x)?(${HEX})`,
);
const BUS = new RegExp(`^(?:Data|Instruction) bus error, epc == (${HEX}), ra == (${HEX})`);
const X86_FAULT =
  /^BUG: (?:kernel NULL pointer dereference, address:|unable to handle (?:page fault for address:|kernel (?:NULL pointer dereference|paging request) at)) ?([0-9a-f]{8,16})|^(?:traps: )?general protection fault/;
const MIPS_DIE = /^([A-Za-z][^"[\]]{2,79}?) ?\[#(\d{1,5})\]:?$/;
/** Other architectures say what the kernel was built with: `Oops: 0000 [#1] PREEMPT SMP`. */
const OTHER_DIE = /^([A-Za-z][^"[\]]{2,120}?) ?\[#(\d{1,5})\](?::? [A-Z][A-Z0-9_]+(?:[=(][\w-]*\)?)?)+$/;
const OLD_DIE =
  /^(?:Oops|Unhandled kernel unaligned access|Reserved instruction in kernel code|Kernel unaligned instruction access|Break instruction in kernel code|Trap instruction in kernel code|FP exception in kernel code|do_cpu invoked from kernel context!) in [\w./-]{1,40}::\w{1,40}, line \d{1,6}:?$|^Oops: [0-9a-f]{4}$/;
const ERROR_CODE =
  /^(?:Oops: )?(?:Oops|invalid opcode|divide error|stack segment|general protection fault.{0,80}): ([0-9a-f]{4}) ?(?:\[#|$)/;
const MACHINE_CHECK =
  /^Got mcheck at [0-9a-f]{8}|^(?:Got )?machine check (?:at|exception)|^Caught Machine Check exception|^(?:Cache|FTLB) error exception\b/i;
const WARNING =
  /^(?:-+\[ ?)?WARNING: (?:CPU: \d{1,5} PID: (\d{1,10}) at |(?:\[.{1,200}\] )?\S{1,200}:\d{1,6} at .{1,200}, CPU#\d{1,5}: (.{1,64})\/(\d{1,10})$|at |possible |suspicious |inconsistent |bad unlock|held lock|lock held|stack |Nested |chain_key|kernel stack|.{1,40} detected)|^Badness (?:in|at) |^UBSAN: |^(?:\[ )?INFO: (?:possible (?:recursive|circular|irq)|inconsistent lock|trying to register non-static|suspicious RCU)/;
const BUG =
  /^(?!(?:Subject|Re|Fwd|Title|Summary): )(?:\[?[\w .#-]{1,24}\]?: )?(?:BUG(?::|(?= \S{1,40} \((?:Not tainted|Tainted)))|list_(?:add|del) corruption)|^kernel BUG at |^(?:slab error in |Slab corruption)/;
const BUG_CPU = /^BUG: (?:spinlock|rwlock) .{1,40} on CPU#(\d{1,5}), (.{1,64})\/(\d{1,10})$/;
const BUG_TASK = /^BUG: (?:scheduling while atomic: (.{1,64})\/(\d{1,10})\/0x|sleeping function )/;
const LOCKUP =
  /^(?!(?:Subject|Re|Fwd|Title|Summary): )(?:[\w ]{1,16}: ){0,2}(?:BUG: soft lockup|Watchdog detected hard LOCKUP|BUG: workqueue lockup|(?:INFO: )?\S{1,24} (?:self-)?detected (?:expedited )?stalls? on |INFO: task .{1,64} blocked for more than)/i;
const LOCKUP_TASK = /\[(.{1,64}):(\d{1,10})\]$|INFO: task (.{1,64}):(\d{1,10}) blocked/;
const INSPECTION =
  /^(?:sysrq ?: |SysRq ?: )(?:Show|This sysrq)|^NMI backtrace for cpu|^Sending NMI from CPU|^Backtrace for cpu/i;

/** What most lines of a log lack. */
const ANY =
  /Unable to|bus error|error exception|BUG|corruption|\[#|, line|Oops|mcheck|achine [Cc]heck|WARNING|Badness|UBSAN|INFO: |LOCKUP|lockup|detected|protection fault|ysrq|ysRq|NMI|acktrace for|slab|Slab corr/;

/** Reads a headline; undefined for any other line. */
export function readHeadline(line: string): Headline | undefined {
  if (!ANY.test(line)) return undefined;
  const text = line.trim();
  return readFault(text) ?? readDie(text) ?? readComplaint(text);
}

function readFault(text: string): Headline | undefined {
  let match: RegExpExecArray | null;
  if ((match = MIPS_FAULT.exec(text)) !== null) {
    const [, cpu, badva, epc, ra] = match;
    return { kind: 'fault', architecture: 'MIPS', cpu: numberOf(cpu), badva, epc, ra };
  }
  if ((match = FAULT.exec(text)) !== null && !PROSE_FAULT.test(text)) return foreignFault(numberOf(match[1]), match[2]);
  if ((match = POWERPC_FAULT.exec(text)) !== null) return foreignFault(undefined, match[1]);
  if ((match = BUS.exec(text)) !== null)
    return { kind: 'fault', architecture: 'MIPS', cpu: undefined, badva: undefined, epc: match[1], ra: match[2] };
  if ((match = X86_FAULT.exec(text)) !== null && !text.includes('[#'))
    return { kind: 'fault', architecture: 'x86', cpu: undefined, badva: match[1], epc: undefined, ra: undefined };
  return undefined;
}

/** MIPS kernels name epc and ra in the same line. */
function foreignFault(cpu: number | undefined, badva: string | undefined): Headline {
  return { kind: 'fault', architecture: undefined, cpu, badva, epc: undefined, ra: undefined };
}

function readDie(text: string): Headline | undefined {
  const match = text.includes('[#') ? (MIPS_DIE.exec(text) ?? OTHER_DIE.exec(text)) : null;
  if (match !== null) {
    const errorCode = ERROR_CODE.exec(text)?.[1];
    return { kind: 'die', number: Number(match[2]), errorCode, isX86: errorCode !== undefined };
  }
  if (OLD_DIE.test(text)) return { kind: 'die', number: undefined, errorCode: undefined, isX86: false };
  return MACHINE_CHECK.test(text) ? { kind: 'machine-check' } : undefined;
}

function readComplaint(text: string): Headline | undefined {
  if (INSPECTION.test(text)) return { kind: 'inspection' };
  if (LOCKUP.test(text)) {
    const task = LOCKUP_TASK.exec(text);
    return { kind: 'lockup', comm: task?.[1] ?? task?.[3], pid: numberOf(task?.[2] ?? task?.[4]) };
  }
  const warning = WARNING.exec(text);
  if (warning !== null) return { kind: 'warning', pid: numberOf(warning[1] ?? warning[3]), comm: warning[2] };
  if (!BUG.test(text)) return undefined;
  const onCpu = BUG_CPU.exec(text);
  if (onCpu !== null) return { kind: 'bug', cpu: Number(onCpu[1]), comm: onCpu[2], pid: Number(onCpu[3]) };
  const task = BUG_TASK.exec(text);
  return { kind: 'bug', cpu: undefined, comm: task?.[1], pid: numberOf(task?.[2]) };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** Number of fields that a headline gives, as fieldsOf of a dump line. @param text the line */
export function headlineFields(headline: Headline, text: string): number {
  if (headline.kind !== 'fault') return /\+0x[0-9a-f]+\/0x[0-9a-f]+/.test(text) ? 3 : 2;
  return 1 + [headline.badva, headline.epc, headline.ra].filter((field) => field !== undefined).length;
}
