// What distinguishes malta-4k from x86-like, one factor at a time. A factor's x86 value is put on malta-4k alone, and taken away from
// x86-like alone. Factors that are equal on both are varied on both all the same: they tell what else could have decided.
import { dynamicReserve } from '../percpu/index.js';
import { LAYOUTS } from '../layouts/layouts.js';
import { tlbText } from './cells.js';
import { targetsBelow } from './kept.js';
import { type BootSetup, DEFAULT_SETUP, type GeometryChange } from './setup.js';
import { bytesText } from './table.js';

export interface Factor {
  readonly name: string;
  /** Values, as text. */
  readonly from: string;
  readonly to: string;
  /** The setup with the factor's x86-like (or other) value. */
  readonly set: (setup: BootSetup) => BootSetup;
  /** The setup with malta-4k's value. */
  readonly unset: (setup: BootSetup) => BootSetup;
}

const x86 = LAYOUTS['x86-like'];
const malta = LAYOUTS['malta-4k'];
/** Static and reserved areas of x86-64's first chunk: what the dynamic area comes after. Bytes. */
const X86_STATIC = x86.staticSize + x86.reservedSize;

function geometryFactor(
  name: string,
  key: keyof GeometryChange,
  from: number,
  to: number,
  text: (n: number) => string,
): Factor {
  const change =
    (value: number) =>
    (setup: BootSetup): BootSetup => ({ ...setup, geometry: { ...setup.geometry, [key]: value } });
  return { name, from: text(from), to: text(to), set: change(to), unset: change(from) };
}

function setupFactor(
  name: string,
  from: string,
  to: string,
  set: Partial<BootSetup>,
  unset: Partial<BootSetup>,
): Factor {
  return { name, from, to, set: (setup) => ({ ...setup, ...set }), unset: (setup) => ({ ...setup, ...unset }) };
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KB`;
const MALTA_TLB = { tlb: 'qemu', cpu: '24Kf' } as const;
/** As many entries as the first level of an x86 data TLB has, and none beyond them. */
const X86_TLB = { tlb: 'hardware', cpu: 'P5600' } as const;
const SMALL_TLB = { tlb: 'hardware', cpu: '24Kf' } as const;

/** @param cpus possible CPUs of the x86-like end */
export function pathFactors(cpus: number): Factor[] {
  const factors = [
    geometryFactor('unit and atom size', 'atomSize', malta.atomSize, x86.atomSize, (n) => `atom ${bytesText(n)}`),
    geometryFactor('dynamic reserve', 'dynReserve', dynamicReserve(32), dynamicReserve(64), kilobytes),
    geometryFactor('first-chunk size', 'staticSize', malta.staticSize, X86_STATIC, (n) => `static ${kilobytes(n)}`),
    setupFactor('TLB kind', tlbText(MALTA_TLB), tlbText(X86_TLB), X86_TLB, MALTA_TLB),
  ];
  if (cpus > 1) factors.push(cpuFactor(cpus));
  return factors;
}

function cpuFactor(cpus: number): Factor {
  return setupFactor('CPU count', '1', String(cpus), { cpus }, { cpus: 1 });
}

/** Of the 128 ids of each channel the first 32. */
const FEWER_TARGETS = targetsBelow(32);

/** Factors that both ends share. */
export function sideFactors(cpus: number): Factor[] {
  const factors = [
    setupFactor('page size', '4 KB', '16 KB (malta)', { layout: 'malta' }, { layout: 'malta-4k' }),
    setupFactor('TLB without shadows', 'as the end', tlbText(SMALL_TLB), SMALL_TLB, MALTA_TLB),
    setupFactor('scanned targets', '512 a controller', '128 a controller', { kept: { targets: FEWER_TARGETS } }, {}),
    setupFactor('percpu_alloc=page', 'embed', 'page', { percpuAlloc: 'page' }, { percpuAlloc: 'embed' }),
  ];
  if (cpus === 1) factors.splice(1, 0, cpuFactor(8));
  return factors;
}

/** One boot configuration of the attribution, and why it is there. */
export interface Step {
  /** Row title. */
  readonly title: string;
  readonly setup: BootSetup;
}

export interface Attribution {
  readonly start: Step;
  readonly end: Step;
  readonly path: readonly { factor: Factor; alone: Step; allBut: Step }[];
  readonly side: readonly { factor: Factor; onStart: Step; onEnd: Step }[];
}

export function attribution(common: Partial<BootSetup>, cpus: number): Attribution {
  const base: BootSetup = { ...DEFAULT_SETUP, ...common };
  const factors = pathFactors(cpus);
  const all = (without?: Factor): BootSetup =>
    factors.reduce((setup, factor) => (factor === without ? setup : factor.set(setup)), base);
  const startSetup = base;
  const endSetup = all();
  return {
    start: { title: 'malta-4k', setup: startSetup },
    end: { title: 'x86-like (all of these factors)', setup: endSetup },
    path: factors.map((factor) => ({
      factor,
      alone: { title: `malta-4k + ${factor.name} ${factor.to}`, setup: factor.set(startSetup) },
      allBut: { title: `x86-like - ${factor.name}: ${factor.from}`, setup: all(factor) },
    })),
    side: sideFactors(cpus).map((factor) => ({
      factor,
      onStart: { title: `malta-4k, ${factor.name} ${factor.to}`, setup: factor.set(startSetup) },
      onEnd: { title: `x86-like, ${factor.name} ${factor.to}`, setup: factor.set(endSetup) },
    })),
  };
}

export function stepsOf({ start, end, path, side }: Attribution): Step[] {
  return [
    start,
    ...path.map(({ alone }) => alone),
    ...path.map(({ allBut }) => allBut),
    end,
    ...side.flatMap(({ onStart, onEnd }) => [onStart, onEnd]),
  ];
}
