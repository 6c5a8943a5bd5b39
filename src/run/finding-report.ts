// The report of one finding of the translation checker, in the manner of KASAN: what happened, who did it, the entry that was used, the page table
// entry and who changed it, the frame, the flush that did not happen.
import type { Finding } from '../../emu/mips/translation-checker.js';
import { hex } from '../analysis/addresses.js';
import type { GuestNames } from '../linux/guest-names.js';
import type { FindingHistory, SeenFlush, SeenStore } from './finding-history.js';

/** Of the traces of stores. */
const MOST_CALLS = 8;
/** The last of them. */
const MOST_FLUSHES = 5;
const RULE = '='.repeat(66);

const HEADLINES: Readonly<Record<Finding['kind'], string>> = {
  stale: 'access through a stale translation',
  permission: 'store through a translation that is no longer writable',
  'asid-reuse': "access through another address space's translation (ASID used again without a flush)",
  duplicate: 'two TLB entries match one address (a machine check on real cores)',
  'stale-code': 'code run through a stale translation',
  unflushed: 'translation changed without a flush (the old one had been thrown out by chance)',
  refused: 'access refused by a stale translation, which the kernel did not mend',
};

/** What is known besides the finding when it is reported. */
export interface FindingScene {
  readonly names: GuestNames;
  readonly trace: readonly number[];
  readonly task: string | undefined;
  /** The word of the instruction, and it in words when somebody can disassemble. */
  readonly instruction: number | undefined;
}

/** Seconds of virtual time, as the kernel's time stamps have them. */
const seconds = (nanoseconds: number): string => (nanoseconds / 1e9).toFixed(6);
const frameOf = (physical: number, pageSize: number): string => (physical / pageSize).toString(16).padStart(5, '0');

/** @param trace the innermost place first, then the addresses that calls return to */
const traceLines = (trace: readonly number[], names: GuestNames): string[] =>
  trace.map((address, i) => ` [<${hex(address)}>] ${i === 0 ? names.place(address) : names.callPlace(address)}`);

/** The first half: said at once, before the run goes on. */
export function findingLines(finding: Finding, scene: FindingScene): string[] {
  const { kind, virtual, write, size, entry, pc, present, source, value } = finding;
  const { names, trace, task, instruction } = scene;
  const page = virtual - (virtual % entry.pageSize);
  const used = (virtual & entry.pageSize) === 0 ? entry.even : entry.odd;
  const access =
    kind === 'duplicate'
      ? `Entry ${entry.index} written for ${hex(entry.virtual)}`
      : kind === 'stale-code'
        ? `Instruction at ${hex(virtual)}`
        : `${write ? 'Write' : 'Read'} of size ${size} at addr ${hex(virtual)}${write && kind !== 'refused' && kind !== 'unflushed' ? ` (value ${hex(value)})` : ''}`;
  const lines = [
    RULE,
    `BUG: ${HEADLINES[kind]} in ${names.place(pc)}`,
    `${access}${task === undefined ? '' : ` by task ${task}`}, ${finding.time === undefined ? '' : `${seconds(finding.time)} s virtual, `}instruction ${finding.instruction}`,
    `pc ${hex(pc)}${instruction === undefined ? '' : `, instruction word ${hex(instruction)}`}`,
    '',
    'Call Trace:',
    ...traceLines(trace, names),
    '',
    finding.evicted
      ? 'An entry that tlbwr had thrown out, and that no flush has taken out:'
      : `TLB entry ${entry.index}${entry.shadow ? ', a shadow (thrown out by tlbwr, still translating as on QEMU; a real TLB would have lost it)' : ''}:`,
    ` ${hex(page)} -> frame ${frameOf(used.physical, entry.pageSize)}${used.d ? ', writable' : ''}${used.v ? '' : ', not valid'}, ${entry.global ? 'global' : `ASID ${entry.asid.toString(16)}`}`,
  ];
  if (source) {
    lines.push(
      ` written at instruction ${source.filledAt} by ${names.place(source.fillPc)}`,
      `  for the access at ${hex(source.fillEpc)} ${names.place(source.fillEpc)}`,
    );
  }
  const { twin } = finding;
  if (twin)
    lines.push(
      ` entry ${twin.index} matches too: ${hex(twin.virtual)} -> frames ${frameOf(twin.even.physical, twin.pageSize)}, ${frameOf(twin.odd.physical, twin.pageSize)}`,
    );
  if (kind !== 'duplicate') {
    lines.push(
      present === undefined
        ? " the kernel's refill handler could not be followed: what it would write now is not known"
        : present.valid
          ? ` the kernel's refill handler would write now: frame ${frameOf(present.physical, entry.pageSize)}${present.dirty ? ', writable' : ', read only'}`
          : " the kernel's refill handler would write now: not valid",
    );
  }
  if (source) {
    lines.push('', 'Made from these words of memory:');
    for (const { physical, filled, isData } of source.words)
      lines.push(
        ` ${hex(physical)} physical: ${hex(filled)} then${isData ? ' (page table entry)' : ' (on the way to it)'}`,
      );
  }
  const { lastFlush } = finding;
  if (lastFlush.at > 0)
    lines.push('', `Last entry invalidated: instruction ${lastFlush.at}, by ${names.place(lastFlush.pc)}`);
  return lines;
}

/** How many of a flush function's arguments say what it covers. */
const ARGUMENTS: readonly (readonly [RegExp, number])[] = [
  [/_all$/, 0],
  [/_mm$|_one$/, 1],
  [/_kernel_range$|_page$/, 2],
  [/_range$/, 3],
];

function flushLine({ name, args, instruction, trace }: SeenFlush, names: GuestNames): string {
  const count = ARGUMENTS.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
  const called = args.slice(0, count).map(hex).join(', ');
  return ` ${name}(${called}) at instruction ${instruction}, called by ${names.callPlace(trace[1] ?? 0)}`;
}

/** The second half: what a second run saw. */
export function historyLines(finding: Finding, history: FindingHistory, names: GuestNames): string[] {
  const { entry, source } = finding;
  const lines: string[] = [];
  const store = (what: string, { instruction, time, before, value, physical, trace }: SeenStore): void => {
    lines.push(
      `${what} at instruction ${instruction} (${seconds(time)} s):`,
      ` ${hex(physical)} physical: ${hex(before)} -> ${hex(value)}`,
      ...traceLines(trace.slice(0, MOST_CALLS), names),
      '',
    );
  };
  const own = source?.words.filter(({ isData }) => isData)[(finding.virtual & entry.pageSize) === 0 ? 0 : 1];
  const ours = history.changes.filter(({ physical }) => own === undefined || (physical & ~3) === own.physical);
  const shown = ours.length > 0 ? ours : history.changes;
  const [first] = shown;
  const last = shown.at(-1);
  if (first) store('The page table entry was changed', first);
  if (last && last !== first) store('and last', last);
  if (history.frameStore) store('The frame was written to by another address, last', history.frameStore);
  else if (first) lines.push('No store to the frame through kseg0 since that change.', '');
  if (history.flushes !== undefined && first) {
    const since = history.flushes.filter(({ instruction }) => instruction >= first.instruction);
    if (since.length === 0) {
      const { flushBefore } = history;
      lines.push('TLB flushes between that change and the access: none.');
      if (flushBefore) lines.push('The last before that:', flushLine(flushBefore, names));
    } else {
      lines.push('TLB flushes between that change and the access, none of which took this entry out:');
      lines.push(...since.slice(-MOST_FLUSHES).map((flush) => flushLine(flush, names)));
    }
  }
  return lines;
}

export { RULE };
