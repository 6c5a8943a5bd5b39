// Which functions a function of a MIPS kernel calls by name, read from its instructions.
import type { GuestNames, NamedRange } from './guest-names.js';

/** The word at a virtual address; undefined where there is none. */
export type ReadWord = (address: number) => number | undefined;

export interface StaticCalls {
  /** Targets of jal. */
  readonly calls: ReadonlySet<number>;
  /** Targets of j out of the function: calls that come last, which return to its caller. */
  readonly tails: ReadonlySet<number>;
  /** It calls through registers, too, or cannot be read yet: where to is not known. */
  readonly indirect: boolean;
}

const J = 2;
const JAL = 3;
const isJalr = (word: number): boolean => word >>> 26 === 0 && (word & 0x3f) === 9;

/** The calls in a function's own text. */
export function staticCalls({ start, end }: NamedRange, read: ReadWord): StaticCalls {
  const calls = new Set<number>();
  const tails = new Set<number>();
  let indirect = read(start) === undefined; // text that is not mapped yet
  for (let pc = start; pc < end; pc += 4) {
    const word = read(pc);
    if (word === undefined) break;
    indirect ||= isJalr(word);
    const opcode = word >>> 26;
    if (opcode !== J && opcode !== JAL) continue;
    const target = (((pc + 4) & 0xf000_0000) | ((word & 0x03ff_ffff) << 2)) >>> 0;
    if (opcode === JAL) calls.add(target);
    else if (target < start || target >= end) tails.add(target);
  }
  return { calls, tails, indirect };
}

/** What a function calls, and what that ends in, and so on: all that returns to it. */
export function callsReturningTo(calls: Iterable<number>, names: GuestNames, read: ReadWord): Set<number> {
  const all = new Set(calls);
  for (const target of all) {
    const callee = names.lookup(target);
    if (callee?.start !== target) continue;
    for (const tail of staticCalls(callee, read).tails) all.add(tail);
  }
  return all;
}
