// Runs of somebody's kernel as runs that can be stopped and made again.
import { LinuxTasks } from '../linux/guest-tasks.js';
import { KernelRun, type KernelRunOptions, type RunEnd } from '../run/kernel-run.js';
import type { Names, Rerun, Subject } from './subject.js';

/** From the kernel's file, a System.map or, once it runs, its kallsyms. */
function namesOf({ names }: KernelRun): Names {
  return {
    lookup: (address) => names.current.lookup(address),
    symbolize: (address) => names.current.symbolize(address),
    has: (name) => names.current.address(name) !== undefined,
    address: (name) => names.current.address(name) ?? 0,
  };
}

/** Page sizes by PageMask, which Linux keeps at that of its pages. */
const pageSizeOf = (pageMask: number): number => ((pageMask | 0x1fff) + 1) >>> 1;

const PTE_PRESENT = 1;
/** The kernel's page table, and a pointer to that of the program that runs. */
const SWAPPER_PG_DIR = 'swapper_pg_dir';
const PGD_CURRENT = 'pgd_current';
const KSEG0 = 0x8000_0000;
const KSEG2 = 0xc000_0000;
const GP = 28;

function subjectOf(run: KernelRun): Subject {
  const { machine } = run;
  const { cpu, kernel } = machine;
  const names = namesOf(run);
  let pageSize: number | undefined;
  const word = (address: number): number | undefined => {
    const physical = address & 0x1fff_ffff;
    return address >>> 30 === 2 && physical + 4 <= cpu.ramBytes
      ? cpu.view.getUint32(physical, cpu.littleEndian)
      : undefined;
  };
  const subject: Subject = {
    cpu,
    names,
    lines: { lookup: (address) => kernel.lines?.lookup(address) },
    bigEndian: kernel.bigEndian,
    get pageSize() {
      // before the kernel has set PageMask nobody has asked either
      if (pageSize !== undefined) return pageSize;
      const { registers } = cpu;
      const size = pageSizeOf(registers.read(registers.save(), 'pagemask') ?? 0);
      if (cpu.tlb().some(({ invalid, even, odd }) => !invalid && (even.v || odd.v))) pageSize = size;
      return size;
    },
    tasks: () => tasks.list(cpu.reg(GP)),
    now: () => cpu.now / 1000,
    get knowsPageTable() {
      return names.has(SWAPPER_PG_DIR);
    },
    // Linux's own layout: a page of pointers to pages of PTEs, the frame in its place
    pte(virtual) {
      const pgd =
        virtual >= KSEG2 ? names.address(SWAPPER_PG_DIR) : virtual < KSEG0 ? word(names.address(PGD_CURRENT)) : 0;
      if (!pgd) return undefined;
      const size = this.pageSize;
      const shift = Math.log2(size);
      const table = word(pgd + 4 * (virtual >>> (2 * shift - 2)));
      if (table === undefined || table >>> 30 !== 2) return undefined;
      const address = table + 4 * ((virtual >>> shift) & (size / 4 - 1));
      const value = word(address) ?? 0;
      return { address, value, frame: value & PTE_PRESENT ? value >>> shift : -1 };
    },
    boot: undefined,
    run,
  };
  const tasks = new LinuxTasks({
    word,
    text: (address, length) => printableText(cpu.ram.subarray(address & 0x1fff_ffff, (address & 0x1fff_ffff) + length)),
    symbol: (name) => (names.has(name) ? names.address(name) : undefined),
    isText: (address) => names.lookup(address) !== undefined,
    get pageSize() {
      return subject.pageSize;
    },
  });
  return subject;
}

/** Text before a NUL. */
function printableText(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** What a run of a kernel comes to. */
export interface KernelRunResult {
  end: RunEnd;
  run: KernelRun;
}

/**
 * @param open makes the options anew for each run, disks as they were, and says how to close them
 * @param onLine gets each line of the console, in each run
 */
export function kernelRerun(
  open: () => { options: KernelRunOptions; close: () => void },
  onLine: (line: string) => void,
): Rerun<KernelRunResult> {
  return {
    run(attach, stops = true, check = false) {
      const { options, close } = open();
      let run: KernelRun | undefined;
      try {
        run = new KernelRun({ ...options, onLine, debug: stops, check });
        attach(subjectOf(run));
        return { end: run.run({ slices: false }), run };
      } finally {
        run?.close();
        close();
      }
    },
  };
}
