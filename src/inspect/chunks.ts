// The per-CPU chunks as they are now: what is populated, what is in use, which pages the TLB still reaches behind the page table's back.
import { hex } from '../analysis/addresses.js';
import { count } from '../experiments/table.js';
import type { BootParts } from '../kernel/boot.js';
import type { TlbHalf } from './translations.js';

export interface ChunkReport {
  id: number;
  base: number;
  /** Of each page: `.` not populated, `e` populated and empty, `#` in use; upper case S: a stale translation leads elsewhere. */
  map: string;
  populated: number;
  empty: number;
  freeBytes: number;
  areas: number;
  isolated: boolean;
}

/** @param halves of the TLB */
export function chunkReports({ allocator, machine }: BootParts, halves: readonly TlbHalf[]): ChunkReport[] {
  const stale = new Set(halves.filter((half) => half.stale).map(({ virtual }) => virtual));
  const words = 4; // bytes that a bit of the allocation map stands for
  const bitsPerPage = machine.pageSize / words;
  const bit = (map: Int32Array, n: number): boolean => ((map[n >> 5]! >>> (n & 31)) & 1) === 1;
  return [...allocator.chunks()].map((chunk) => {
    let map = '';
    for (let page = 0; page < chunk.nrPages; page++) {
      const reached = allocator.units.offsets.some((offset) =>
        stale.has((chunk.base + offset + page * machine.pageSize) >>> 0),
      );
      let used = false;
      for (let n = page * bitsPerPage; n < (page + 1) * bitsPerPage && !used; n++) used = bit(chunk.allocMap, n);
      map += reached ? 'S' : !bit(chunk.populated, page) ? '.' : used ? '#' : 'e';
    }
    return {
      id: chunk.id,
      base: chunk.base >>> 0,
      map,
      populated: chunk.nrPopulated,
      empty: chunk.nrEmptyPopPages,
      freeBytes: chunk.freeBytes,
      areas: chunk.nrAlloc,
      isolated: chunk.isolated,
    };
  });
}

export function chunksText(reports: readonly ChunkReport[]): string[] {
  return [
    'Per-CPU chunks (. not populated, e populated and empty, # in use, S reached by a stale translation):',
    ...reports.map(
      ({ id, base, map, populated, areas, freeBytes, isolated }) =>
        ` ${id < 0 ? 'reserved' : `chunk ${id}`} at ${hex(base)} [${map}] ${populated} populated, ${count(areas, 'area')}, ` +
        `${freeBytes} bytes free${isolated ? ', isolated' : ''}`,
    ),
  ];
}
