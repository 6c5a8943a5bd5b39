// Structures of the guest's kernel and what its allocations are for, from the table the guest's build writes
// (emu/guest/tools/types.mjs): names for the bytes of an object.
import { UsageError } from '../errors.js';
import type { SourceLine } from './line-table.js';

interface Member {
  readonly offset: number;
  /** Bytes of one element. */
  readonly size: number;
  /** Elements; 0: no array. */
  readonly count: number;
  readonly name: string;
  /** `struct x` for a structure inside; C's text for anything else. */
  readonly type: string;
}

/** What an allocation is for. */
export interface AllocatedType {
  /** `struct x`, or `struct x *` for an array of pointers. */
  readonly type: string;
  /** Of the member that an array hangs in; '' for a single structure. */
  readonly array: string;
}

interface Structure {
  readonly size: number;
  readonly members: Member[];
}

const STRUCT = 'struct ';

/** The type table of one image. */
export class TypeTable {
  readonly #structures = new Map<string, Structure>();
  /** By `file:line`. */
  readonly #allocations = new Map<string, AllocatedType>();

  /** @param source named in error messages: the table's file @throws UsageError for a malformed row */
  constructor(text: string, source: string) {
    let structure: Structure | undefined;
    text.split('\n').forEach((row, i) => {
      if (row === '') return;
      const head = /^s (\d+) (\w+)$/.exec(row);
      const member = /^(\d+) (\d+) (\d+) (\w+) (.+)$/.exec(row);
      const allocation = /^a (\S+:\d+) (-|\w+) (.+)$/.exec(row);
      if (head) {
        structure = { size: Number(head[1]), members: [] };
        this.#structures.set(head[2]!, structure);
      } else if (member && structure) {
        const [offset, size, count] = [Number(member[1]), Number(member[2]), Number(member[3])];
        structure.members.push({ offset, size, count, name: member[4]!, type: member[5]! });
      } else if (allocation) {
        const array = allocation[2] === '-' ? '' : allocation[2]!;
        this.#allocations.set(allocation[1]!, { type: allocation[3]!, array });
      } else throw new UsageError(`${source}:${i + 1}: not a row of a type table: '${row.slice(0, 40)}'`);
    });
  }

  /** What the allocation made on a source line is for; undefined: bytes. */
  allocatedAt(line: SourceLine | undefined): AllocatedType | undefined {
    return line && this.#allocations.get(`${line.file}:${line.line}`);
  }

  /** Bytes of a type; undefined when the table does not know it. */
  sizeOf(type: string): number | undefined {
    if (type.endsWith('*')) return 4;
    return type.startsWith(STRUCT) ? this.#structures.get(type.slice(STRUCT.length))?.size : undefined;
  }

  /**
   * The byte at `offset` of what was allocated, in C's spelling: `request_queue.rcu_head.func`, `static_rqs[695]`. With `+n` behind it
   * for a byte inside the innermost member; only `+n` where no member is.
   */
  fieldAt({ type, array }: AllocatedType, offset: number): string {
    const size = this.sizeOf(type);
    if (size === undefined) return plus(offset);
    if (array === '' && offset >= size) return `${type.replace(STRUCT, '')}${plus(offset)}`; // memory behind the structure
    const element = array === '' ? type.replace(STRUCT, '') : `${array}[${Math.floor(offset / size)}]`;
    const inside = offset % size;
    return element + (type.endsWith('*') ? plus(inside) : this.#path(type.slice(STRUCT.length), inside));
  }

  #path(tag: string, offset: number): string {
    const member = this.#structures.get(tag)?.members.findLast((candidate) => candidate.offset <= offset);
    if (member === undefined) return plus(offset);
    const { name, type, size, count } = member;
    const inside = offset - member.offset;
    if (inside >= size * Math.max(count, 1)) return plus(offset); // padding
    const element = count === 0 ? '' : `[${Math.floor(inside / size)}]`;
    const rest = inside % size;
    const nested = type.startsWith(STRUCT) && !type.endsWith('*');
    return `.${name}${element}${nested ? this.#path(type.slice(STRUCT.length), rest) : plus(rest)}`;
  }
}

const plus = (offset: number): string => (offset === 0 ? '' : `+${offset}`);
