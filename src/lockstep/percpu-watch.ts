// Watches the per-CPU allocator of a kernel that runs on the board, and drives a Lockstep beside it.
import type { GuestNames } from '../linux/guest-names.js';
import type { PercpuEvents } from '../percpu/index.js';
import { SetupError } from '../percpu/index.js';
import { guestTrace, peek } from '../run/guest-trace.js';
import type { KernelRun } from '../run/kernel-run.js';
import { type Call, CallWatch, type OnReturn } from './call-watch.js';
import { calls, type KernelFunctions, kernelFunctions } from './kernel-functions.js';
import { hasChunkTypes, kernelVersion, machineOf, readAllocInfo, variantOf } from './kernel-geometry.js';
import { Lockstep, type LockstepDifference, type Path } from './lockstep.js';
import type { Operation, OperationKind } from './moments.js';

/** A call of pcpu_alloc(), free_percpu() or pcpu_balance_workfn() under way; calls that these make are on its behalf. */
interface Frame {
  readonly path: Path | undefined;
  /** Of free_percpu(). */
  readonly freed: { readonly pointer: number; readonly site: number } | undefined;
  /** What pcpu_get_vm_areas() gave. */
  area: number | undefined;
  /** It is in the memory that it called for. */
  inMemory: boolean;
}

/** Where the first difference was seen. */
export interface DifferenceScene extends LockstepDifference {
  readonly instruction: number;
  /** Virtual nanoseconds. */
  readonly time: number;
  readonly task: string | undefined;
  readonly trace: readonly string[];
}

/** Told of what the kernel is seen to do, as long as the allocator here does the same. Addresses are in unit 0. */
export interface WatchListener extends Partial<PercpuEvents> {
  /** pcpu_setup_first_chunk() is entered. */
  begun(lockstep: Lockstep): void;
  /** pcpu_alloc() returns a per-CPU pointer, 0 for NULL. */
  allocated(path: Path, pointer: number): void;
  /** free_percpu() has the lock. @param size bytes */
  freed(address: number, size: number, pointer: number, site: number): void;
  operated(operation: Operation): void;
  /** The balance work runs. @param work its work_struct */
  balanced(phase: 'start' | 'end', work: number): void;
  /** flush_tlb_kernel_range(), by whomever. */
  flushed(start: number, end: number): void;
}

/** struct vm_struct: next, addr. */
const VM_STRUCT_ADDR = 4;
const REG_RA = 31;
const REG_SP = 29;

export class PercpuWatch {
  readonly #run: KernelRun;
  readonly #listener: WatchListener | undefined;
  /** Once pcpu_setup_first_chunk() was called. */
  lockstep: Lockstep | undefined;
  /** Why there is nothing to compare. */
  problem: string | undefined;
  difference: DifferenceScene | undefined;
  #functions!: KernelFunctions;
  #names!: GuestNames;
  #calls!: CallWatch;
  /** Called when pcpu_setup_first_chunk() is entered: others may watch functions, too. */
  onBegin: ((calls: CallWatch, names: GuestNames) => void) | undefined;
  /** By thread, the innermost last. */
  readonly #frames = new Map<number, Frame[]>();
  /** Bases of the kernel's chunks, by the address of struct pcpu_chunk, and by that of their vm areas. */
  readonly #bases = new Map<number, number>();
  readonly #areas = new Map<number, number>();
  /** From a per-CPU pointer to the address in unit 0. */
  #delta: number | undefined;
  #emptyPages: number | undefined;

  /** Begins as soon as the kernel's functions have names. */
  constructor(run: KernelRun, listener?: WatchListener) {
    this.#run = run;
    this.#listener = listener;
    run.whenNamed((names) => this.#install(names));
  }

  /** Everything that the kernel did is what the allocator here did, and there was something. */
  get asPredicted(): boolean {
    return this.lockstep !== undefined && this.lockstep.counts.placements > 0 && this.difference === undefined;
  }

  /** What per-CPU pointers are off from the addresses of CPU 0's copies. */
  get pointerOffset(): number | undefined {
    return this.#delta;
  }

  get #cpu() {
    return this.#run.machine.cpu;
  }

  /** @returns whether that is settled */
  #install(names: GuestNames): boolean {
    if (names.source === '') return false;
    const functions = kernelFunctions(names);
    if (typeof functions === 'string') {
      this.problem = `the kernel has no function ${functions}`;
      return true;
    }
    this.#functions = functions;
    this.#names = names;
    const watch = new CallWatch(this.#cpu);
    this.#calls = watch;
    const add = (address: number | undefined, onCall: (call: Call) => OnReturn | undefined): void => {
      if (address !== undefined) watch.add(address, onCall);
    };
    /** Once there is a lockstep. */
    const inLockstep = (onCall: (lockstep: Lockstep, call: Call) => OnReturn | undefined) => (call: Call) => {
      if (!this.lockstep) return undefined;
      const onReturn = onCall(this.lockstep, call);
      this.#lookForDifference(call);
      return (
        onReturn &&
        ((value: number) => {
          onReturn(value);
          this.#lookForDifference(call);
        })
      );
    };
    const onPath = (use: (lockstep: Lockstep, path: Path, call: Call, frame: Frame) => OnReturn | undefined | void) =>
      inLockstep((lockstep, call) => {
        const frame = this.#frames.get(call.thread)?.at(-1);
        return frame?.path ? (use(lockstep, frame.path, call, frame) ?? undefined) : undefined;
      });
    add(functions.setup, (call) => void this.#setUp(call));
    add(
      functions.alloc,
      inLockstep((lockstep, call) => this.#alloc(lockstep, call)),
    );
    add(
      functions.free,
      inLockstep((lockstep, call) => this.#free(lockstep, call)),
    );
    add(
      functions.balance,
      inLockstep((lockstep, call) => {
        const path = lockstep.balanceWork();
        const [work] = call.args;
        const leave = this.#enter(call.thread, { path, freed: undefined, area: undefined, inMemory: false });
        this.#tell((listener) => listener.balanced('start', work));
        return () => {
          leave();
          lockstep.balanced(path);
          this.#tell((listener) => listener.balanced('end', work));
        };
      }),
    );
    add(
      functions.fit,
      onPath((lockstep, path, { args }) => lockstep.searches(path, (args[3] & 0xff) !== 0)),
    );
    add(
      functions.take,
      onPath((lockstep, path) => {
        lockstep.takes(path);
        return this.#delta === undefined ? (offset) => void (this.#firstOffset = offset) : undefined;
      }),
    );
    add(
      functions.release,
      inLockstep((lockstep, { thread }) => {
        const frame = this.#frames.get(thread)?.at(-1);
        if (frame?.freed !== undefined) this.#freed(lockstep, frame.freed);
        else if (frame?.path) lockstep.holdsLock(frame.path);
        return undefined;
      }),
    );
    for (const address of [functions.relocate, functions.populated, functions.depopulated])
      add(
        address,
        onPath((lockstep, path) => lockstep.holdsLock(path)),
      );
    add(
      functions.balanceFree,
      onPath((lockstep, path) => lockstep.balances(path)),
    );
    const memory = (kind: OperationKind, answer: (call: Call, value: number, frame: Frame) => Operation) =>
      onPath((lockstep, path, call, frame) => {
        lockstep.asks(path, kind);
        frame.inMemory = true;
        return (value) => {
          frame.inMemory = false;
          const operation = answer(call, value, frame);
          lockstep.operation(path, operation);
          this.#tell((listener) => listener.operated(operation));
        };
      });
    const range = ({ args: [chunk, start, end] }: Call) => ({ base: this.#bases.get(chunk) ?? 0, start, end });
    add(
      functions.populate,
      memory('populate', (call, value) => ({ kind: 'populate', ...range(call), ok: value === 0 })),
    );
    add(
      functions.depopulate,
      memory('depopulate', (call) => ({ kind: 'depopulate', ...range(call) })),
    );
    add(
      functions.create,
      memory('create', (_call, chunk, frame) => {
        if (chunk !== 0 && frame.area !== undefined) this.#bases.set(chunk, frame.area);
        return { kind: 'create', base: chunk === 0 ? undefined : frame.area };
      }),
    );
    add(
      functions.areas,
      onPath((lockstep, _path, _call, frame) => (vms) => {
        const area = peek(this.#cpu, (peek(this.#cpu, vms) ?? 0) + VM_STRUCT_ADDR);
        if (vms === 0 || area === undefined) return;
        frame.area = area - lockstep.percpu.units.groupOffsets[0]!;
        this.#areas.set(vms, frame.area);
      }),
    );
    add(
      functions.freeAreas,
      memory('destroy', ({ args: [vms] }) => ({ kind: 'destroy', base: this.#areas.get(vms) ?? 0 })),
    );
    add(
      functions.flush,
      inLockstep((lockstep, { args: [start, end], thread }) => {
        const { path, inMemory } = this.#frames.get(thread)?.at(-1) ?? {};
        if (path && !path.request && !inMemory) lockstep.operation(path, this.#flushed(lockstep, start, end));
        this.#tell((listener) => listener.flushed(start, end));
        return undefined;
      }),
    );
    return true;
  }

  #firstOffset: number | undefined;

  #tell(what: (listener: WatchListener) => void): void {
    if (this.#listener && !this.lockstep!.difference) what(this.#listener);
  }

  #word(address: number): number | undefined {
    return peek(this.#cpu, address);
  }

  #setUp({ args: [infoAddress, base] }: Call): void {
    if (this.lockstep || this.problem !== undefined) return;
    const word = (address: number): number | undefined => this.#word(address);
    const info = readAllocInfo(infoAddress, word);
    const version = kernelVersion(this.#run.lines);
    if (!info) this.problem = 'what pcpu_setup_first_chunk() got is no struct pcpu_alloc_info';
    else if (!version) this.problem = 'the console does not begin with "Linux version"';
    else if (hasChunkTypes(version, this.#names.functions(/^obj_cgroup_charge$/).length > 0))
      this.problem = `Linux ${version.text} keeps two kinds of chunks (CONFIG_MEMCG_KMEM), which is not modelled`;
    if (!info || !version || this.problem !== undefined) return;
    // Linux embeds the first chunk in whole pages, one atom each.
    const staticStart = this.#names.address('__per_cpu_start');
    if (staticStart !== undefined) this.#delta = base - staticStart;
    try {
      const machine = machineOf(info, info.atomSize, staticStart ?? 0);
      this.lockstep = new Lockstep(machine, info, variantOf(version, this.#reclaimFlushes()), base, this.#listener);
      this.#listener?.begun(this.lockstep);
      this.onBegin?.(this.#calls, this.#names);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      this.problem = error.message;
      return;
    }
    const { relocate, populated, depopulated, balanceFree } = this.#functions;
    // Elsewhere the counter may be looked at a few instructions too late.
    if (relocate && populated && depopulated && balanceFree)
      this.#emptyPages = this.#names.address('pcpu_nr_empty_pop_pages');
  }

  /** Whether the balance work of this kernel flushes what it took away. */
  #reclaimFlushes(): boolean {
    const names = this.#names;
    const callers = names.functions(/^(pcpu_balance_workfn|pcpu_reclaim_populated)(\.|$)/);
    const callees = names.functions(/^(pcpu_post_unmap_tlb_flush|flush_tlb_kernel_range)(\.|$)/);
    return callers.some((caller) => callees.some(({ start }) => calls(caller, start, (at) => this.#word(at))));
  }

  #enter(thread: number, frame: Frame): () => void {
    let frames = this.#frames.get(thread);
    if (!frames) this.#frames.set(thread, (frames = []));
    const own = frames;
    own.push(frame);
    return () => void own.splice(own.lastIndexOf(frame));
  }

  #alloc(lockstep: Lockstep, { args: [size, align, reserved, gfp], thread, ra }: Call): OnReturn {
    const request = { size, align, reserved: (reserved & 0xff) !== 0, gfp };
    const path = lockstep.requested(request, ra);
    const leave = this.#enter(thread, { path, freed: undefined, area: undefined, inMemory: false });
    return (pointer) => {
      leave();
      if (this.#delta === undefined && pointer !== 0 && this.#firstOffset !== undefined)
        this.#delta = lockstep.percpu.firstChunk.base + this.#firstOffset - pointer;
      const address = pointer === 0 ? undefined : this.#addressOf(pointer);
      lockstep.allocated(path, request, address);
      this.#tell((listener) => listener.allocated(path, pointer));
      this.#countPages(lockstep);
    };
  }

  #free(lockstep: Lockstep, { args: [pointer], thread, ra }: Call): OnReturn | undefined {
    if (pointer === 0) return undefined;
    const freed = { pointer, site: ra };
    const leave = this.#enter(thread, { path: undefined, freed, area: undefined, inMemory: false });
    if (this.#functions.release === undefined) this.#freed(lockstep, freed);
    return () => {
      leave();
      this.#countPages(lockstep);
    };
  }

  #freed(lockstep: Lockstep, { pointer, site }: { pointer: number; site: number }): void {
    const address = this.#addressOf(pointer);
    const size = lockstep.freed(address);
    if (size !== undefined) this.#tell((listener) => listener.freed(address, size, pointer, site));
  }

  #addressOf(pointer: number): number {
    return (pointer + (this.#delta ?? 0)) >>> 0;
  }

  #countPages(lockstep: Lockstep): void {
    const count = this.#emptyPages === undefined ? undefined : this.#word(this.#emptyPages);
    if (count !== undefined) lockstep.emptyPages(count | 0);
  }

  /** From the lowest unit's first page to the highest unit's last. */
  #flushed({ percpu }: Lockstep, start: number, end: number): Operation {
    const { units, pageSize } = percpu;
    const from = start - units.offsets[units.lowCpu]!;
    const base =
      [...percpu.chunks()].find((chunk) => from >= chunk.base && from < chunk.base + units.unitSize)?.base ?? 0;
    const to = end - units.offsets[units.highCpu]!;
    return { kind: 'flush', base, start: (from - base) / pageSize, end: (to - base) / pageSize };
  }

  #lookForDifference({ sp, ra }: Call): void {
    const difference = this.lockstep?.difference;
    if (!difference || this.difference) return;
    const cpu = this.#cpu;
    const names = this.#names;
    this.difference = {
      ...difference,
      instruction: cpu.instructions,
      time: cpu.now,
      task: this.#run.tasks.text,
      trace: guestTrace(cpu, names, cpu.pc, cpu.pc === ra ? cpu.reg(REG_SP) : sp, cpu.reg(REG_RA)).map((address, i) =>
        i === 0 ? names.symbolize(address) : names.symbolizeCall(address),
      ),
    };
  }
}
