// Addresses in a crash's registers and messages that point into per-CPU memory, or into pages that used to be.
import type { CrashReport } from './crash-report.js';
import type { Area, PageHistory, PageStory } from './page-history.js';

/** One address of a crash that the events know something of. */
export interface Victim {
  /** Where the address was found: `$4`, or the message that names it. */
  readonly source: string;
  readonly address: string;
  readonly line: number;
  /** The page was freed by partial depopulation. */
  readonly page: PageStory | undefined;
  /** The address lies in a per-CPU area itself. */
  readonly area: Area | undefined;
}

const ADDRESS = /(?<![0-9a-z])(?:0x)?([89a-f][0-9a-f]{7})\b/g;

/** All such addresses of `reports`, each once per block. */
export function findVictims(reports: readonly CrashReport[], history: PageHistory): Victim[] {
  const victims: Victim[] = [];
  if (history.events === 0) return victims;
  for (const report of reports) {
    const seen = new Set<string>();
    const add = (source: string, address: string, line: number) => {
      if (address.length !== 8 || seen.has(address)) return;
      seen.add(address);
      const value = parseInt(address, 16);
      const page = history.story(value);
      const area = page === undefined && value >= 0xc000_0000 ? history.areaAt(value) : undefined;
      if (page !== undefined || area !== undefined) victims.push({ source, address, line, page, area });
    };
    if (report.kind === 'oops') for (const [name, value] of report.registers) add(name, value, report.line);
    for (const { value, line } of report.notes)
      for (const [, address] of value.matchAll(ADDRESS)) add(value, address, line);
  }
  return victims;
}
