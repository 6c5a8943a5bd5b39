// The registers of the CPU in gdb's numbering, and the description that gdb reads of them (gdb manual, MIPS features).

export interface RegisterDescription {
  readonly name: string;
  /** gdb's number, and the position in a `g` packet. */
  readonly number: number;
  readonly feature: string;
  readonly type: string;
  readonly group?: string;
}

const CPU = 'org.gnu.gdb.mips.cpu';
const CP0 = 'org.gnu.gdb.mips.cp0';
const FPU = 'org.gnu.gdb.mips.fpu';
/** Coprocessor 0 registers that gdb has no use for itself: users have. */
const SYSTEM = 'percpu-malta.mips.system';

// prettier-ignore
const SYSTEM_REGISTERS = [
  'index', 'entrylo0', 'entrylo1', 'context', 'pagemask', 'wired', 'entryhi', 'epc', 'errorepc', 'ebase', 'count', 'compare',
  'prid', 'config', 'config1', 'config2', 'config3',
];

const FIRST_FPR = 38;
const FIRST_SYSTEM = 72;

/** In order of number, without gaps. */
export const REGISTERS: readonly RegisterDescription[] = [
  ...Array.from({ length: 32 }, (_, n) => ({ name: `r${n}`, number: n, feature: CPU, type: 'int32' })),
  { name: 'status', number: 32, feature: CP0, type: 'int32' },
  { name: 'lo', number: 33, feature: CPU, type: 'int32' },
  { name: 'hi', number: 34, feature: CPU, type: 'int32' },
  { name: 'badvaddr', number: 35, feature: CP0, type: 'int32' },
  { name: 'cause', number: 36, feature: CP0, type: 'int32' },
  { name: 'pc', number: 37, feature: CPU, type: 'code_ptr' },
  ...Array.from({ length: 32 }, (_, n) => ({
    name: `f${n}`,
    number: FIRST_FPR + n,
    feature: FPU,
    type: 'ieee_single',
  })),
  { name: 'fcsr', number: 70, feature: FPU, type: 'int32', group: 'float' },
  { name: 'fir', number: 71, feature: FPU, type: 'int32', group: 'float' },
  ...SYSTEM_REGISTERS.map((name, i) => ({
    name,
    number: FIRST_SYSTEM + i,
    feature: SYSTEM,
    type: 'int32',
    group: 'system',
  })),
];

/** target.xml. */
export function targetDescription(): string {
  const features = [CPU, CP0, FPU, SYSTEM].map((feature) => {
    const registers = REGISTERS.filter((register) => register.feature === feature).map(
      ({ name, number, type, group }) =>
        `<reg name="${name}" bitsize="32" regnum="${number}" type="${type}"${group ? ` group="${group}"` : ''}/>`,
    );
    return `<feature name="${feature}">\n${registers.join('\n')}\n</feature>`;
  });
  return (
    '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n<target>\n<architecture>mips</architecture>\n' +
    `${features.join('\n')}\n</target>\n`
  );
}
