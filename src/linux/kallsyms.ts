// The symbols that a Linux kernel keeps in its own memory (kernel/kallsyms.c, scripts/kallsyms.c): names for kernels that were stripped,
// unpacked themselves and moved. Found by their shape, as no header says where they are.
//
//   offsets[n], relative_base, num_syms, names, markers, token_table, token_index                 (to 6.1)
//   ... seqs_of_names between markers and token_table (6.2, 6.3); offsets behind token_index (6.4 on)

/** A word of RAM by physical address, in the guest's byte order. */
export interface GuestMemory {
  readonly ram: Uint8Array;
  readonly view: DataView;
  readonly littleEndian: boolean;
}

export interface KernelSymbol {
  readonly address: number;
  readonly name: string;
  /** As nm prints it: t, T, d, D, ... */
  readonly type: string;
}

const TOKENS = 256;
/** Tokens of the digits and letters of a table, in the order of their codes: 0 .. 9 are never replaced by the compressor. */
const DIGITS = Uint8Array.from([...'0123456789'].flatMap((digit) => [digit.charCodeAt(0), 0]));
const MARKER_STEP = 256;
const MOST_SYMBOLS = 1_000_000;
const FEWEST_SYMBOLS = 1_000;

/**
 * The symbols of the kernel that runs; undefined where none are found. What unpacks a kernel has it in memory before it runs, and one that moves
 * itself leaves a copy with its old addresses behind: it is the one that holds the program counter.
 */
export function readKallsyms(memory: GuestMemory, pc: number): KernelSymbol[] | undefined {
  const { ram } = memory;
  for (let at = indexOf(ram, DIGITS, 0); at >= 0; at = indexOf(ram, DIGITS, at + 1)) {
    const symbols = tablesAround(memory, at);
    const text = symbols?.filter(({ type }) => /^[tT]$/.test(type)) ?? [];
    if (text.length > 0 && pc >= text[0]!.address && pc <= text.at(-1)!.address) return symbols;
  }
  return undefined;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1))
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  return -1;
}

const align4 = (at: number): number => (at + 3) & ~3;

function tablesAround(memory: GuestMemory, digits: number): KernelSymbol[] | undefined {
  const table = tokenTable(memory, digits);
  if (!table) return undefined;
  const { tokens, start, end } = table;
  const index = align4(end);
  const names = namesBefore(memory, start, tokens);
  if (!names) return undefined;
  const { count, first, texts } = names;
  // offsets and relative base stand before the count (to 6.3) or behind the index (from 6.4 on)
  const before = first - 4 - 4 - 4 * count;
  for (const [offsets, base] of [
    [before, first - 8],
    [index + 2 * TOKENS, index + 2 * TOKENS + 4 * count],
  ] as const) {
    const addresses = readAddresses(memory, offsets, base, count);
    if (addresses) return texts.map((text, i) => ({ address: addresses[i]!, type: text[0]!, name: text.slice(1) }));
  }
  return undefined;
}

function half({ view, littleEndian }: GuestMemory, at: number): number | undefined {
  return at >= 0 && at + 2 <= view.byteLength ? view.getUint16(at, littleEndian) : undefined;
}

function word({ view, littleEndian }: GuestMemory, at: number): number | undefined {
  return at >= 0 && at + 4 <= view.byteLength ? view.getUint32(at, littleEndian) : undefined;
}

/** The 256 tokens, from the place of those of the digits. */
function tokenTable(memory: GuestMemory, digits: number): { tokens: string[]; start: number; end: number } | undefined {
  const { ram } = memory;
  // backwards over the tokens 0 .. 0x2f
  let start = digits;
  for (let token = 0x2f; token >= 0; token--) {
    let at = start - 2;
    while (at >= 0 && ram[at] !== 0 && start - at < 100) at--;
    if (token > 0 && (at < 0 || start - at >= 100)) return undefined;
    start = at + 1;
  }
  // What stands in front may end without a zero: the table begins at a whole word.
  for (let first = align4(start); first < digits && ram[first] !== 0; first += 4) {
    const table = tokensFrom(memory, first);
    if (table) return table;
  }
  return undefined;
}

function tokensFrom(memory: GuestMemory, start: number): { tokens: string[]; start: number; end: number } | undefined {
  const { ram } = memory;
  const tokens: string[] = [];
  let at = start;
  for (let token = 0; token < TOKENS; token++) {
    const end = ram.indexOf(0, at);
    if (end < 0 || end - at > 100) return undefined;
    tokens.push(String.fromCharCode(...ram.subarray(at, end)));
    at = end + 1;
  }
  if (tokens['0'.charCodeAt(0)] !== '0') return undefined;
  // The index proves the table: where each token begins.
  const index = align4(at);
  for (let token = 0, offset = 0; token < TOKENS; token++) {
    if (half(memory, index + 2 * token) !== offset) return undefined;
    offset += tokens[token]!.length + 1;
  }
  return { tokens, start, end: at };
}

/**
 * The compressed names in front of the tokens: markers[k] is the offset of name 256 k, so the word before `names` that counts them
 * is one that its own markers confirm.
 */
function namesBefore(
  memory: GuestMemory,
  tokensAt: number,
  tokens: readonly string[],
): { count: number; first: number; texts: string[] } | undefined {
  const { ram } = memory;
  // markers begin with 0 and rise; seqs_of_names (3 bytes each, 6.2) may stand between them and the tokens
  const earliest = Math.max(0, tokensAt - (8 << 20));
  for (let at = tokensAt & ~3; at > earliest; at -= 4) {
    if (word(memory, at) !== 0) continue;
    const step = word(memory, at + 4);
    if (step === undefined || step < MARKER_STEP * 2 || step > MARKER_STEP * 64) continue;
    let markers = 1;
    for (let last = 0; ; markers++) {
      const next = word(memory, at + 4 * markers);
      if (next === undefined || next <= last || next - last > MARKER_STEP * 64) break;
      last = next;
    }
    const least = (markers - 1) * MARKER_STEP + 1;
    if (least < FEWEST_SYMBOLS) continue;
    const last = word(memory, at + 4 * (markers - 1))!;
    // the names end a little before the markers
    for (let first = at - last - 4; first > at - last - MARKER_STEP * 64 && first > 8; first--) {
      if (first % 4 !== 0) continue;
      const count = word(memory, first - 4)!;
      if (count < least || count > least + MARKER_STEP - 1 || count > MOST_SYMBOLS) continue;
      const texts = expand(ram, first, count, tokens);
      if (texts && align4(texts.end) <= at && at - texts.end < 256) return { count, first, texts: texts.names };
    }
  }
  return undefined;
}

function expand(
  ram: Uint8Array,
  first: number,
  count: number,
  tokens: readonly string[],
): { names: string[]; end: number } | undefined {
  const names: string[] = [];
  let at = first;
  for (let i = 0; i < count; i++) {
    let length = ram[at++]!;
    if (length & 0x80) length = (length & 0x7f) | (ram[at++]! << 7); // from 6.1 on
    if (length === 0 || at + length > ram.length) return undefined;
    let text = '';
    for (let k = 0; k < length; k++) text += tokens[ram[at++]!]!;
    if (!/^[a-zA-Z?]./.test(text)) return undefined;
    names.push(text);
  }
  return { names, end: at };
}

/** Offsets from a base in kseg0, or (without KALLSYMS_BASE_RELATIVE) addresses. They rise. */
function readAddresses(memory: GuestMemory, offsets: number, base: number, count: number): number[] | undefined {
  const from = word(memory, base);
  if (from === undefined || offsets < 0) return undefined;
  const relative = from >>> 29 === 4;
  const addresses: number[] = [];
  for (let i = 0; i < count; i++) {
    const value = word(memory, offsets + 4 * i);
    if (value === undefined) return undefined;
    const address = relative ? (from + value) >>> 0 : value;
    if (i > 0 && address < addresses[i - 1]!) return undefined;
    addresses.push(address);
  }
  return addresses[count - 1]! >>> 29 >= 4 ? addresses : undefined;
}
