// What `run --html` writes: the page of a boot, of somebody's kernel. It says what was seen: the allocator, the TLB, the console and stale accesses.
import { basename } from 'node:path';
import { count } from '../experiments/table.js';
import type { KernelEvent } from '../kernel/events.js';
import type { PercpuWatch } from '../lockstep/percpu-watch.js';
import { pageOf, type Tile } from '../report/html/boot-report.js';
import type { KernelRecorder } from '../report/html/kernel-recorder.js';
import { commandHtml } from '../report/html/page-top.js';
import type { KernelRun } from '../run/kernel-run.js';
import type { RunFlags } from '../run/open-run.js';
import { storyOf } from './check.js';
import { type Explanation, lockstepRows } from './percpu-option.js';

export interface KernelPage {
  file: string;
  flags: RunFlags;
  run: KernelRun;
  outcome: string;
  /** How it ended, in words. */
  how: string;
  events: readonly KernelEvent[];
  tlb: KernelRecorder;
  watch: PercpuWatch;
  explanation: Explanation;
}

/** @returns the HTML text; the same for the same run */
export function kernelPage({ file, flags, run, outcome, how, events, tlb, watch, explanation }: KernelPage): string {
  const panic = events.findLast((event) => event.type === 'panic');
  return pageOf({
    title: `percpu-malta run ${basename(file)}, seed ${flags.seed}`,
    outcome,
    fine: `The run ended without a crash: ${how}.`,
    nothing: nothing(run, watch),
    console: run.lines,
    panic: panic?.text,
    events,
    recorder: tlb,
    story: storyOf(explanation.cause),
    tiles: tilesOf(events, explanation),
    facts: [
      ['kernel', file],
      ['board', `${flags.cpu}, ${flags.memory} MB, TLB ${flags.tlb}`],
      ['controllers', String(run.machine.board.controllers.length)],
      ['disks', flags.drive.join(', ') || 'none'],
      ['command line', flags.append],
      ['seed', String(flags.seed)],
      ...lockstepRows(watch).map(([key, value]): [string, string] => [key || 'allocator', value]),
    ],
    counters: Object.entries(run.counters).map(([name, value]) => [words(name), String(value)]),
    again: `<p class="command"><span class="dim">Run it again:</span> ${commandHtml(command(file, flags))}</p>`,
  });
}

/** Stale accesses are told of from the allocator's first chunk on, and only where it could be followed. */
function nothing({ machine }: KernelRun, { lockstep, problem }: PercpuWatch): string {
  const { total } = machine.cpu.translations!;
  const found =
    total === 0
      ? 'The translation checker was on for the whole run and found nothing.'
      : `Of what the translation checker found (${count(total, 'time')}) no story is told: run --check reports it.`;
  return lockstep ? found : `The per-CPU allocator was not followed (${problem ?? 'it was not seen'}). ${found}`;
}

function tilesOf(events: readonly KernelEvent[], { accesses }: Explanation): Tile[] {
  const number = (type: KernelEvent['type']): number => events.filter((event) => event.type === type).length;
  const ranges = number('depopulate');
  const flushes = number('tlb_flush');
  const known = accesses.filter(({ victims }) => victims.some(({ kind }) => kind !== 'free' && kind !== 'unknown'));
  return [
    [number('unmap'), `pages depopulated, in ${count(ranges, 'range')}`, false],
    [flushes, 'TLB flushes after depopulation', flushes < ranges && accesses.length > 0],
    [accesses.length, 'accesses through stale entries', accesses.length > 0],
    [known.length, 'of them to memory seen to belong to others', known.length > 0],
  ];
}

/** `TLB refills` for tlbRefills. */
function words(name: string): string {
  const text = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return text.replace(/^tlb\b/, 'TLB');
}

const DEFAULTS = { cpu: '24Kf', tlb: 'qemu' };

/** What matters to the run. */
function command(file: string, flags: RunFlags): string {
  const { controllers, drive, initrd, append, seed, cpu, tlb, skipCall } = flags;
  const options = [
    ...(controllers === undefined ? [] : [`--controllers ${controllers}`]),
    ...drive.map((value) => `--drive ${quoted(value)}`),
    ...(initrd === undefined ? [] : [`--initrd ${quoted(initrd)}`]),
    `--append ${quoted(append)}`,
    ...(cpu === DEFAULTS.cpu ? [] : [`--cpu ${cpu}`]),
    ...(tlb === DEFAULTS.tlb ? [] : [`--tlb ${tlb}`]),
    `--memory ${flags.memory}`,
    ...skipCall.map(({ caller, callee }) => `--skip-call ${caller}:${callee}`),
    `--seed ${seed} --explain`,
  ];
  return `run ${quoted(file)} ${options.join(' ')}`;
}

const quoted = (text: string): string => (/^[\w./,:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
