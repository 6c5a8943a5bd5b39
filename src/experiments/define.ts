// What `--define NAME=VALUE` and layout files change of a boot: rules of the kernel and sizes of the layout, as plain data of its setup.
import { UsageError } from '../errors.js';
import { readInput } from '../files/input.js';
import { type RuleChange, ruleText } from '../kernel/kernels.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import type { LayoutName } from '../layouts/layouts.js';
import type { BootSetup, GeometryChange } from './setup.js';

export type Defines = Pick<BootSetup, 'geometry' | 'rules'>;

/** For help: what may be defined. */
export const DEFINES =
  'reclaim=N/D, flush=never|range|chunk|populate, flushed=range|whole|PAGES, atom=BYTES, dyn=BYTES, static=BYTES';

const SIZES: Readonly<Record<string, keyof GeometryChange>> = {
  atom: 'atomSize',
  dyn: 'dynReserve',
  static: 'staticSize',
};
/** Bytes: what the guest has room for. */
const MOST: Readonly<Record<keyof GeometryChange, number>> = {
  atomSize: 4 << 20,
  dynReserve: 1 << 20,
  staticSize: 1 << 20,
};
const PAGE = 4096;

/** `reclaim=1/8,flush=chunk`, on top of what was defined before. @throws UsageError */
export function parseDefines(text: string, before: Defines = {}): Defines {
  const rules: RuleChange = { ...before.rules };
  const geometry: GeometryChange = { ...before.geometry };
  for (const item of text.split(',')) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(item) ?? [];
    const wrong = (need: string): UsageError => new UsageError(`--define ${item}: need ${need}`);
    if (Object.hasOwn(SIZES, name)) {
      const size = sizeOf(value, SIZES[name]!);
      if (typeof size === 'string') throw wrong(size);
      geometry[SIZES[name]!] = size;
    } else if (name === 'reclaim') {
      const match = /^(\d{1,4})\/(\d{1,4})$/.exec(value);
      const share = [Number(match?.[1]), Number(match?.[2])] as const;
      if (!match || share[0] < 1 || share[0] > share[1]) throw wrong('a share from above 0 to 1, as 1/8');
      rules.reclaim = share;
    } else if (name === 'flush') {
      if (value !== 'never' && value !== 'range' && value !== 'chunk' && value !== 'populate')
        throw wrong('never, range, chunk or populate');
      rules.flush = value;
    } else if (name === 'flushed') {
      const pages = /^[1-9]\d{0,3}$/.test(value) ? Number(value) : undefined;
      if (value !== 'range' && value !== 'whole' && pages === undefined)
        throw wrong('range, whole or a number of pages');
      rules.flushed = pages ?? (value as 'range' | 'whole');
    } else throw wrong(DEFINES);
  }
  return {
    ...(Object.keys(rules).length > 0 ? { rules } : {}),
    ...(Object.keys(geometry).length > 0 ? { geometry } : {}),
  };
}

/** @returns bytes, or what is needed instead */
function sizeOf(text: string, name: keyof GeometryChange): number | string {
  const match = /^(\d{1,8})([KM]?)$/i.exec(text);
  const size =
    Number(match?.[1]) * { '': 1, K: 1 << 10, M: 1 << 20 }[(match?.[2] ?? '').toUpperCase() as '' | 'K' | 'M'];
  return sizeNeed(size, name) ?? size;
}

/** What is needed instead of these bytes, undefined when they do. */
export function sizeNeed(size: number, name: keyof GeometryChange): string | undefined {
  const least = name === 'atomSize' ? PAGE : name === 'staticSize' ? 4 : 0;
  if (!Number.isInteger(size) || size < least || size > MOST[name])
    return `bytes from ${least} to ${MOST[name]}, as 65536 or 64K`;
  return name === 'atomSize' && (size & (size - 1)) !== 0 ? 'a power of two' : undefined;
}

/** The same as text, as `--define` takes it; '' when nothing is changed. */
export function definesText({ rules = {}, geometry = {} }: Defines): string {
  const sizes = Object.entries(SIZES).flatMap(([name, key]) =>
    geometry[key] === undefined ? [] : [`${name}=${geometry[key]}`],
  );
  return [...ruleText(rules).split(' ').filter(Boolean), ...sizes].join(',');
}

/** A layout out of a file: another one, with other sizes. */
export interface LayoutFile {
  readonly like: LayoutName;
  readonly geometry: GeometryChange;
}

const FIELDS = ['like', 'note', ...Object.values(SIZES)];

/** Reads `{"like": "malta-4k", "atomSize": 65536}`. @throws UsageError "file: what is wrong" */
export function readLayout(file: string): LayoutFile {
  return parseLayout(readInput(file, { flag: '--layout', limit: 1 << 20 }).toString(), file);
}

/** @param file named in errors @throws UsageError */
export function parseLayout(text: string, file: string): LayoutFile {
  const wrong = (why: string): UsageError => new UsageError(`--layout ${file}: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('not a JSON object');
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields))
    if (!FIELDS.includes(name)) throw wrong(`${JSON.stringify(name)} is none of ${FIELDS.join(', ')}`);
  const { like = 'malta-4k' } = fields;
  if (typeof like !== 'string' || !Object.hasOwn(BOOT_LAYOUTS, like))
    throw wrong(`like: need one of ${Object.keys(BOOT_LAYOUTS).join(', ')}`);
  const geometry: GeometryChange = {};
  for (const name of Object.values(SIZES)) {
    if (fields[name] === undefined) continue;
    const size = sizeOf(String(fields[name]), name);
    if (typeof size === 'string') throw wrong(`${name}: need ${size}`);
    geometry[name] = size;
  }
  return { like: like as LayoutName, geometry };
}
