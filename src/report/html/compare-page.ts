// The page of a comparison: a row per setup, its crash rate first.
import { CELL_HEAD, counterCells, geometryCells, tlbText } from '../../experiments/cells.js';
import type { BootSetup } from '../../experiments/setup.js';
import { count } from '../../experiments/table.js';
import { type Kind, rateText, type Tally } from '../../experiments/tally.js';
import { packageVersion } from '../../experiments/version.js';
import { setupFlags } from './setup-text.js';
import { kindBars } from './sweep-page.js';
import { type Note, type Table, tablePage } from './table-page.js';

/** What was booted, and what came of it. */
export interface Compared {
  /** Row title; may have several lines. */
  name: string;
  setup: BootSetup;
  total: Tally;
}

/** @param command as on the command line @param compared at least one @param notes below the table */
export function comparePage(
  command: string,
  compared: readonly Compared[],
  facts: readonly (readonly [string, string])[],
  notes: readonly Note[] = [],
): string {
  const { boots } = compared[0]!.total;
  const crashing = compared.filter(({ total }) => total.crashes > 0).length;
  const kinds = allKinds(compared);
  const crashes = compared.reduce((sum, { total }) => sum + total.crashes, 0);
  return tablePage({
    title: 'percpu-malta compare',
    version: packageVersion(),
    headline: `${count(compared.length, 'setup')}, ${count(boots, 'boot')} of each: ${crashing} of the setups crashed`,
    facts,
    command,
    sections: [rateTable(compared), ...notes, ...(crashes > 0 ? [kindBars({ kinds, crashes })] : [])],
  });
}

function rateTable(compared: readonly Compared[]): Table {
  return {
    title: 'Crash rates',
    // of CELL_HEAD: geometry and counters
    columns: ['setup', 'crashed', 'TLB', ...CELL_HEAD.slice(3, 13)],
    rows: compared.map(({ name, setup, total }) => [
      name,
      { text: rateText(total), range: { ...total.interval, value: total.rate } },
      tlbText(setup),
      ...geometryCells(setup),
      ...counterCells(total).slice(0, 5),
    ]),
    sources: compared.map(({ name, setup, total }, row) => {
      const flags = setupFlags(setup);
      const seed = total.kinds[0]?.firstSeed ?? 1;
      return {
        id: `setup-${row + 1}`,
        title: `${name.replace('\n', ', ')}, ${setup.cpu}, ${tlbText(setup)} TLB entries`,
        commands: [`sweep --seeds 1..${total.boots} ${flags}`, `explain --seed ${seed} ${flags}`].map((line) =>
          line.trim(),
        ),
      };
    }),
    note:
      'Crashed: boots, share and its 95 % interval (Wilson), drawn from 0 to 100 %. Reclaim at: empty populated pages from which a chunk is ' +
      'depopulated. Then means per boot: chunks created, pages depopulated, pages populated again while the old translation was live, ' +
      'areas zeroed through a stale translation, pages of other owners hit by that.',
  };
}

/** Most frequent first. */
function allKinds(compared: readonly Compared[]): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const { total } of compared)
    for (const kind of total.kinds) {
      const known = kinds.get(kind.name);
      if (known) known.boots += kind.boots;
      else kinds.set(kind.name, { ...kind });
    }
  return [...kinds.values()].sort((a, b) => b.boots - a.boots || (a.name < b.name ? -1 : 1));
}
