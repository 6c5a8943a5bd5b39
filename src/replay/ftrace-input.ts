// An ftrace trace as input of a replay. It does not say what kernel it is from, nor what was allocated before tracing began: geometry
// and commits are found among the known ones by what fits, and the earlier areas follow from where later ones did not go.
import { BOOT_LAYOUTS, percpuAllocInfo, percpuMachine, withPercpuAlloc } from '../layouts/boot-layouts.js';
import { LAYOUTS, firstChunkOf, machineOf } from '../layouts/layouts.js';
import { PercpuAllocator, SetupError, VARIANTS, unitLayout } from '../percpu/index.js';
import type { AllocInfo, LongBits, Machine } from '../percpu/index.js';
import type { BootGeometry } from './boot-geometry.js';
import type { LoggedKernel, ReplayInput } from './event-replay.js';
import type { Ftrace } from './ftrace.js';
import type { LogEvent } from './gt-log.js';
import { LogError } from './log-error.js';
import { ReplayedMemory } from './replayed-memory.js';

/** Page sizes that kernels have. */
const PAGE_SIZES = [65536, 32768, 16384, 8192, 4096];

/**
 * @param name of the trace, for messages
 * @param given what the user says of the kernel's geometry; goes over what the trace has
 * @throws LogError when no geometry is given and no known one fits, or the trace begins so late that nothing can be told
 */
export function ftraceInput(trace: Ftrace, name: string, given: BootGeometry = {}): ReplayInput {
  const made = new Set(trace.events.filter((event) => event.kind === 'C').map((event) => event.base));
  const reserved = new Set(trace.events.filter((event) => event.reserved).map((event) => event.base));
  const inOld = trace.events.filter(
    (event) => (event.kind === 'A' || event.kind === 'F') && !made.has(event.base) && !event.reserved,
  );
  const first = inOld.find((event) => event.kind === 'A' || !reserved.has(event.base));
  if (first === undefined) {
    throw new LogError(name, 1, 'undecidable: no area of the first chunk appears in the trace: tracing began too late');
  }
  const inFirst = inOld.filter((event) => event.base === first.base);
  const stranger = inOld.find((event) => event.base !== first.base && !reserved.has(event.base));
  if (stranger !== undefined) {
    throw new LogError(
      name,
      stranger.line,
      'undecidable: a chunk appears that the trace does not create: tracing began too late',
    );
  }
  const known = { ...trace.geometry, ...given };
  const cpus = known.cpus === undefined ? trace.cpus : [known.cpus];
  const shapes =
    known.staticSize === undefined
      ? cpus.flatMap(knownShapes).filter(({ machine }) => pageFits(known, 1 << machine.pageShift))
      : givenShapes(known, cpus[0]!, trace.bits, name);
  const candidates = shapes
    .filter(({ machine }) => machine.bits === trace.bits)
    .map((shape) => fit(shape, trace, inFirst))
    .filter((candidate) => candidate !== undefined)
    .sort((a, b) => a.distance - b.distance);
  const best = candidates[0];
  if (best === undefined) {
    const shape =
      known.staticSize === undefined
        ? `none of the known layouts (${Object.keys(LAYOUTS).join(', ')}); give the boot's line "percpu: Embedded ..." with --geometry`
        : 'the geometry that is given';
    throw new LogError(
      name,
      first.line,
      `the addresses fit ${shape}`.replace('fit the geometry', 'do not fit the geometry'),
    );
  }
  const { kernel } = best;
  const earlier = earlierAreas(kernel, trace.events, first.base);
  const firstRequest = trace.events.find((event) => event.kind !== 'W' && event.base !== kernel.base);
  return {
    kernel,
    // Flushes do not show in a trace: these stand for all kernels.
    otherVariants: [VARIANTS.f183, VARIANTS.before],
    events: trace.events,
    tracepointsOnly: true,
    workLogged: trace.events.some((event) => event.kind === 'W'),
    complete: trace.hasTasks && best.distance === 0 && earlier.length === 0 && firstRequest === first,
    earlier,
  };
}

/** The shape that the boot's lines or the options give, in every page size that it can have; the largest comes first. */
function givenShapes(known: BootGeometry, cpus: number, bits: LongBits, name: string): Shape[] {
  const { staticSize, reservedSize = 0, dynSize = 0 } = known;
  const sum = staticSize! + reservedSize + dynSize;
  const shapes: Shape[] = [];
  let refused = `${sum} bytes are no whole number of pages`;
  for (const pageSize of PAGE_SIZES) {
    const unitSize = known.unitSize ?? sum;
    if (!pageFits(known, pageSize) || sum % pageSize !== 0 || unitSize % pageSize !== 0) continue;
    const machine: Machine = {
      ...{ bits, pageShift: Math.log2(pageSize), cpus, nodes: [], thisCpu: 0 },
      ...{ staticStart: 0n, vmallocStart: 0n, vmallocEnd: 0n },
    };
    const info: AllocInfo = {
      ...{ staticSize: staticSize!, reservedSize, dynSize, unitSize },
      atomSize: known.atomSize ?? pageSize,
      allocSize: unitSize,
      groups: [{ baseOffset: 0, cpuMap: Array.from({ length: cpus }, (_, cpu) => cpu) }],
    };
    try {
      unitLayout(machine, info);
      shapes.push({ machine, info, given: true });
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      refused = error.message;
    }
  }
  if (shapes.length === 0) {
    const text = `s${staticSize!} r${reservedSize} d${dynSize} u${known.unitSize ?? sum}`;
    throw new LogError(name, 1, `the geometry ${text} cannot be: ${refused}`);
  }
  return shapes;
}

function pageFits(known: BootGeometry, pageSize: number): boolean {
  return known.pageSize === undefined || known.pageSize === pageSize;
}

interface Shape {
  readonly machine: Machine;
  readonly info: AllocInfo;
  /** By the boot's lines or the user, not one of the known ones. */
  readonly given: boolean;
}

/** The recorded kernels', and what boots of the guest can have besides. */
function knownShapes(cpus: number): Shape[] {
  const recorded = Object.values(LAYOUTS).map((layout) => ({
    machine: machineOf(layout, cpus),
    info: firstChunkOf(layout, cpus).info,
    given: false,
  }));
  const simulated = (['embed', 'page'] as const).flatMap((how) =>
    Object.values(BOOT_LAYOUTS).map((layout) => {
      const machine = percpuMachine(layout, cpus);
      return { machine, info: percpuAllocInfo(withPercpuAlloc(layout, how), machine), given: false };
    }),
  );
  return [...recorded, ...simulated];
}

/** The shape as this trace's kernel, unless its addresses say otherwise; `distance`: bytes from the region's start to the first area. */
function fit(
  { machine, info, given }: Shape,
  trace: Ftrace,
  inFirst: readonly LogEvent[],
): { kernel: LoggedKernel; distance: number } | undefined {
  const pageSize = 1 << machine.pageShift;
  const dynStart = info.staticSize + info.reservedSize;
  const base = inFirst[0]!.base - (dynStart - (dynStart % pageSize));
  if (base % info.atomSize !== 0 || inFirst[0]!.base % pageSize !== 0) return undefined;
  const trial = new PercpuAllocator(machine, VARIANTS.fixed, info, base, new ReplayedMemory());
  const chunk = trial.firstChunk;
  const regionEnd = chunk.nrPages * pageSize - chunk.endOffset;
  let lowest = Infinity;
  let highest = 0;
  for (const { offset } of inFirst) {
    if (offset < lowest) lowest = offset;
    if (offset > highest) highest = offset;
  }
  if (lowest < chunk.startOffset || highest >= regionEnd) return undefined;
  // Chunks lie at distances that are multiples of what all units of one take. Of a geometry that is given, only the unit is known.
  const span = given ? pageSize : trial.units.groupSizes.reduce((sum, size) => sum + size, 0);
  const bases = trace.events.filter((event) => event.kind === 'C' && event.base !== base).map((event) => event.base);
  if (bases.some((chunkBase) => (chunkBase - bases[0]!) % span !== 0)) return undefined;
  const made = new Set(bases);
  const tooFar = trace.events.some((event) => made.has(event.base) && event.offset >= info.unitSize);
  if (tooFar) return undefined;
  return { kernel: { machine, info, variant: VARIANTS.fixed, base }, distance: lowest - chunk.startOffset };
}

/**
 * Areas of the first chunk from before the trace. Freed in the trace: begins where the free says and reaches up to the next thing known
 * to lie above it. Never freed: what no traced area ever covers, although smaller areas were put behind it.
 */
function earlierAreas(
  kernel: LoggedKernel,
  events: readonly LogEvent[],
  firstBase: number,
): { offset: number; size: number }[] {
  const trial = new PercpuAllocator(kernel.machine, kernel.variant, kernel.info, kernel.base, new ReplayedMemory());
  const { startOffset, nrPages, endOffset } = trial.firstChunk;
  const regionEnd = nrPages * trial.pageSize - endOffset;
  const mine = events.filter((event) => event.base === firstBase);

  // Frees of what the trace did not see allocated, and the traced area next above at that time.
  const live = new Set<number>();
  const seen = new Set<number>();
  const freed: { offset: number; limit: number; at: number }[] = [];
  mine.forEach((event, at) => {
    if (event.kind === 'A') {
      live.add(event.offset);
      seen.add(event.offset);
    } else if (event.kind === 'F' && !live.delete(event.offset)) {
      let limit = regionEnd;
      for (const offset of seen) if (offset > event.offset && offset < limit) limit = offset;
      freed.push({ offset: event.offset, limit, at });
    }
  });
  const starts = freed.map(({ offset }) => offset).sort((a, b) => a - b);
  const nextStart = (offset: number): number => starts.find((start) => start > offset) ?? regionEnd;
  const adjacent = freed.filter(({ offset, limit }) => nextStart(offset) <= limit);
  const largest = Math.max(4, ...adjacent.map(({ offset }) => nextStart(offset) - offset));
  const areas = freed.map(({ offset, limit, at }) => {
    const end = Math.min(nextStart(offset), limit);
    if (end - offset <= largest) return { offset, size: end - offset };
    // More than any other: something that is never freed lies in between. Later areas show how far the freed room reached.
    let reached = offset + largest;
    for (const event of mine.slice(at)) {
      if (event.kind === 'A' && event.offset >= offset && event.offset < end) {
        reached = Math.max(reached, Math.min(event.offset + ((event.size + 3) & ~3), end));
      }
    }
    return { offset, size: reached - offset };
  });

  // What neither these nor any traced area ever covers.
  const covered = new Uint8Array(regionEnd);
  for (const { offset, size } of areas) covered.fill(1, offset, offset + size);
  for (const event of mine)
    if (event.kind === 'A') covered.fill(1, event.offset, event.offset + ((event.size + 3) & ~3));
  for (let offset = startOffset; offset < regionEnd;) {
    if (covered[offset] !== 0) {
      offset += 4;
      continue;
    }
    let end = offset;
    while (end < regionEnd && covered[end] === 0) end += 4;
    const size = end - offset;
    const passedOver = mine.some(
      (event) => event.kind === 'A' && event.offset > offset && alignUp(offset, event.align) + event.size <= end,
    );
    if (passedOver) areas.push({ offset, size });
    offset = end;
  }
  return areas.sort((a, b) => a.offset - b.offset);
}

function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / Math.max(align, 4)) * Math.max(align, 4);
}
