// Who allocated and freed each object of the guest's slab caches: watched at the guest's own functions, which is what a kernel's
// SLAB_STORE_USER does, without taking room in the objects.
import type { BootParts } from '../kernel/boot.js';

/** A call of the guest's code. */
export interface Call {
  /** Microseconds. */
  t: number;
  /** The log's last event before it. */
  after: number;
  pid: number;
  /** Address behind the call. */
  site: number;
}

export interface SlabObjectHistory {
  allocated: Call;
  freed: Call | undefined;
}

const ALLOCATORS = ['kmem_cache_alloc', 'kmem_cache_zalloc', 'kmalloc', 'kzalloc'];
/** Functions that free what their argument register of this number points to. */
const FREES = [
  ['kfree', 4],
  ['kmem_cache_free', 5],
] as const;
const JR_RA = 0x03e0_0008;
const [V0, RA] = [2, 31];

export class SlabObjects {
  readonly #parts: BootParts;
  readonly #objects = new Map<number, SlabObjectHistory>();

  /** Attaches to a boot that has not started. */
  constructor(parts: BootParts) {
    this.#parts = parts;
    const { symbols } = parts.machine;
    const { cpu } = parts.machine.board;
    for (const name of ALLOCATORS)
      for (const address of this.#returnsOf(symbols.address(name)))
        cpu.observeInstruction(address, () => {
          // kzalloc() returns what kmalloc() did: the outermost call counts
          if (cpu.reg(V0) !== 0) this.#objects.set(cpu.reg(V0), { allocated: this.#call(), freed: undefined });
        });
    for (const [name, argument] of FREES)
      cpu.observeInstruction(symbols.address(name), () => {
        const object = this.#objects.get(cpu.reg(argument));
        // kfree() calls kmem_cache_free(): the outermost call counts
        if (object !== undefined && object.freed === undefined) object.freed = this.#call();
      });
  }

  #returnsOf(address: number): number[] {
    const { machine } = this.#parts;
    const { start, end } = machine.symbols.lookup(address)!;
    const returns: number[] = [];
    for (let at = start; at < end; at += 4) if (machine.read32(at) === JR_RA) returns.push(at);
    return returns;
  }

  #call(): Call {
    const { clock, log, scheduler, machine } = this.#parts;
    const pid = scheduler.tasks.length === 0 ? 0 : scheduler.current.pid;
    return { t: clock.now, after: log.events.length - 1, pid, site: machine.board.cpu.reg(RA) };
  }

  /** The object at a kseg0 address; undefined when none has been there. */
  at(address: number): Readonly<SlabObjectHistory> | undefined {
    return this.#objects.get(address);
  }
}
