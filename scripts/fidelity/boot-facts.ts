// What is compared of one boot, and how it is got from our own guest and from a real kernel on the board.
import { loadEngine } from '../../emu/unicorn/choose.js';
import { openDrives } from '../../emu/malta/disk/drives.js';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { decodeConsole, signature } from '../../src/decode/index.js';
import { setupBootOptions } from '../../src/experiments/setup.js';
import { readGunzipped } from '../../src/files/input.js';
import { bootOnce } from '../../src/kernel/boot.js';
import { PercpuWatch } from '../../src/lockstep/percpu-watch.js';
import { KernelRun, runOutcome } from '../../src/run/kernel-run.js';
import { type Cell, guestSetup } from './cells.js';

export interface BootFacts {
  /** First word of the signature; '' for a clean boot. */
  kind: string;
  /** Made after the first. */
  chunks: number;
  /** Pages of single units. */
  depopulated: number;
  /** Pages that were populated again after that, how many of them with a live TLB entry of the old frame, and after how long: ms, each. */
  repopulated: number;
  stale: number;
  delays: number[];
  refills: number;
}

const MS_DIGITS = 1000;

/** Follows pages by their virtual addresses. */
class PageTimes {
  depopulated = 0;
  stale = 0;
  readonly delays: number[] = [];
  readonly #gone = new Map<number, { ms: number; frame: number | undefined }>();

  /** @param translated frame that the TLB has for a virtual address, undefined: none */
  constructor(readonly translated: (virtual: number) => number | undefined) {}

  unmapped(virtual: number, ms: number): void {
    this.depopulated++;
    this.#gone.set(virtual, { ms, frame: this.translated(virtual) });
  }

  mapped(virtual: number, ms: number): void {
    const gone = this.#gone.get(virtual);
    if (gone === undefined) return;
    this.#gone.delete(virtual);
    this.delays.push(Math.round((ms - gone.ms) * MS_DIGITS) / MS_DIGITS);
    if (gone.frame !== undefined && this.translated(virtual) === gone.frame) this.stale++;
  }

  facts(): Pick<BootFacts, 'depopulated' | 'repopulated' | 'stale' | 'delays'> {
    const { depopulated, delays, stale } = this;
    return { depopulated, repopulated: delays.length, stale, delays };
  }
}

const engine = await loadEngine('native');

const kindOf = (outcome: string, text: string): string => (outcome === 'clean' ? '' : text.split(' ')[0] || outcome);

export function bootGuest(cell: Cell, fixed: boolean, seed: number): BootFacts {
  let times: PageTimes | undefined;
  const { outcome, console, counters } = bootOnce({
    ...setupBootOptions(guestSetup(cell, fixed), seed, engine, true),
    attach: ({ log, pages }) => {
      const followed = new PageTimes((va) => pages.translation(va)?.frame);
      times = followed;
      log.onEvent = (event) => {
        if (event.type === 'unmap') followed.unmapped(event.va, event.t / 1000);
        else if (event.type === 'map') followed.mapped(event.va, event.t / 1000);
      };
    },
  });
  return {
    kind: kindOf(outcome, signature(decodeConsole(console))),
    chunks: counters.chunksCreated,
    ...times!.facts(),
    refills: counters.tlbRefills + counters.tlbInvalid,
  };
}

export interface BoardFiles {
  /** Of the cell's page size; with the flush or without it. */
  readonly kernel: string;
  readonly disk: string;
}

/** Virtual seconds and instructions that no boot needs that gets anywhere. */
const LIMITS = { maxSeconds: 20, maxInstructions: 3e9, stallInstructions: 4e8 };

/** @throws UsageError for files that cannot be booted; Error when the kernel's allocator does other things than ours */
export function bootBoard(cell: Cell, { kernel: file, disk }: BoardFiles, seed: number): BootFacts {
  const kernel = parseKernel(readGunzipped(file, { limit: 2 ** 28 }), file);
  const { drives, close } = openDrives([disk, '8M', '8M', '8M'], cell.controllers);
  const run = new KernelRun({
    engine,
    kernel,
    cpu: cell.cpu,
    tlb: cell.tlb,
    seed,
    memoryMB: 128,
    commandLine: 'root=/dev/sda rw rootwait console=ttyS0 loglevel=7 no_hash_pointers',
    controllers: cell.controllers,
    drives,
    commandSeconds: 0,
    ...LIMITS,
  });
  try {
    const { cpu } = run.machine;
    const times = new PageTimes((va) => {
      const entry = cpu.tlbMatch(va);
      const half = entry && !entry.invalid ? (va & entry.pageSize ? entry.odd : entry.even) : undefined;
      return half?.v ? half.physical / entry!.pageSize : undefined;
    });
    const nothing = (): void => {};
    const watch = new PercpuWatch(run, {
      begun: nothing,
      allocated: nothing,
      freed: nothing,
      balanced: nothing,
      flushed: nothing,
      operated: (operation) => {
        if (operation.kind !== 'populate' && operation.kind !== 'depopulate') return;
        if (operation.kind === 'populate' && !operation.ok) return;
        const { base, start, end, kind } = operation;
        const { units, pageSize } = watch.lockstep!.percpu;
        for (const offset of units.offsets)
          for (let page = start; page < end; page++) {
            const va = base + offset + page * pageSize;
            if (kind === 'populate') times.mapped(va, cpu.now / 1e6);
            else times.unmapped(va, cpu.now / 1e6);
          }
      },
    });
    const { outcome, signature: text } = runOutcome(run.run(), run.lines);
    const { lockstep } = watch;
    if (!lockstep) throw new Error(`${file}: ${watch.problem ?? 'its allocator was not seen'}`);
    // What comes behind the damage that a stale store did is no longer the allocator's own doing.
    if (lockstep.difference && outcome === 'clean')
      throw new Error(`${file}, seed ${seed}: ${JSON.stringify(watch.difference)}`);
    const { tlbRefills, tlbInvalid } = run.counters;
    return {
      kind: kindOf(outcome, text),
      chunks: lockstep.counts.created,
      ...times.facts(),
      refills: tlbRefills + tlbInvalid,
    };
  } finally {
    run.close();
    close();
  }
}
