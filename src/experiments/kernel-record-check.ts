// Whether a value that was read is the record of a run of somebody's kernel.
import { FINDING_KINDS } from '../../emu/unicorn/shim/check-state.js';
import { fields, is, listOf, oneOf, seconds, text, whole, yesOrNo } from './record-check.js';

const OUTCOMES = ['clean', 'panic', 'oops', 'bug', 'stall', 'limit', 'interrupted'];
const positive = is('a number above 0', (value) => Number.isFinite(value) && (value as number) > 0);

const setup = fields(
  {
    kernel: text,
    append: text,
    drives: listOf(text),
    controllers: whole(0),
    memory: whole(1),
    cpu: text,
    tlb: oneOf(['qemu', 'hardware']),
    commandLatency: seconds,
    maxSeconds: positive,
    maxInstructions: positive,
    stallInstructions: positive,
    skipCalls: listOf(fields({ caller: text, callee: text })),
    check: yesOrNo,
  },
  {
    initrd: text,
    until: text,
    input: text,
    systemMap: text,
    countFlushes: is('true', (value) => value === true),
    stopAtFinding: is('true', (value) => value === true),
  },
);

const place = fields({ kind: oneOf(FINDING_KINDS), place: text, count: whole(1), firstInstruction: whole(0) });

const record = fields(
  {
    version: text,
    options: setup,
    seed: whole(0, 0xffff_ffff),
    outcome: oneOf(OUTCOMES),
    end: text,
    signature: text,
    instructions: whole(0),
    virtualSeconds: seconds,
  },
  {
    check: fields({
      findings: whole(0),
      accesses: whole(0),
      unknownAccesses: whole(0),
      places: listOf(place),
      trace: listOf(text),
    }),
    skipped: listOf(whole(0)),
    flushCalls: listOf(fields({ caller: text, callee: text, count: whole(0) })),
  },
);

/** What is wrong with `value` as a KernelRecord, undefined when nothing is. */
export function kernelRecordProblem(value: unknown): string | undefined {
  return record(value)?.replace(/^(\.|: )/, '');
}
