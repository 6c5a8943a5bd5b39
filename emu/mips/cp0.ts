// Coprocessor 0 in the spelling of the MIPS32 Privileged Resource Architecture (MD00090): codes, bits, vectors.

/** Cause.ExcCode. */
export const EXC_CODE = {
  Int: 0,
  Mod: 1,
  TLBL: 2,
  TLBS: 3,
  AdEL: 4,
  AdES: 5,
  IBE: 6,
  DBE: 7,
  Sys: 8,
  Bp: 9,
  RI: 10,
  CpU: 11,
  Ov: 12,
  Tr: 13,
  FPE: 15,
  TLBRI: 19,
  TLBXI: 20,
  MSADis: 21,
  MDMX: 22,
  WATCH: 23,
  MCheck: 24,
  DSPDis: 26,
} as const;

export type ExceptionName = keyof typeof EXC_CODE;

const NAMES = new Map<number, ExceptionName>(
  Object.entries(EXC_CODE).map(([name, code]) => [code, name as ExceptionName]),
);

/** The mnemonic of a Cause.ExcCode, such as `TLBS`. */
export function exceptionName(excCode: number): ExceptionName {
  const name = NAMES.get(excCode);
  if (!name) throw new RangeError(`no such ExcCode: ${excCode}`);
  return name;
}

/** EBase of CPU 0 after reset. */
export const EBASE_START = 0x8000_0000;
export const STATUS_IE = 1 << 0;
export const STATUS_EXL = 1 << 1;
export const STATUS_ERL = 1 << 2;
/** The timer's interrupt is enabled. */
export const STATUS_IM7 = 1 << 15;
export const STATUS_BEV = 1 << 22;
/** Coprocessor 0 usable, all else clear: kernel mode, BEV = ERL = EXL = 0. What a guest starts with. */
export const STATUS_START = 0x1000_0000;

export const CAUSE_BD = 0x8000_0000;
/** Timer interrupt; special vector for interrupts; the timer's line. */
export const CAUSE_TI = 1 << 30;
export const CAUSE_IV = 1 << 23;
export const CAUSE_IP7 = 1 << 15;
export const CAUSE_CE = 0x3000_0000;
export const CAUSE_EXC_CODE = 0x7c;

/** Exception vectors with BEV = 0 and EBase as after reset. */
export const VECTOR_REFILL = 0x8000_0000;
export const VECTOR_GENERAL = 0x8000_0180;
/** Never entered here: caches are not emulated. */
export const VECTOR_CACHE_ERROR = 0x8000_0100;

/** ExcCode of each interrupt number of QEMU's MIPS target (EXCP_* in target/mips/cpu.h, QEMU 5.0), by number. */
export const EXC_CODE_OF_INTERRUPT: ReadonlyMap<number, number> = new Map([
  [7, EXC_CODE.MCheck],
  [8, EXC_CODE.Int],
  [11, EXC_CODE.WATCH],
  [12, EXC_CODE.AdEL],
  [13, EXC_CODE.AdES],
  [15, EXC_CODE.IBE],
  [17, EXC_CODE.Sys],
  [18, EXC_CODE.Bp],
  [19, EXC_CODE.CpU],
  [20, EXC_CODE.RI],
  [21, EXC_CODE.Ov],
  [22, EXC_CODE.Tr],
  [23, EXC_CODE.FPE],
  [24, EXC_CODE.WATCH],
  [25, EXC_CODE.Mod],
  [26, EXC_CODE.TLBL],
  [27, EXC_CODE.TLBS],
  [28, EXC_CODE.DBE],
  [30, EXC_CODE.MDMX],
  [33, EXC_CODE.DSPDis],
  [34, EXC_CODE.MSADis],
  [36, EXC_CODE.TLBXI],
  [37, EXC_CODE.TLBRI],
]);

/** QEMU's error_code bits of a TLB or address error exception. */
export const ERROR_NO_MATCH = 1;
export const ERROR_FETCH = 2;

/** The instruction word of `wait`, which ends a run. */
export const WAIT = 0x4200_0020;
export const TLBWR = 0x4200_0006;
