// Whether a value that was read is the record of a boot. Records come from files that anything may have happened to.
import { MAX_CONTROLLERS, MAX_DISKS } from '../../emu/malta/megaraid/pci-device.js';
import { newCounters } from '../kernel/counters.js';
import { KERNELS } from '../kernel/kernels.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import { sizeNeed } from './define.js';
import type { GeometryChange } from './setup.js';

/** What is wrong with a value, behind the path to it (`.options.cpus: 9 is not ...`); undefined when nothing is. */
export type Check = (value: unknown) => string | undefined;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
};

export const is =
  (what: string, test: (value: unknown) => boolean): Check =>
  (value) =>
    test(value) ? undefined : `: ${shown(value)} is not ${what}`;

export const text = is('a text', (value) => typeof value === 'string');
export const yesOrNo = is('true or false', (value) => typeof value === 'boolean');
export const whole = (min: number, max = Number.MAX_SAFE_INTEGER): Check =>
  is(
    max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`,
    (value) => (Number.isSafeInteger(value) ? (value as number) >= min && (value as number) <= max : false),
  );
export const seconds = is('a time in seconds', (value) => Number.isFinite(value) && (value as number) >= 0);
export const oneOf = (names: readonly string[]): Check =>
  is(`one of ${names.join(', ')}`, (value) => names.includes(value as string));

export function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return `: ${shown(value)} is not a list`;
    for (const [i, item] of value.entries()) {
      const problem = check(item);
      if (problem !== undefined) return `[${i}]${problem}`;
    }
    return undefined;
  };
}

/** An object with exactly these fields; those of `optional` may be missing. */
export function fields(
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return `: ${shown(value)} is not an object`;
    for (const name of Object.keys(required)) if (!Object.hasOwn(value, name)) return `.${name}: missing`;
    for (const [name, item] of Object.entries(value)) {
      const checks = Object.hasOwn(required, name) ? required : optional;
      if (!Object.hasOwn(checks, name)) return `: ${shown(name)} is no field of it`;
      const problem = checks[name]!(item);
      if (problem !== undefined) return `.${name}${problem}`;
    }
    return undefined;
  };
}

const target = fields({ host: whole(0), channel: whole(0), first: whole(0), last: whole(0) });

const flushed = is('range, whole or a number of pages', (value) =>
  typeof value === 'number' ? Number.isSafeInteger(value) && value > 0 : value === 'range' || value === 'whole',
);

const share = is('a share, as [1,8]', (value) => {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [part, all] = value as [number, number];
  return Number.isSafeInteger(part) && Number.isSafeInteger(all) && part > 0 && part <= all;
});

const size = (name: keyof GeometryChange): Check =>
  is('a size of a layout', (value) => typeof value === 'number' && sizeNeed(value, name) === undefined);

const setup = fields(
  {
    kernel: oneOf(Object.keys(KERNELS)),
    layout: oneOf(Object.keys(BOOT_LAYOUTS)),
    percpuAlloc: oneOf(['embed', 'page']),
    tlb: oneOf(['qemu', 'hardware']),
    cpu: oneOf(['24Kf', 'P5600']),
    cpus: whole(1, 8),
    controllers: whole(1, MAX_CONTROLLERS),
    disks: whole(1, MAX_DISKS),
    memory: whole(1, 4096),
  },
  {
    rules: fields({}, { reclaim: share, flush: oneOf(['never', 'range', 'chunk', 'populate']), flushed }),
    geometry: fields(
      {},
      { atomSize: size('atomSize'), dynReserve: size('dynReserve'), staticSize: size('staticSize') },
    ),
    kept: fields({}, { targets: listOf(target), steps: listOf(text) }),
  },
);

const counters = fields(
  Object.fromEntries(
    Object.keys(newCounters()).map((name) => [name, name === 'simulatedSeconds' ? seconds : whole(0)]),
  ),
);

/** As Outcome of a boot has them. */
const OUTCOMES = ['clean', 'oops', 'bug', 'panic', 'stall'];

const record = fields(
  {
    version: text,
    options: setup,
    seed: whole(0, 0xffff_ffff),
    outcome: oneOf(OUTCOMES),
    signature: text,
    panic: text,
    reachedInit: yesOrNo,
    counters,
  },
  { stopAtForeignPage: is('true', (value) => value === true) },
);

/** What is wrong with `value` as a BootRecord, undefined when nothing is. */
export function recordProblem(value: unknown): string | undefined {
  return record(value)?.replace(/^(\.|: )/, '');
}
