// A gt_log as input of a replay: the kernel's geometry comes from the log's header.
import { PERCPU_MODULE_RESERVE, PercpuAllocator, VARIANTS, buildAllocInfo, dynamicReserve } from '../percpu/index.js';
import type { Machine } from '../percpu/index.js';
import type { ReplayInput } from './event-replay.js';
import type { GtLog } from './gt-log.js';
import { ReplayedMemory } from './replayed-memory.js';

export function gtInput(log: GtLog): ReplayInput {
  const { header } = log;
  const pageShift = Math.log2(header.unitSize / header.unitPages);
  const machine: Machine = {
    bits: 32,
    pageShift,
    cpus: header.nrUnits,
    nodes: [],
    staticStart: 0n,
    vmallocStart: 0n,
    vmallocEnd: 0n,
    thisCpu: 0,
  };
  const variant = header.flushes ? VARIANTS.fixed : VARIANTS.buggy;
  const first = log.events.find((event) => event.kind === 'C');
  const firstAlloc = log.events.find((event) => event.kind === 'A' && !event.reserved);
  const infos = [0, PERCPU_MODULE_RESERVE].map((reserved) => {
    const built = buildAllocInfo(machine, header.staticSize, reserved, dynamicReserve(32), header.atomSize);
    if (built.unitSize === header.unitSize) return built;
    return { ...built, dynSize: header.unitSize - header.staticSize - reserved, unitSize: header.unitSize };
  });
  // Whether the kernel reserves an area for modules shows in where its first dynamic area lies.
  const fitting = infos.find((info) => {
    const trial = new PercpuAllocator(machine, variant, info, header.base, new ReplayedMemory());
    return (
      (firstAlloc === undefined || trial.firstChunk.base === firstAlloc.base) &&
      (first === undefined || trial.firstChunk.nrEmptyPopPages === first.c)
    );
  });
  const kernel = { machine, info: fitting ?? infos[0]!, variant, base: header.base };
  return {
    kernel,
    otherVariants: [],
    events: log.events,
    tracepointsOnly: false,
    workLogged: true,
    complete: true,
    earlier: [],
  };
}
