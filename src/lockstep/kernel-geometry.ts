// How a running kernel lays out its per-CPU memory and which rules it has: struct pcpu_alloc_info as pcpu_setup_first_chunk() gets it,
// and the version.
import type { AllocInfo, Machine, Variant } from '../percpu/index.js';
import { VARIANTS } from '../percpu/index.js';

/** Words of struct pcpu_alloc_info (include/linux/percpu.h), and of struct pcpu_group_info behind it. */
const INFO_WORDS = 8;
const GROUP_WORDS = 3;
const MOST_GROUPS = 64;
const MOST_UNITS = 4096;

/** Reads struct pcpu_alloc_info of a 32-bit kernel. @param word the word at an address @returns undefined for what cannot be one */
export function readAllocInfo(address: number, word: (address: number) => number | undefined): AllocInfo | undefined {
  const words = (at: number, n: number): number[] | undefined => {
    const read = Array.from({ length: n }, (_, i) => word(at + 4 * i));
    return read.every((value) => value !== undefined) ? (read as number[]) : undefined;
  };
  const info = words(address, INFO_WORDS);
  if (!info) return undefined;
  const [staticSize, reservedSize, dynSize, unitSize, atomSize, allocSize, , nrGroups] = info as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (nrGroups < 1 || nrGroups > MOST_GROUPS) return undefined;
  const raw = words(address + 4 * INFO_WORDS, nrGroups * GROUP_WORDS);
  if (!raw) return undefined;
  const groups: AllocInfo['groups'] = [];
  for (let group = 0; group < nrGroups; group++) {
    const [nrUnits, baseOffset, cpuMap] = raw.slice(group * GROUP_WORDS) as [number, number, number];
    if (nrUnits < 1 || nrUnits > MOST_UNITS) return undefined;
    const cpus = words(cpuMap, nrUnits);
    if (!cpus) return undefined;
    groups.push({ baseOffset, cpuMap: cpus });
  }
  // Unused units have NR_CPUS, which no CPU can be.
  const units = groups.reduce((sum, { cpuMap }) => sum + cpuMap.length, 0);
  for (const group of groups) group.cpuMap = group.cpuMap.map((cpu) => (cpu < units ? cpu : -1));
  return { staticSize, reservedSize, dynSize, unitSize, atomSize, allocSize, groups };
}

/** @param pageSize bytes @param staticStart __per_cpu_start, 0 where nothing says */
export function machineOf(info: AllocInfo, pageSize: number, staticStart: number): Machine {
  const cpus = info.groups.reduce((sum, { cpuMap }) => sum + cpuMap.filter((cpu) => cpu >= 0).length, 0);
  return {
    bits: 32,
    pageShift: Math.log2(pageSize),
    cpus,
    nodes: [],
    staticStart: BigInt(staticStart),
    vmallocStart: 0n,
    vmallocEnd: 0n,
    thisCpu: 0,
  };
}

export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/** From the line that every Linux begins its console with. */
export function kernelVersion(lines: readonly string[]): KernelVersion | undefined {
  for (const line of lines) {
    const match = /Linux version ((\d+)\.(\d+)\S*)/.exec(line);
    if (match) return { text: match[1]!, major: Number(match[2]), minor: Number(match[3]) };
  }
  return undefined;
}

/** 5.14 brought partial depopulation (f183324133ea). */
const hasReclaim = ({ major, minor }: KernelVersion): boolean => major > 5 || (major === 5 && minor >= 14);

/** The rules of a version. @param flushes whether its reclaim flushes the TLB */
export function variantOf(version: KernelVersion, flushes: boolean): Variant {
  if (!hasReclaim(version)) return VARIANTS.before;
  return flushes ? VARIANTS.fixed : VARIANTS.buggy;
}

/** 5.9 to 5.13 keep the chunks of accounted areas apart when CONFIG_MEMCG_KMEM is set: two allocators in one, which is not modelled. */
export function hasChunkTypes(version: KernelVersion, hasMemcg: boolean): boolean {
  return hasMemcg && version.major === 5 && version.minor >= 9 && version.minor < 14;
}
