// What a minimized boot still does, as plain data: it goes to worker processes, into records and scripts.
import { MAX_CONTROLLERS } from '../../emu/malta/megaraid/pci-device.js';
import { BootScript, bootTable, INITCALL, type Initcall } from '../kernel/boot-script.js';

/** Targets of one channel that are scanned: ids first .. last. */
export interface TargetRange {
  host: number;
  channel: number;
  first: number;
  last: number;
}

export interface Kept {
  /** Targets that are scanned; without it all are. */
  targets?: readonly TargetRange[];
  /**
   * Names of the steps of kernel_init that are done, as stepName() gives them; without it all are, and those that have no name always.
   * The time that one takes passes also without it.
   */
  steps?: readonly string[];
}

/** Channels of a host and ids of a channel that a scan probes (emu/guest/kernel/scsi-scan.c). */
export const CHANNELS = 4;
export const IDS = 128;

/**
 * Name of a step that a boot can do without: `percpu alloc_workqueue` (all allocations of that function and, with them, their frees),
 * `kobjects tty`, `print` (all console lines of the recorded boot). undefined: the boot needs it.
 */
export function stepName({ kind, text }: Pick<Initcall, 'kind' | 'text'>): string | undefined {
  if (kind === INITCALL.PERCPU) return `percpu ${text}`;
  if (kind === INITCALL.KOBJECTS) return `kobjects ${text}`;
  return kind === INITCALL.PRINT ? 'print' : undefined;
}

/** Names of all steps that a boot with pages of this size in bytes can do without, in order. */
export function stepNames(pageSize: number): string[] {
  const script = new BootScript(bootTable(pageSize), []);
  const names = new Set<string>();
  for (let call = script.next(); call !== undefined; call = script.next()) {
    const name = stepName(call);
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

export function targetCount(targets: readonly TargetRange[]): number {
  return targets.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** A target as a number; those of a channel follow each other. */
export function targetNumber(host: number, channel: number, id: number): number {
  return (host * CHANNELS + channel) * IDS + id;
}

/** @param targets numbers in ascending order */
export function targetRanges(targets: readonly number[]): TargetRange[] {
  const ranges: TargetRange[] = [];
  for (const target of targets) {
    const id = target % IDS;
    const channel = Math.floor(target / IDS) % CHANNELS;
    const host = Math.floor(target / IDS / CHANNELS);
    const last = ranges.at(-1);
    if (last && last.host === host && last.channel === channel && last.last === id - 1) last.last = id;
    else ranges.push({ host, channel, first: id, last: id });
  }
  return ranges;
}

/** The targets of all channels that a board can have with ids below `ids`. */
export function targetsBelow(ids: number): TargetRange[] {
  const ranges: TargetRange[] = [];
  for (let host = 0; host < MAX_CONTROLLERS; host++)
    for (let channel = 0; channel < CHANNELS; channel++) ranges.push({ host, channel, first: 0, last: ids - 1 });
  return ranges;
}

/** For BootOptions.skipTarget. */
export function targetFilter(targets: readonly TargetRange[]): (host: number, channel: number, id: number) => boolean {
  const kept = new Set<number>();
  for (const { host, channel, first, last } of targets)
    for (let id = first; id <= last; id++) kept.add(targetNumber(host, channel, id));
  return (host, channel, id) => !kept.has(targetNumber(host, channel, id));
}

/** For BootOptions.skipStep. */
export function stepFilter(steps: readonly string[]): (call: Initcall) => boolean {
  const kept = new Set(steps);
  return (call) => {
    const name = stepName(call);
    return name !== undefined && !kept.has(name);
  };
}
