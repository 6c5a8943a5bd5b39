// Watches the TLB of somebody's kernel for the page of its run, by the events of its log.
import { type TlbEntry, TLB_ENTRIES } from '../../../emu/mips/cpu.js';
import { KSEG2 } from '../../analysis/addresses.js';
import type { KernelLog } from '../../lockstep/kernel-log.js';
import type { PercpuWatch } from '../../lockstep/percpu-watch.js';
import type { KernelRun } from '../../run/kernel-run.js';
import type { TlbRecord, TlbSnapshot } from './tlb-recorder.js';

/** Where the allocator was never seen nothing has pages. */
const PAGE_SIZE = 4096;

export class KernelRecorder implements TlbRecord {
  readonly snapshots: TlbSnapshot[] = [];
  readonly visible: number;
  readonly complete = false;
  readonly #watch: PercpuWatch;
  #last = '';

  /** Attaches to a run that has not started, behind the others that follow its log. */
  constructor(run: KernelRun, log: KernelLog, watch: PercpuWatch) {
    this.#watch = watch;
    const { cpu } = run.machine;
    this.visible = TLB_ENTRIES[cpu.model];
    const others = log.onEvent;
    log.onEvent = (event) => {
      others?.(event);
      // user space's refills have no events of their own
      if (watch.lockstep) this.#take(event.seq, cpu.tlb());
    };
  }

  /** The kernel's entries: those of user space are of no interest here. */
  #take(seq: number, all: readonly TlbEntry[]): void {
    const entries = all.filter(({ virtual }) => virtual >= KSEG2);
    const contents = JSON.stringify(entries);
    if (contents === this.#last) return;
    this.#last = contents;
    this.snapshots.push({ seq, entries });
  }

  get #percpu() {
    return this.#watch.lockstep?.percpu;
  }

  get pageSize(): number {
    return this.#percpu?.pageSize ?? PAGE_SIZE;
  }

  get unitOffsets(): readonly number[] {
    return this.#percpu?.units.offsets ?? [0];
  }

  get firstChunkHidden(): { start: number; end: number } {
    const first = this.#percpu?.firstChunk;
    return { start: first?.startOffset ?? 0, end: first?.endOffset ?? 0 };
  }
}
