// Runs of somebody's kernel as runs that can be stopped and made again.
import { LineTable } from '../../emu/elf/line-table.js';
import { KernelRun, type KernelRunOptions, type RunEnd } from '../run/kernel-run.js';
import type { Names, Rerun, Subject } from './subject.js';

/** A kernel without symbols. */
const NO_NAMES: Names = {
  lookup: () => undefined,
  symbolize: (address) => `0x${address.toString(16)}`,
  has: () => false,
  address: () => 0,
};

/** Page sizes by PageMask, which Linux keeps at that of its pages. */
const pageSizeOf = (pageMask: number): number => ((pageMask | 0x1fff) + 1) >>> 1;

const PTE_PRESENT = 1;
const SWAPPER_PG_DIR = 'swapper_pg_dir';
const KSEG2 = 0xc000_0000;

function subjectOf(run: KernelRun): Subject {
  const { machine } = run;
  const { cpu, kernel } = machine;
  const names = kernel.symbols ?? NO_NAMES;
  let pageSize: number | undefined;
  const word = (address: number): number => {
    const physical = address & 0x1fff_ffff;
    return address >>> 30 === 2 && physical + 4 <= cpu.ramBytes ? cpu.view.getUint32(physical, cpu.littleEndian) : 0;
  };
  return {
    cpu,
    names,
    lines: new LineTable('', ''),
    bigEndian: kernel.bigEndian,
    get pageSize() {
      // before the kernel has set PageMask nobody has asked either
      if (pageSize !== undefined) return pageSize;
      const { registers } = cpu;
      const size = pageSizeOf(registers.read(registers.save(), 'pagemask') ?? 0);
      if (cpu.tlb().some(({ invalid, even, odd }) => !invalid && (even.v || odd.v))) pageSize = size;
      return size;
    },
    tasks: () => [],
    now: () => cpu.now / 1000,
    // Linux's own layout: a page of pointers to pages of PTEs, the frame in its place
    pte(virtual) {
      if (virtual < KSEG2 || !names.has(SWAPPER_PG_DIR)) return undefined;
      const size = this.pageSize;
      const shift = Math.log2(size);
      const table = word(names.address(SWAPPER_PG_DIR) + 4 * (virtual >>> (2 * shift - 2)));
      if (table >>> 30 !== 2) return undefined;
      const address = table + 4 * ((virtual >>> shift) & (size / 4 - 1));
      const value = word(address);
      return { address, value, frame: value & PTE_PRESENT ? value >>> shift : -1 };
    },
    boot: undefined,
    run,
  };
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
