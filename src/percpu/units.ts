// Which CPU uses which unit, and where the units lie. Part of pcpu_setup_first_chunk().
import { minUnitSize, PERCPU_DYNAMIC_EARLY_SIZE } from './geometry.js';
import type { AllocInfo, Machine } from './geometry.js';

/** pcpu_unit_map, pcpu_unit_offsets and the groups as pcpu_get_vm_areas() wants them. Offsets and sizes in bytes. */
export interface UnitLayout {
  readonly nrUnits: number;
  readonly unitSize: number;
  /** Unit of each CPU. */
  readonly map: readonly number[];
  /** Distance of each CPU's unit from unit 0. */
  readonly offsets: readonly number[];
  readonly groupOffsets: readonly number[];
  readonly groupSizes: readonly number[];
  /** CPUs with the lowest and the highest unit. */
  readonly lowCpu: number;
  readonly highCpu: number;
}

/** A shape that pcpu_setup_first_chunk() would refuse (and the kernel not survive). */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** Checks `info` as pcpu_setup_first_chunk() does. @throws SetupError naming the kernel's condition */
export function unitLayout(machine: Machine, info: AllocInfo): UnitLayout {
  const pageSize = 1 << machine.pageShift;
  const refuse = (failed: boolean, condition: string): void => {
    if (failed) throw new SetupError(`the first chunk cannot be set up: ${condition}`);
  };
  refuse(info.groups.length === 0, 'no groups');
  refuse(info.staticSize <= 0, 'the static area is empty');
  refuse(machine.staticStart % BigInt(pageSize) !== 0n, '__per_cpu_start is not page aligned');
  refuse(info.unitSize < info.staticSize + info.reservedSize + info.dynSize, 'static + reserved + dyn exceed the unit');
  refuse(info.unitSize % pageSize !== 0, 'the unit size is not a multiple of the page size');
  refuse(info.unitSize < minUnitSize(pageSize), `the unit is smaller than ${minUnitSize(pageSize)} bytes`);
  refuse(info.dynSize < PERCPU_DYNAMIC_EARLY_SIZE, `dyn is smaller than ${PERCPU_DYNAMIC_EARLY_SIZE} bytes`);
  refuse(info.reservedSize % 4 !== 0, 'reserved is not a multiple of 4');

  const map: number[] = new Array<number>(machine.cpus).fill(-1);
  const offsets: number[] = new Array<number>(machine.cpus).fill(0);
  let lowCpu = -1;
  let highCpu = -1;
  let unit = 0;
  for (const group of info.groups) {
    group.cpuMap.forEach((cpu, index) => {
      if (cpu < 0) return;
      refuse(cpu >= machine.cpus, `CPU ${cpu} does not exist`);
      refuse(map[cpu] !== -1, `CPU ${cpu} has two units`);
      map[cpu] = unit + index;
      offsets[cpu] = group.baseOffset + index * info.unitSize;
      if (lowCpu < 0 || offsets[cpu]! < offsets[lowCpu]!) lowCpu = cpu;
      if (highCpu < 0 || offsets[cpu]! > offsets[highCpu]!) highCpu = cpu;
    });
    unit += group.cpuMap.length;
  }
  map.forEach((of, cpu) => refuse(of === -1, `CPU ${cpu} has no unit`));
  return {
    nrUnits: unit,
    unitSize: info.unitSize,
    map,
    offsets,
    groupOffsets: info.groups.map((group) => group.baseOffset),
    groupSizes: info.groups.map((group) => group.cpuMap.length * info.unitSize),
    lowCpu,
    highCpu,
  };
}
