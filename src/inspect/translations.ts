// The TLB against the page table: which entries have gone stale, and what each says of an address.
import { hex, KSEG2, pfn } from '../analysis/addresses.js';
import type { TlbEntry } from '../../emu/mips/cpu.js';
import { textTable } from '../experiments/table.js';
import type { Subject } from '../moments/subject.js';
import type { Evidence, PageEvent } from './evidence.js';
import { halfOf, translate } from './memory.js';

/** A page that a TLB entry translates. */
export interface TlbHalf {
  index: number;
  shadow: boolean;
  virtual: number;
  /** Bytes. */
  pageSize: number;
  asid: number;
  global: boolean;
  frame: number;
  valid: boolean;
  dirty: boolean;
  /** What the page table says: a frame, -1 for none; null where no page table is known for the address. */
  pageTableFrame: number | null;
  /** Valid, and the page table has another frame or none. */
  stale: boolean;
}

/** The halves of one entry. */
function halves(subject: Subject, entry: TlbEntry): TlbHalf[] {
  const { pageSize } = entry;
  return [entry.even, entry.odd].map((page, n) => {
    const virtual = (entry.virtual + n * pageSize) >>> 0;
    const pte = virtual >= KSEG2 ? subject.pte(virtual) : undefined;
    const mapped = virtual >= KSEG2 && subject.knowsPageTable ? (pte?.frame ?? -1) : null;
    const frame = Math.floor(page.physical / pageSize);
    return {
      index: entry.index,
      shadow: entry.shadow,
      virtual,
      pageSize,
      asid: entry.asid,
      global: entry.global,
      frame,
      valid: page.v,
      dirty: page.d,
      pageTableFrame: mapped,
      stale: page.v && mapped !== null && mapped !== frame,
    };
  });
}

/** Every entry of the TLB that matches something, shadows last. */
export function tlbHalves(subject: Subject): TlbHalf[] {
  return subject.cpu
    .tlb()
    .filter(({ invalid }) => !invalid)
    .flatMap((entry) => halves(subject, entry));
}

/** @param all also pages that are not valid */
export function tlbText(list: readonly TlbHalf[], all = false): string[] {
  const shown = list.filter(({ valid }) => valid || all);
  const rows = shown.map((half) => [
    `${half.index}${half.shadow ? ' shadow' : ''}`,
    hex(half.virtual),
    `${half.pageSize >> 10}K`,
    half.global ? 'global' : `asid ${half.asid.toString(16)}`,
    half.valid ? pfn(half.frame) : 'invalid',
    half.dirty ? 'D' : '-',
    half.pageTableFrame === null ? '?' : pfn(half.pageTableFrame),
    half.stale ? 'STALE' : '',
  ]);
  const stale = shown.filter((half) => half.stale).length;
  const table = textTable(['entry', 'virtual', 'size', 'space', 'frame', 'D', 'page table', ''], rows).trimEnd();
  return [
    ...table.split('\n').map((line) => line.trimEnd()),
    `${shown.length} valid pages in ${new Set(list.map(({ index }) => index)).size} entries, ${stale} stale`,
    ...(shown.some((half) => half.virtual >= KSEG2 && half.pageTableFrame === null)
      ? ["? the kernel's page table is not known: no symbol swapper_pg_dir"]
      : []),
  ];
}

/** What is known of an address. Frames are page frame numbers. */
export interface AddressReport {
  virtual: number;
  /** Where a load finds it now. */
  physical: number | null;
  by: 'segment' | 'tlb' | 'page table' | null;
  tlb: TlbHalf | null;
  pte: { address: number; value: number; frame: number } | null;
  stale: boolean;
  chunk: { chunk: number; page: number; cpu: number } | null;
  /** Of the physical address that a load finds, and of the one that the page table gives, when it is another. */
  owners: { physical: number; owner: string }[];
  history: PageEvent[];
}

/** @param evidence of our own guest; undefined for others */
export function addressReport(subject: Subject, virtual: number, evidence: Evidence | undefined): AddressReport {
  const { pageSize } = subject;
  const entry = subject.cpu.tlbMatch(virtual);
  const half = entry && halves(subject, entry).find(({ virtual: at }) => at === pageOf(virtual, entry.pageSize));
  const found = translate(subject, virtual);
  const pte = subject.pte(virtual);
  const offset = virtual % pageSize;
  const physicals = new Set<number>();
  if (found) physicals.add(found.physical);
  if (pte && pte.frame >= 0) physicals.add(pte.frame * pageSize + offset);
  const mapped = virtual >= KSEG2 ? pageOf(virtual, pageSize) : undefined;
  const frames = [...physicals].map((physical) => Math.floor(physical / pageSize));
  return {
    virtual,
    physical: found?.physical ?? null,
    by: found?.by ?? null,
    tlb: half && entry && halfOf(entry, virtual).v ? half : null,
    pte: pte ?? null,
    stale: half?.stale ?? false,
    chunk: evidence?.chunkPage(virtual) ?? null,
    owners: evidence ? [...physicals].map((physical) => ({ physical, owner: evidence.owner(physical) })) : [],
    history: evidence?.history(mapped, pageSize, frames) ?? [],
  };
}

const pageOf = (virtual: number, size: number): number => virtual - (virtual % size);

export function addressText(report: AddressReport, subject: Subject): string[] {
  const { virtual, physical, by, tlb, pte, stale, chunk, owners, history } = report;
  const lines = [
    `Address ${hex(virtual)}${chunk ? `, chunk ${chunk.chunk} page ${chunk.page} of CPU ${chunk.cpu}` : ''}:`,
  ];
  if (by === 'segment') lines.push(` physical ${hex(physical!)}, without the TLB`);
  else if (tlb) {
    const shadow = tlb.shadow ? ', a shadow (thrown out by tlbwr, still translating)' : '';
    lines.push(` TLB entry ${tlb.index}${shadow}: frame ${pfn(tlb.frame)}, physical ${hex(physical!)}`);
  } else lines.push(' TLB: no valid entry');
  if (by !== 'segment') {
    if (pte) {
      const says = pte.frame < 0 ? 'not present' : `frame ${pfn(pte.frame)}`;
      lines.push(` page table: ${hex(pte.value)} at ${hex(pte.address)}, ${says}`);
    } else
      lines.push(
        virtual >= KSEG2 && subject.knowsPageTable
          ? ' page table: no table'
          : ' page table: not known for this address (Linux, with names: swapper_pg_dir, pgd_current)',
      );
    if (stale) lines.push(' STALE: the TLB still translates to a frame that the page table no longer has here');
  }
  for (const { physical: at, owner } of owners)
    lines.push(` frame ${pfn(Math.floor(at / subject.pageSize))}: ${owner}`);
  if (!subject.boot) lines.push(' owners and history: known for boots of our own guest only');
  lines.push(...history.map(({ seq, t, text }) => `  ${(t / 1e6).toFixed(6)}  event ${String(seq).padEnd(6)} ${text}`));
  return lines;
}
