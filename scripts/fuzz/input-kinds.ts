// What the fuzzer of inputs tries: one entry per kind of input that the product reads (logs here, the others in file-kinds.ts). A new kind
// is a new entry.
import path from 'node:path';
import { consoleRecord, decodeConsole, reportLines } from '../../src/decode/index.js';
import { UsageError } from '../../src/errors.js';
import {
  ScriptError,
  ScriptRunner,
  StatsTextError,
  VARIANTS,
  checkInvariants,
  contradictions,
  parseStatsText,
  scriptOps,
  statsLines,
} from '../../src/percpu/index.js';
import { isFtrace, parseFtrace } from '../../src/replay/ftrace.js';
import { isGtLog, parseGtLog } from '../../src/replay/gt-log.js';
import { firstImpossible } from '../../src/replay/impossible.js';
import { judge } from '../../src/replay/judge.js';
import { LogError } from '../../src/replay/log-error.js';
import { printableJson, printableLine } from '../../src/terminal-text.js';
import { FILE_KINDS } from './file-kinds.js';
import { type InputKind, promise, texts } from './kind.js';

// eslint-disable-next-line no-control-regex
const STEERS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/;

const decode: InputKind = {
  name: 'decode',
  corpus: (root) => [
    ...texts(path.join(root, 'fixtures/cases'), /\.txt$/),
    ...texts(path.join(root, 'fixtures/consoles'), /\.gz$/),
  ],
  read(input) {
    const decoded = decodeConsole(input);
    const record = consoleRecord('x', decoded);
    const json = printableJson(record);
    promise(!STEERS.test(json), 'JSON on a terminal');
    promise(JSON.stringify(JSON.parse(json)) === JSON.stringify(record), 'JSON that says the same');
    const lines = reportLines('x', decoded).map(printableLine);
    promise(
      lines.every((line) => !STEERS.test(line) && !line.includes('\n')),
      'lines of text',
    );
    promise(lines.length < 4000, 'a report that can be read');
    const odd = /\bundefined\b(?!-)|\bNaN\b|\[object/;
    const letters = input.replace(/[^A-Za-z[]/g, '');
    promise(/undefined|NaN|\[object/.test(letters) || !odd.test(lines.join('\n')), 'words');
    promise((record.verdict === 'ok') === (record.outcome === 'clean'), 'a verdict that fits the outcome');
    promise(decoded.oopsCount >= decoded.oopses.length, 'a count of all oopses');
    promise(
      (decoded.oopsCount === 0 && decoded.panic === undefined) || record.verdict === 'CRASH',
      'no crash called clean',
    );
    for (const { line, lastLine, registers } of decoded.reports) {
      promise(line >= 1 && lastLine <= decoded.lines && line <= lastLine, 'lines of the log');
      promise(registers.size <= 64, 'no more registers than there are');
    }
    promise(
      decoded.boots.reduce((sum, { oopses }) => sum + oopses.length, 0) === decoded.oopses.length,
      'every oops in one boot',
    );
  },
  isAnswer: (error) => error instanceof UsageError,
};

/** Events of a damaged trace that are replayed as well, at most: the search for an order takes its time. */
const REPLAYED = 60;

const replay: InputKind = {
  name: 'replay',
  corpus: (root) => {
    const logs = texts(path.join(root, 'fixtures/percpu/logs'), /\.gz$/);
    const traces = logs.filter((text) => isFtrace(text)).map((text) => text.split('\n').slice(12, 700).join('\n'));
    const quoted = traces.map((text) => text.replace(/^/gm, '> '));
    return [...logs, ...traces, ...traces.map(asPerf), ...traces.map(asConsole), ...quoted];
  },
  read(input) {
    if (isGtLog(input)) {
      promise(
        parseGtLog(input, 'x').events.every(({ line }) => line >= 1),
        'lines of the log',
      );
      return;
    }
    const { events, cut } = parseFtrace(input, 'x');
    const lines = input.split('\n').length;
    promise(cut === undefined || (cut.line >= 1 && cut.line <= lines), 'a cut in the text');
    for (const { line, size, offset, base } of events) {
      promise(line >= 1 && line <= lines, 'lines of the log');
      promise(size >= 0 && offset >= 0 && Number.isFinite(base), 'numbers');
    }
    firstImpossible(events);
    if (events.length > REPLAYED) return;
    const { difference, undecidable } = judge(input, 'x');
    promise(difference === undefined || difference.proven, 'a difference that is proven');
    promise(difference === undefined || undecidable === undefined, 'one verdict');
  },
  isAnswer: (error) => error instanceof LogError,
};

function asPerf(trace: string): string {
  return trace.replace(/^\s*(\S.*)-(\d+)\s+\[(\d+)\] \S+\s+(\d+\.\d+): (\w+):/gm, '$1 $2 [$3] $4: percpu:$5:');
}

function asConsole(trace: string): string {
  return trace.replace(/^.*\] \S+\s+(\d+\.\d+): (\w+):/gm, '[ $1] $2:');
}

/** A script with all that a script can have. */
const LOOPS = `echo off
cfg bits 32
cfg page 16384
cfg cpus 2
cfg static 80c40000 0x9000
cfg vmalloc c0000000 fffcd000
cfg linear 81000000
init boot
async
for i in 1..3
  for size in 8 64 $(i * 100 % 7)
    alloc $(i * 1000 + $size) $size 8 nowarn
  end
  free $(i * 1000 + 8)
end
alloc 0..90 step 3 8,16,24 8
free 0..90 step 3
failpage 3
meminfo
stats
`;
/** Operations of a damaged script that are run, at most: a number may have become a large one. */
const RUN = 3000;

const ops: InputKind = {
  name: 'ops',
  corpus: (root) => [
    ...texts(path.join(root, 'fixtures/percpu/goldens/malta'), /\.ops\.gz$/),
    ...texts(path.join(root, 'fixtures/percpu/goldens/x86-64'), /\.ops\.gz$/),
    ...texts(path.join(root, 'docs/examples'), /\.ops$/),
    LOOPS,
  ],
  read(input) {
    const runner = new ScriptRunner('x', VARIANTS.fixed, 4096, () => {});
    let left = RUN;
    for (const op of scriptOps(input, 'x')) {
      runner.run(op);
      if (--left === 0) break;
    }
    if (runner.percpu !== undefined) checkInvariants(runner.percpu);
  },
  isAnswer: (error) => error instanceof ScriptError,
};

const stats: InputKind = {
  name: 'stats',
  corpus: () => {
    const runner = new ScriptRunner('x', VARIANTS.fixed, 4096, () => {});
    for (const op of scriptOps(LOOPS, 'x')) runner.run(op);
    return [statsLines(runner.percpu!).join('\n')];
  },
  read(input) {
    const text = parseStatsText(input, 'x');
    promise([...text.fields.values()].every(Number.isSafeInteger), 'whole numbers');
    promise(!contradictions(text).join().includes('NaN'), 'words');
  },
  isAnswer: (error) => error instanceof StatsTextError,
};

export const INPUT_KINDS: readonly InputKind[] = [decode, replay, ops, stats, ...FILE_KINDS];
