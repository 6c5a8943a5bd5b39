// What `inspect --json` prints, in the style of all commands (docs/json.md): addresses, words, frames and registers are text.
const ADDRESSES = new Set(['address', 'virtual', 'physical', 'value', 'word', 'base']);
const NUMBERS_IN_HEX = new Set(['frame', 'pageTableFrame', 'asid']);

const hex = (value: number, digits: number): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;

/** The same value, its objects with other values: `t`, microseconds, becomes `microseconds`. @param all every number is a register */
export function inspectJson(value: unknown, all = false): unknown {
  if (Array.isArray(value)) return value.map((item) => inspectJson(item, all));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]: [string, unknown]) => {
      if (typeof item !== 'number') return [name, inspectJson(item, name === 'registers')];
      if (all || ADDRESSES.has(name)) return [name, hex(item, 8)];
      if (NUMBERS_IN_HEX.has(name)) return [name, hex(item, 1)];
      return [name === 't' ? 'microseconds' : name, item];
    }),
  );
}
