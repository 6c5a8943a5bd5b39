// Where libunicorn keeps the CPU's registers inside a saved context, found by observation instead of trusted numbers:
// unicorn.h has no access to CP0 registers but Status, and an emulated exception has to set EPC, Cause and PC.
import { type Context, type Engine, type EngineLibrary, CPU_MODEL, HOOK, PROT_ALL, REG } from '../unicorn/engine.js';

/** Index of each field in the 32-bit words of a saved context. */
export interface RegisterLayout {
  /** General register 0; register n is at gpr + n. */
  readonly gpr: number;
  readonly pc: number;
  readonly context: number;
  readonly badVAddr: number;
  readonly entryHi: number;
  readonly status: number;
  readonly cause: number;
  readonly epc: number;
  /** QEMU's error_code: bit 0 no TLB entry matched, bit 1 instruction fetch; coprocessor number for CpU. */
  readonly errorCode: number;
  /** QEMU's hflags, among them the state of a branch whose delay slot is next. */
  readonly hflags: number;
}

/** Bits of hflags, the same in 2.0.1 to 2.1.x: a delay slot is next (MIPS_HFLAG_BMASK), MIPS16 instructions (MIPS_HFLAG_M16). */
export const HFLAGS = { branch: 0x87_f800, mips16: 0x400 } as const;

const layouts = new WeakMap<EngineLibrary, RegisterLayout>();

/** The layout of `library`, probed on a scratch guest once per process. @throws Error when a field cannot be told apart */
export function registerLayout(library: EngineLibrary): RegisterLayout {
  let layout = layouts.get(library);
  if (!layout) {
    layout = probe(library.open());
    layouts.set(library, layout);
  }
  return layout;
}

const CODE = 0x8000_1000;
const MTC0 = [
  0x40887000, // mtc0 $8, EPC
  0x40896800, // mtc0 $9, Cause
  0x408a2000, // mtc0 $10, Context
  0x408b5000, // mtc0 $11, EntryHi
  0, // nop
];
const LW_2_FROM_4 = 0x8c820000; // lw $2, 0($4)
const LWC2 = 0xc8880000; // lwc2 $8, 0($4): coprocessor 2 unusable
const MFC1 = 0x44080000; // mfc1 $8, $f0: coprocessor 1 unusable

/** One experiment: two snapshots of the context, and the word indices whose pair of values satisfies `test`. */
type Snapshots = readonly [Uint32Array, Uint32Array];

function probe(engine: Engine): RegisterLayout {
  try {
    return observe(engine);
  } finally {
    engine.close();
  }
}

function observe(engine: Engine): RegisterLayout {
  engine.ctl_set_cpu_model(CPU_MODEL['24Kf']);
  engine.mem_map(0, 0x1_0000, PROT_ALL);
  const context: Context = engine.context_alloc();
  const snapshot = (): Uint32Array => {
    engine.context_save(context);
    return context.words().slice();
  };
  let code = CODE;
  const run = (words: readonly number[]): void => {
    const bytes = new DataView(new ArrayBuffer(words.length * 4));
    words.forEach((word, i) => bytes.setUint32(4 * i, word));
    // At an address that has not run before: no engine has translated it.
    engine.mem_write(code & 0x1fff_ffff, new Uint8Array(bytes.buffer));
    engine.emu_start(code, code + 4 * (words.length - 1), 0, 0);
    code += 0x100;
  };
  engine.hook_add(HOOK.INTR, () => engine.emu_stop());

  engine.reg_write_i32(REG.CP0_STATUS, 0x1000_0000);
  for (let n = 8; n < 16; n++) engine.reg_write_i32(REG.GPR0 + n, 0xabcd_0000 + n);
  const planted = snapshot();
  const gpr =
    planted.findIndex((_, k) => [0, 1, 2, 3, 4, 5, 6, 7].every((i) => planted[k + i] === 0xabcd_0008 + i)) - 8;
  if (gpr < 0) throw new Error('general registers not found in the saved context');

  const find = (name: string, [a, b]: Snapshots, test: (a: number, b: number) => boolean, from = gpr + 32): number => {
    const hits: number[] = [];
    for (let k = from; k < a.length; k++) if (test(a[k], b[k])) hits.push(k);
    if (hits.length !== 1) throw new Error(`CP0 ${name}: ${hits.length} candidates in the saved context`);
    return hits[0];
  };
  const both = (set: (value: number) => void, values: readonly number[]): Snapshots => {
    const [a, b] = values.map((value) => {
      set(value);
      return snapshot();
    });
    return [a, b];
  };
  const exactly =
    (x: number, y: number, mask = 0xffff_ffff) =>
    (a: number, b: number) =>
      (a & mask) === (x & mask) && (b & mask) === (y & mask);

  const writes: Record<'epc' | 'cause' | 'context' | 'entryHi', readonly [number, number]> = {
    epc: [0x5a5a_1234, 0x25a5_1238],
    cause: [0x0080_0300, 0x0000_0100],
    context: [0x7f80_0000, 0x2f80_0000],
    entryHi: [0x1234_6011, 0x6543_2022],
  };
  const written = both(
    (i) => {
      engine.reg_write_i32(REG.GPR0 + 8, writes.epc[i]);
      engine.reg_write_i32(REG.GPR0 + 9, writes.cause[i]);
      engine.reg_write_i32(REG.GPR0 + 10, writes.context[i]);
      engine.reg_write_i32(REG.GPR0 + 11, writes.entryHi[i]);
      run(MTC0);
    },
    [0, 1],
  );
  const statuses = both((value) => engine.reg_write_i32(REG.CP0_STATUS, value), [0x1000_0000, 0x1000_0010]);
  engine.reg_write_i32(REG.CP0_STATUS, 0x1000_0000);
  const misaligned = both(
    (address) => {
      engine.reg_write_i32(REG.GPR0 + 4, address);
      run([LW_2_FROM_4, 0]);
    },
    [0x8000_2221, 0x8000_3332],
  );
  engine.reg_write_i32(REG.CP0_STATUS, 0);
  const unusable = both((instruction) => run([instruction, 0]), [LWC2, MFC1]);
  const pcs = both((value) => engine.reg_write_i32(REG.PC, value), [0x8000_7770, 0x8000_3330]);

  const layout: RegisterLayout = {
    gpr,
    pc: find('PC', pcs, exactly(0x8000_7770, 0x8000_3330), gpr),
    context: find('Context', written, exactly(...writes.context, 0xff80_0000)),
    badVAddr: find('BadVAddr', misaligned, exactly(0x8000_2221, 0x8000_3332)),
    entryHi: find('EntryHi', written, exactly(...writes.entryHi)),
    status: find('Status', statuses, exactly(0x1000_0000, 0x1000_0010)),
    cause: find('Cause', written, exactly(...writes.cause, 0x00c0_0300)),
    epc: find('EPC', written, exactly(...writes.epc)),
    errorCode: find('error_code', unusable, exactly(2, 1)),
    // User mode shows in the low two bits (MIPS_HFLAG_KSU).
    hflags: find('hflags', statuses, (a, b) => a !== b && ((a ^ b) & 3) === 2),
  };
  engine.context_free(context);
  return layout;
}
