// For tests only: the heap of the stand-in. It is a real WebAssembly memory next to a real function table, so that compiled hooks can
// share them; it grows whenever that hurts most, and forgets nothing about what was given out.
import { wasm, type WasmMemory, type WasmTable } from '../module.js';

interface GrowingMemory extends WasmMemory {
  grow(pages: number): number;
}
interface FunctionTable extends WasmTable {
  grow(slots: number): number;
  get(index: number): unknown;
  set(index: number, callback: unknown): void;
}

/** (module (memory (export "a") 20) (table (export "b") 4 funcref)) */
const MODULE = [
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 4, 4, 1, 0x70, 0, 4, 5, 3, 1, 0, 20, 7, 9, 2, 1, 0x61, 2, 0, 1, 0x62, 1, 0,
];
const PAGE = 0x1_0000;
const VALUE_TYPE: Readonly<Record<string, number>> = { i: 0x7f, j: 0x7e };

export class StandInHeap {
  readonly memory: GrowingMemory;
  readonly table: FunctionTable;
  /** Bytes of each piece given out, by its address. */
  readonly pieces = new Map<number, number>();
  /** Indices of the table that callbacks are in. */
  readonly functions = new Set<number>();
  readonly #free = new Map<number, number[]>();
  readonly #freeSlots: number[] = [];
  readonly #places = new Map<unknown, number>();
  #top: number;
  #words = new Uint32Array(0);
  #view = new DataView(new ArrayBuffer(0));

  private constructor(memory: GrowingMemory, table: FunctionTable, top: number) {
    this.memory = memory;
    this.table = table;
    this.#top = top;
  }

  /** @param top where pieces start, above static data and stack */
  static async create(top: number): Promise<StandInHeap> {
    const result = await wasm.instantiate(Uint8Array.from(MODULE), {});
    const { exports } = 'instance' in result ? result.instance : result;
    return new StandInHeap(exports.a as GrowingMemory, exports.b as FunctionTable, top);
  }

  get words(): Uint32Array {
    if (this.#words.length === 0) this.#words = new Uint32Array(this.memory.buffer);
    return this.#words;
  }

  get view(): DataView {
    if (this.#view.buffer !== this.memory.buffer) this.#view = new DataView(this.memory.buffer);
    return this.#view;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  /** Detaches every view of the memory. */
  grow(bytes = PAGE): void {
    this.memory.grow(Math.ceil(bytes / PAGE));
  }

  malloc(bytes: number): number {
    const size = (Math.max(bytes, 1) + 15) & ~15;
    let address = this.#free.get(size)?.pop();
    if (address === undefined) {
      address = this.#top;
      this.#top += size;
      if (this.#top > this.memory.buffer.byteLength) this.grow(this.#top - this.memory.buffer.byteLength);
    }
    this.pieces.set(address, size);
    // What was there before is there still, as with any malloc.
    this.bytes.fill(0xa5, address, address + Math.min(size, 256));
    return address;
  }

  free(address: number): void {
    if (address === 0) return;
    const size = this.pieces.get(address);
    if (size === undefined) throw new Error(`free(${address}): not a piece that was given out`);
    this.pieces.delete(address);
    const list = this.#free.get(size);
    if (list) list.push(address);
    else this.#free.set(size, [address]);
  }

  /**
   * As Emscripten's: functions of WebAssembly go into the table as they are, those of JavaScript are wrapped; one that is there already
   * gets no second place.
   */
  addFunction(callback: unknown, signature: string): number {
    const known = this.#places.get(callback);
    if (known !== undefined) return known;
    const index = this.#freeSlots.pop() ?? this.table.grow(1);
    try {
      this.table.set(index, callback);
    } catch {
      this.table.set(index, wrap(callback, signature));
    }
    this.functions.add(index);
    this.#places.set(callback, index);
    return index;
  }

  removeFunction(index: number): void {
    if (!this.functions.delete(index)) throw new Error(`removeFunction(${index}): nothing is there`);
    this.table.set(index, null);
    for (const [callback, place] of this.#places) if (place === index) this.#places.delete(callback);
    this.#freeSlots.push(index);
  }
}

/** A WebAssembly function of the C type `signature` that calls `callback`: arguments of another type are a TypeError. */
function wrap(callback: unknown, signature: string): unknown {
  const type = (letters: string): number[] => [letters.length, ...[...letters].map((letter) => VALUE_TYPE[letter])];
  const result = signature.startsWith('v') ? '' : signature[0];
  const section = (id: number, ...bytes: number[]): number[] => [id, bytes.length, ...bytes];
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, ...type(signature.slice(1)), ...type(result)),
    ...section(2, 1, 1, 0x65, 1, 0x66, 0, 0), // import e.f, a function of that type
    ...section(7, 1, 1, 0x66, 0, 0), // export it as f
  ]);
  return new wasm.Instance(new wasm.Module(bytes), { e: { f: callback } }).exports.f;
}
