// The report of one stale access, in the manner of KASAN: what happened, who did it, where the translation comes from, what has
// become of the page, whose memory it is now, what stands there, which flush is missing.
import { hex, KSEG0, pfn, seconds } from './addresses.js';
import { pageHistory } from './page-history.js';
import type { Phrases } from './phrases.js';
import { reclaimFlushes } from './reclaim-flushes.js';
import { type StaleAccess, staleKind } from './stale-access.js';
import type { KernelEvent } from '../kernel/events.js';

const RULE = '='.repeat(66);
const ROW = 16;
/** Rows of memory shown before and after the row of the access. */
const AROUND = 2;

/**
 * @param bytes the memory at a physical address and behind it, as it was before the access
 * @returns lines @param pageSize bytes
 */
export function staleReport(
  access: StaleAccess,
  events: readonly KernelEvent[],
  phrases: Phrases,
  pageSize: number,
  bytes: (physical: number, length: number) => Uint8Array,
): string[] {
  const { va, frame, mapped, write, t, after, pid, pc, physical } = access;
  const history = pageHistory(events, access, pageSize);
  const flushes = reclaimFlushes(events, history, access, pageSize);
  const page = va - (va % pageSize);
  const victim = access.victims[0]!;
  const field = phrases.field(victim, physical);
  const lines = [
    RULE,
    `BUG: ${staleKind(access)} in ${phrases.place(pc)}`,
    `${write ? 'Write' : 'Read'} of size ${access.size} at addr ${hex(va)} by task ${phrases.task(pid)}, ${seconds(t)} s, after event ${after}`,
    '',
    'Call Trace:',
    ...access.trace.map((address) => ` [<${hex(address)}>] ${phrases.place(address)}`),
    '',
    `TLB entry ${access.entry}${access.shadow ? ', a shadow (thrown out by tlbwr, still translating, not visible to the guest)' : ', visible to the guest'}:`,
    ` ${hex(page)} -> frame ${pfn(frame)}; the page table says ${mapped < 0 ? 'nothing' : `frame ${pfn(mapped)}`}`,
  ];
  const { filled, filledFor } = history;
  if (filled) {
    const why = filled.miss ? 'no entry matched' : 'the entry of the pair had V = 0';
    lines.push(
      ` loaded at ${phrases.when(filled.seq)} (${why}) for the ${filled.write ? 'store' : 'load'} to ${hex(filled.va)}`,
      `  in ${phrases.place(filled.pc)} by ${phrases.task(filled.pid)}` +
        (filledFor ? `, to the area of ${filledFor.caller} (event ${filledFor.seq})` : ''),
    );
  }
  lines.push('', `Virtual page ${hex(page)}${pageName(history.unmapped)}:`);
  const { mapped: given, lastFree, isolated, unmapped, depopulated, repopulated, handedOn } = history;
  const past: [KernelEvent, string][] = [];
  if (given) past.push([given, `mapped to frame ${pfn(frame)}`]);
  if (lastFree) {
    const by = `${lastFree.caller} in ${phrases.task(lastFree.pid)}`;
    past.push([lastFree, `last area freed: ${lastFree.size} bytes by ${by}`]);
  }
  if (isolated) past.push([isolated, `chunk ${isolated.chunk} isolated, with ${isolated.empty} empty pages`]);
  if (unmapped)
    past.push([unmapped, `unmapped and freed by pcpu_reclaim_populated() in ${phrases.task(unmapped.pid)}`]);
  if (depopulated) {
    const none = flushes !== undefined && flushes.leftOut.length === 0 && flushes.outlived === undefined;
    const pages = `pages ${depopulated.start}-${depopulated.end - 1} depopulated`;
    past.push([depopulated, none ? `${pages}: no TLB flush` : pages]);
    for (const flush of flushes?.leftOut ?? [])
      past.push([flush, `TLB flushed from ${hex(flush.start)} to ${hex(flush.end)}: not for this page`]);
    if (flushes?.outlived) past.push([flushes.outlived, 'TLB flushed: the entry outlives it']);
  }
  if (repopulated) past.push([repopulated, `mapped to frame ${pfn(repopulated.frame)}`]);
  past.sort(([a], [b]) => a.seq - b.seq);
  lines.push(...past.map(([event, text]) => row(event, text)));
  lines.push('', `Frame ${pfn(frame)}, physical ${hex(physical)}:`);
  if (handedOn?.type === 'map') lines.push(row(handedOn, `given to chunk ${handedOn.chunk} page ${handedOn.page}`));
  else if (handedOn) lines.push(row(handedOn, `given to ${handedOn.owner} by ${handedOn.caller}`));
  else if (unmapped) lines.push(row(unmapped, 'freed, nobody has it now'));
  lines.push(` now: ${phrases.victim(victim, physical, pageSize)}`);
  if (field) lines.push(` at byte ${KSEG0 + physical - (victim.kind === 'slab' ? victim.object : 0)}: ${field}`);
  if (victim.kind === 'slab' && victim.allocated) lines.push(` allocated ${phrases.call(victim.allocated)}`);
  if (victim.kind === 'slab' && victim.freed) lines.push(` freed ${phrases.call(victim.freed)}`);
  lines.push('', `Memory at the address before the ${write ? 'store' : 'load'}:`);
  const at = physical - (physical % ROW);
  const first = Math.max(at - AROUND * ROW, frame * pageSize);
  const end = Math.min(at + (AROUND + 1) * ROW, (frame + 1) * pageSize);
  for (let row = first; row < end; row += ROW) {
    const words = hexWords(bytes(row, ROW));
    lines.push(`${row === at ? '>' : ' '}${hex(KSEG0 + row)}: ${words}`);
  }
  if (flushes)
    lines.push(
      '',
      `Missing: flush_tlb_kernel_range(${hex(flushes.needed.start)}, ${hex(flushes.needed.end)}) behind event ${depopulated!.seq},`,
      ' as pcpu_post_unmap_tlb_flush() in pcpu_reclaim_populated() does it since 93274f1dd6b0',
    );
  lines.push(RULE);
  return lines;
}

/** `0.569162  event 12394  what happened` */
function row({ t, seq }: KernelEvent, text: string): string {
  return ` ${seconds(t)}  event ${String(seq).padEnd(6)} ${text}`;
}

function pageName(unmapped: { chunk: number; page: number; cpu: number } | undefined): string {
  return unmapped ? ` (chunk ${unmapped.chunk} page ${unmapped.page}, CPU ${unmapped.cpu})` : '';
}

/** Bytes as words of eight digits. */
function hexWords(bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.match(/.{8}/g)!.join(' ');
}
