// What a sweep prints at its end: how often and how the boots crashed, and which seed to boot to see each kind.
import { printableLine } from '../terminal-text.js';
import { definesText } from './define.js';
import { type BootRecord } from './record.js';
import { type BootSetup, setupGeometry } from './setup.js';
import { bytesText, short, textTable } from './table.js';
import { percent, rateText, tally, tallyRecord } from './tally.js';

/** The same as data, for JSON. */
export function sweepRecord(setup: BootSetup, records: readonly BootRecord[], wanted: number): Record<string, unknown> {
  return { options: setup, geometry: setupGeometry(setup), wanted, ...tallyRecord(tally(records)) };
}

/** @param wanted boots that were asked for */
export function sweepSummary(setup: BootSetup, records: readonly BootRecord[], wanted: number): string {
  if (records.length === 0) return 'no boot finished\n';
  const total = tally(records);
  const { kernel, layout, percpuAlloc, tlb, cpu, cpus, controllers } = setup;
  const define = definesText(setup);
  const { pageSize, unitSize, unitPages } = setupGeometry(setup);
  const rows = [
    [
      'boots',
      `${total.boots}${total.boots < wanted ? ` of ${wanted}, the rest is not done (go on with --resume)` : ''}`,
    ],
    [
      'options',
      `kernel ${kernel}, ${layout}${percpuAlloc === 'page' ? ' with percpu_alloc=page' : ''}, TLB ${tlb}, ${cpu}, ` +
        `${cpus} CPU${cpus > 1 ? 's' : ''}, ${controllers} controller${controllers > 1 ? 's' : ''}; ` +
        `${define === '' ? '' : `${define}; `}` +
        `page ${bytesText(pageSize)}, unit ${bytesText(unitSize)} (${unitPages} pages)`,
    ],
    ['crashed', `${rateText(total)}, 95 % interval by Wilson`],
    [
      'outcomes',
      [...total.outcomes]
        .sort()
        .map(([name, boots]) => `${boots} ${name}`)
        .join(', '),
    ],
    [
      'a boot',
      `${short(total.mean.depopulatedPages)} pages depopulated, ${short(total.mean.repopulatedStale)} populated again under a ` +
        `stale entry, ${short(total.mean.staleStores)} stale stores, ${short(total.mean.foreignPages)} pages of others hit (means)`,
    ],
  ];
  let text = rows.map(([key, value]) => `${key!.padEnd(9)} ${value}\n`).join('');
  if (total.kinds.length > 0)
    text += `\n${textTable(
      ['kind', 'boots', 'share', 'first seed'],
      total.kinds.map(({ name, boots, firstSeed }) => [
        printableLine(name),
        String(boots),
        percent(boots / total.crashes),
        String(firstSeed),
      ]),
    )}`;
  return text;
}
