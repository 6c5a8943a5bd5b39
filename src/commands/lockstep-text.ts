// What `run --percpu` says at the end.
import { count } from '../experiments/table.js';
import type { DifferenceScene, PercpuWatch } from '../lockstep/percpu-watch.js';

const number = (value: number): string => value.toLocaleString('en-US');

/** Rows of the summary: heading and text. */
export function lockstepRows({ lockstep, problem, difference }: PercpuWatch): [string, string][] {
  if (!lockstep) return [['per-CPU', problem ?? 'pcpu_setup_first_chunk() was not seen: nothing to compare']];
  const { counts } = lockstep;
  return [
    ['per-CPU', `${number(counts.predicted)} of ${number(counts.placements)} placements as predicted`],
    [
      '',
      `${number(counts.frees)} frees, ${count(counts.created, 'chunk')} made, ${counts.destroyed} destroyed, pages populated ` +
        `${count(counts.populations, 'time')}, depopulated ${count(counts.depopulations, 'time')}, ${counts.flushes} flushed`,
    ],
    ...(difference ? differenceRows(difference) : []),
  ];
}

function differenceRows(difference: DifferenceScene): [string, string][] {
  const { kernel, predicted, kernelState, predictedState, time, instruction, task, trace } = difference;
  const lines = [
    `first difference at ${(time / 1e9).toFixed(6)} s, instruction ${instruction}${task === undefined ? '' : `, in task ${task}`}:`,
    `  kernel     ${kernel}`,
    `  predicted  ${predicted}`,
    "  the kernel's chunks, by what it was seen to do:",
    ...kernelState.map((line) => `    ${line}`),
    '  the chunks predicted:',
    ...predictedState.map((line) => `    ${line}`),
    '  called by:',
    ...trace.map((line) => `    ${line}`),
  ];
  return lines.map((line) => ['', line]);
}

/** For --json. */
export function lockstepRecord({ lockstep, problem, difference }: PercpuWatch): Record<string, unknown> {
  const { info, variant, pageSize } = lockstep?.percpu ?? {};
  return {
    ...(problem === undefined ? {} : { problem }),
    ...(lockstep
      ? {
          geometry: {
            staticSize: info!.staticSize,
            reservedSize: info!.reservedSize,
            dynSize: info!.dynSize,
            unitSize: info!.unitSize,
            pageSize,
          },
          rules: variant!.name,
          counts: lockstep.counts,
        }
      : {}),
    difference: difference ?? null,
  };
}
