// Boots many seeds with the stale-translation checker and holds what it says against the event log. By hand, before a release:
//   node scripts/run-ts.mjs scripts/check-causes.ts FIRST LAST KERNEL [SETUP]      such as 1 100 6.1-noflush '{"layout":"malta"}'
// A kernel that flushes must have no stale access; a boot that crashes must have one before the crash, and a chain of events whose
// parts are in the log in the right order.
import { loadEngine } from '../emu/unicorn/choose.js';
import { pageHistory } from '../src/analysis/page-history.js';
import { CheckedBoot } from '../src/commands/check.js';
import { bootSignature } from '../src/commands/boot.js';
import { type BootSetup, DEFAULT_SETUP, setupBootOptions, setupGeometry } from '../src/experiments/setup.js';
import { bootOnce } from '../src/kernel/boot.js';
import { kernelName, type KernelName } from '../src/kernel/kernels.js';

const [first = '1', last = '40', name = 'f183324133ea', change = '{}'] = process.argv.slice(2);
const kernel = kernelName(name)!;
const setup: BootSetup = { ...DEFAULT_SETUP, kernel, ...(JSON.parse(change) as Partial<BootSetup>) };
const { pageSize } = setupGeometry(setup);
/** Kernels whose translations never go stale. */
const SOUND: readonly KernelName[] = ['v5.13', 'first-fix', '93274f1dd6b0', 'flush-all', 'lazy-flush'];
const engine = await loadEngine();
let problems = 0;
const outcomes = new Map<string, number>();
let reports = 0;
let explained = 0;
let crashes = 0;
for (let seed = Number(first); seed <= Number(last); seed++) {
  const boot = new CheckedBoot();
  const result = bootOnce({
    ...setupBootOptions(setup, seed, engine, true),
    check: true,
    attach: boot.attach,
  });
  const { checker } = boot;
  const { events } = result.log;
  const kind = result.outcome === 'clean' ? 'clean' : bootSignature(result).split(' ')[0]!;
  outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  const problem = (text: string): void => {
    problems++;
    console.log(`${name} seed ${seed}: ${text}`);
  };
  if (checker.accesses.length > 0) reports++;
  if (SOUND.includes(kernel) && checker.accesses.length > 0) problem('a stale access where there can be none');
  for (const access of checker.accesses) {
    const { mapped, filled, unmapped, depopulated, repopulated } = pageHistory(events, access, pageSize);
    const parts = [mapped, filled, unmapped, depopulated, repopulated].map((event) => event?.seq ?? -1);
    if (!parts.every((seq, i) => seq >= 0 && seq > (parts[i - 1] ?? -1)) || parts.at(-1)! > access.after)
      problem(`access after event ${access.after}: ${parts.join(' ')} are out of order`);
  }
  if (result.outcome === 'clean') continue;
  crashes++;
  const crash = events.find(({ type }) => ['oops', 'bug', 'panic', 'stall'].includes(type))!;
  if (!(checker.accesses[0] && checker.accesses[0].after < crash.seq)) problem('a crash without a report before it');
  const { steps, verdict, shown } = boot.cause(result);
  if (verdict === undefined || steps.length < 6) problem('no chain of events');
  if (shown) explained++;
  else problem(`${kind}: the chain does not reach the crash`);
}
console.log(
  `${name} ${change} seeds ${first}..${last}: ${[...outcomes].map(([kind, n]) => `${n} ${kind}`).join(', ')}; ` +
    `stale accesses in ${reports}, ${explained} of ${crashes} crashes explained to the fault`,
);
console.log(problems === 0 ? 'no problems' : `${problems} problems`);
process.exitCode = problems === 0 ? 0 : 1;
