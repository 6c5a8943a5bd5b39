// Crashes of other architectures: named, with where they happened, and never read as MIPS.
import { MODULE } from './dump-line.js';

/** What an architecture calls the three addresses that a crash is about. */
export interface Architecture {
  readonly name: string;
  /** Program counter, return address, faulting address, in the words of its dump. */
  readonly names: readonly [pc: string, ra: string, badva: string];
  /** A line that no other architecture's dump has. */
  readonly mark: RegExp;
  readonly pc: readonly RegExp[];
  readonly ra: readonly RegExp[];
  readonly badva: readonly RegExp[];
}

const SYMBOL = `[A-Za-z_.][\\w.$]*\\+0x[0-9a-f]+/0x[0-9a-f]+(?: ${MODULE})?`;
const H = '(?:0x)?([0-9a-f]{8,16})';

/** In the order in which they are tried. In each pattern group 1 is an address, the group called `symbol` a name. */
export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'LoongArch',
    names: ['era', 'ra', 'BADV'],
    mark: /, era == [0-9a-f]{8}|^\s*ERA\s*: [0-9a-f]{8}|^ *ESTAT: |^ *BADV: |^pc [0-9a-f]{16} ra [0-9a-f]{16} tp /i,
    pc: [
      new RegExp(`^\\s*ERA\\s*: ${H}(?: (?<symbol>${SYMBOL}))?`),
      new RegExp(`, era == ${H}`),
      new RegExp(`^pc ${H} ra `),
    ],
    ra: [
      new RegExp(`^\\s*ra\\s*: ${H}(?: (?<symbol>${SYMBOL}))?`),
      new RegExp(`, ra == ${H}`),
      new RegExp(`^pc \\S+ ra ${H} tp`),
    ],
    badva: [new RegExp(`^\\s*BADV\\s*: ${H}`), new RegExp(`virtual address ${H}, era ==`)],
  },
  {
    name: 'RISC-V',
    names: ['epc', 'ra', 'badaddr'],
    mark: /\bgp : [0-9a-f]{8,16} tp : |\bsp : [0-9a-f]{8,16}$|^s?epc\s*: [0-9a-f]{8,16} ra\s*: |^status: [0-9a-f]{8,16} badaddr: |^epc : [A-Za-z_][\w.]*\+0x/,
    pc: [new RegExp(`^s?epc\\s*: (?<symbol>${SYMBOL})`), new RegExp(`^s?epc\\s*: ${H} ra`)],
    ra: [new RegExp(`^\\s*ra\\s*: (?<symbol>${SYMBOL})`), new RegExp(`^s?epc\\s*: \\S+ ra\\s*: ${H}`)],
    badva: [new RegExp(`\\bbadaddr: ${H}`), new RegExp(`Unable to handle kernel .* at virtual address ${H}`)],
  },
  {
    name: 'AArch64',
    names: ['pc', 'lr', 'FAR'],
    mark: /^pstate: |^Mem abort info:|^\s*ESR = 0x|^x\d\d?\s*: ?[0-9a-f]{16}|user pgtable: |swapper pgtable: |^pc : (?!\[<[0-9a-f]{8}>)/,
    pc: [
      new RegExp(`^pc : (?<symbol>${SYMBOL})`),
      new RegExp(`^pc : \\[<${H}>\\]`),
      new RegExp(`^PC is at (?<symbol>${SYMBOL})`),
    ],
    ra: [
      new RegExp(`^lr : (?<symbol>${SYMBOL})`),
      new RegExp(`^LR is at (?<symbol>${SYMBOL})`),
      /\blr : \[<([0-9a-f]{8,16})>\]/,
    ],
    badva: [new RegExp(`Unable to handle kernel .* at virtual address ${H}`), new RegExp(`\\bFAR = ${H}`)],
  },
  {
    name: 'ARM',
    names: ['pc', 'lr', 'FAR'],
    mark: /^Internal error: .* ARM$|^Internal error: .* THUMB2?$|^pc : \[<[0-9a-f]{8}>\] {2,4}lr : |^pgd = [0-9a-f]{8}$|^\[[0-9a-f]{8}\] \*pgd=|^Control: [0-9a-f]{8} {2}Table: /,
    pc: [
      new RegExp(`^PC is at (?<symbol>${SYMBOL})`),
      /^pc : \[<([0-9a-f]{8})>\]/,
      new RegExp(`^pc : (?<symbol>${SYMBOL})`),
    ],
    ra: [
      new RegExp(`^LR is at (?<symbol>${SYMBOL})`),
      /\blr : \[<([0-9a-f]{8})>\]/,
      new RegExp(`^lr : (?<symbol>${SYMBOL})`),
    ],
    badva: [new RegExp(`Unable to handle kernel .* at virtual address ${H}`)],
  },
  {
    name: 'PowerPC',
    names: ['NIP', 'LR', 'DAR'],
    mark: /^NIP:? {1,2}\[?[0-9a-f]{8}|^Faulting instruction address: |^Oops: Kernel access of bad area|^GPR\d\d: |^MSR: {1,2}[0-9a-f]{8}|^BUG: Kernel NULL pointer dereference (?:on|at)|^Unable to handle kernel (?:paging request|data access) for (?:data|instruction)|sig: \d+ \[#\d+\]$/,
    pc: [
      new RegExp(`^NIP \\[${H}\\](?: (?<symbol>${SYMBOL}))?`),
      new RegExp(`^NIP: {1,2}${H}`),
      new RegExp(`^Faulting instruction address: ${H}`),
    ],
    ra: [new RegExp(`^LR \\[${H}\\](?: (?<symbol>${SYMBOL}))?`), new RegExp(`\\bLR: ${H}`)],
    badva: [new RegExp(`\\bDAR: ${H}`), new RegExp(`(?:at|address) ${H}`)],
  },
  {
    name: 's390',
    names: ['PSW', 'R14', 'TEID'],
    mark: /^Krnl PSW : |^Krnl GPRS: |^Krnl Code: |^Failing address: [0-9a-f]+ TEID|^Unable to handle kernel pointer dereference in virtual kernel|ilc:\d/,
    pc: [new RegExp(`^Krnl PSW : \\S+ ${H} \\((?<symbol>${SYMBOL})\\)`), new RegExp(`^Krnl PSW : \\S+ ${H}`)],
    ra: [],
    badva: [new RegExp(`^Failing address: ${H}`)],
  },
  {
    name: 'SPARC',
    names: ['TPC', 'I7', 'address'],
    mark: /^TSTATE: |^TPC: |^\s*\\\|\/ ____ \\\|\/|tsk->\{mm,active_mm\}|^PSR: [0-9a-f]{8} PC: /,
    pc: [new RegExp(`^TPC: <(?<symbol>${SYMBOL})>`), new RegExp(`\\bT?PC: ${H}`)],
    ra: [new RegExp(`^I7: <(?<symbol>${SYMBOL})>`), new RegExp(`^I7: ${H}`)],
    badva: [new RegExp(`Unable to handle kernel .* at virtual address ${H}`)],
  },
  {
    name: 'PA-RISC',
    names: ['IAOQ', 'RP', 'IOR'],
    mark: /^IASQ: |^ *IAOQ\[0\]: |^Bad Address \(null pointer deref\?\)|^ *ORIG_R28: /,
    pc: [new RegExp(`^ *IAOQ\\[0\\]: (?<symbol>${SYMBOL})`)],
    ra: [new RegExp(`^ *RP\\(r2\\): (?<symbol>${SYMBOL})`)],
    badva: [new RegExp(`\\bIOR: ${H}`), new RegExp(`at addr ${H}`)],
  },
  {
    name: 'Alpha',
    names: ['pc', 'ra', 'address'],
    mark: /^pc = \[<[0-9a-f]{16}>\] {1,2}ra = \[</,
    pc: [/^pc = \[<([0-9a-f]{16})>\]/, new RegExp(`^pc is at (?<symbol>${SYMBOL})`)],
    ra: [/\bra = \[<([0-9a-f]{16})>\]/, new RegExp(`^ra is at (?<symbol>${SYMBOL})`)],
    badva: [new RegExp(`virtual address ${H}`)],
  },
  {
    name: 'ARC',
    names: ['ERET', 'BLINK', 'EFA'],
    mark: /^\[ECR {1,3}\]: |^\[EFA {1,3}\]: |^\[BLINK ?\]: |^\[ERET ?\]: /,
    pc: [new RegExp(`^\\[ERET ?\\]: (?:${H} )?(?<symbol>${SYMBOL})`)],
    ra: [new RegExp(`^\\[BLINK ?\\]: (?:${H} )?(?<symbol>${SYMBOL})`)],
    badva: [/^\[EFA +\]: 0x([0-9a-f]{8})/],
  },
  {
    name: 'SuperH',
    names: ['PC', 'PR', 'TEA'],
    mark: /^PC {1,2}: [0-9a-f]{8} SP {1,2}: [0-9a-f]{8} SR {1,2}: |^PR is at |^MACH: [0-9a-f]{8}/,
    pc: [new RegExp(`^PC is at (?<symbol>${SYMBOL})`), /^PC {1,2}: ([0-9a-f]{8})/],
    ra: [new RegExp(`^PR is at (?<symbol>${SYMBOL})`)],
    badva: [new RegExp(`\\bTEA : ${H}`), new RegExp(`virtual address ${H}`)],
  },
  {
    name: 'm68k',
    names: ['PC', 'a6', 'address'],
    mark: /^PC: \[<[0-9a-f]{8}>\]|^SR: [0-9a-f]{4} {2}SP: |^Unable to handle kernel access at virtual address/,
    pc: [new RegExp(`^PC: \\[<${H}>\\](?: (?<symbol>${SYMBOL}))?`)],
    ra: [],
    badva: [new RegExp(`virtual address ${H}`)],
  },
  {
    name: 'x86',
    names: ['RIP', 'ra', 'CR2'],
    mark: /\bE?[RE]IP: (?:[0-9a-f]{4}:)?|\bCR2: [0-9a-f]{8}|\b[RE]AX: [0-9a-f]{8}|^BUG: unable to handle (?:page fault|kernel)|^BUG: kernel NULL pointer dereference, address: |#PF: /,
    pc: [
      new RegExp(`^EIP: (?:[0-9a-f]{4}:)?(?:\\[<${H}>\\] )?(?:EFLAGS|(?<symbol>${SYMBOL}))`),
      new RegExp(`^EIP is at (?<symbol>${SYMBOL})`),
    ],
    ra: [],
    badva: [new RegExp(`\\bCR2: ${H}`)],
  },
];

/** Lines that only a MIPS kernel prints. */
const MIPS =
  /^\$ ?\d{1,2}\s{0,6}: ?[0-9a-f]{8}|, epc == [0-9a-f]{8}|^Cause\s*: ?[0-9a-f]{8}|\(ExcCode [0-9a-f]{2}\)|^BadVA\s*: |^epc\s{0,6}: [0-9a-f]{8}(?:[0-9a-f]{8})?(?: [^r]|$)|^Index: +\d+ pgmask=|^cp0_errorepc == /;

/** A first look, for the many lines that mark nothing. */
const ANY =
  /== |[Ee][Rr][Aa]|ESTAT|BADV|^pc |gp : |sp : |epc|status: |pstate|abort|ESR|^x\d|pgtable|^pc :|Internal error|PR is at |pgd|Control: |NIP|Faulting|Oops: |GPR|MSR|Kernel NULL|paging request|data access|sig: |Krnl|Failing|pointer deref|ilc|TSTATE|TPC|____|tsk->|PSR|IA[SO]Q|Bad Address|ORIG_R28|^pc =|\[ECR|\[EFA|\[BLINK|\[ERET|PC |MACH|PC: |SR: |kernel access|IP: |CR2|AX: |BUG: |#PF|^\$|Cause|ExcCode|BadVA|pgmask/;

/** The architecture that `line` gives away: 'MIPS', the name of another, or undefined. */
export function architectureOf(line: string): string | undefined {
  const text = line.trim();
  if (!ANY.test(text)) return undefined;
  if (MIPS.test(text)) return 'MIPS';
  return ARCHITECTURES.find(({ mark }) => mark.test(text))?.name;
}

export function architectureNamed(name: string | undefined): Architecture | undefined {
  return ARCHITECTURES.find((architecture) => architecture.name === name);
}

/** Address and name that a line gives for one of an architecture's three addresses. */
export function readAddress(
  text: string,
  patterns: readonly RegExp[],
): { address: string | undefined; symbol: string | undefined } | undefined {
  for (const pattern of patterns) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const symbol = match.groups?.symbol;
    // A pattern without an address has the name as its first group.
    return { address: match[1] === symbol ? undefined : match[1], symbol };
  }
  return undefined;
}
