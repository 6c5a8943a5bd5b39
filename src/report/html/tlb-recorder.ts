// Watches a boot's TLB for the report page: a copy each time it has changed, taken without the guest noticing.
import { type TlbEntry, TLB_ENTRIES } from '../../../emu/mips/cpu.js';
import type { BootParts } from '../../kernel/boot.js';

export interface TlbSnapshot {
  /** The TLB as it was when this event was logged. */
  seq: number;
  /** Shadow entries included, in order of index. */
  entries: readonly TlbEntry[];
}

/** What the page of a run needs of its memory. */
export interface TlbRecord {
  readonly snapshots: readonly TlbSnapshot[];
  /** Of the guest, bytes. */
  readonly pageSize: number;
  /** Entries that the guest can see; the rest are shadows. */
  readonly visible: number;
  /** Distance of each CPU's unit from unit 0, bytes. */
  readonly unitOffsets: readonly number[];
  /** Bytes of chunk 0 in front of and behind what it serves. */
  readonly firstChunkHidden: { readonly start: number; readonly end: number };
  /** Whether the log tells of all that goes on: who has each page, phases, RCU; else of the allocator, the TLB and the console. */
  readonly complete: boolean;
}

export class TlbRecorder implements TlbRecord {
  readonly snapshots: TlbSnapshot[] = [];
  pageSize = 0;
  visible = 0;
  unitOffsets: readonly number[] = [0];
  firstChunkHidden = { start: 0, end: 0 };
  readonly complete = true;

  /** Pass as BootOptions.attach, or call from there, next to other observers. */
  readonly attach = ({ machine, allocator, log }: BootParts): void => {
    const { cpu } = machine.board;
    this.pageSize = machine.pageSize;
    this.visible = TLB_ENTRIES[cpu.model];
    this.unitOffsets = allocator.units.offsets;
    this.firstChunkHidden = { start: allocator.firstChunk.startOffset, end: allocator.firstChunk.endOffset };
    const others = log.onEvent;
    // Entries come with refills and go with flushes, and what the guest does about either comes behind its event.
    let changing = true;
    log.onEvent = (event) => {
      others?.(event);
      if (changing) this.#take(event.seq, cpu.tlb());
      changing = event.type === 'tlb_refill' || event.type === 'tlb_flush';
    };
  };

  #take(seq: number, entries: readonly TlbEntry[]): void {
    const last = this.snapshots.at(-1);
    if (last && JSON.stringify(last.entries) === JSON.stringify(entries)) return;
    this.snapshots.push({ seq, entries });
  }
}
