// Runs an operation script on the allocator over the counting memory and writes what the oracle writes.
import { addressFrom, addressValue, hexAddress } from '../address.js';
import type { LongBits } from '../address.js';
import { PercpuAllocator } from '../allocator.js';
import type { Chunk } from '../chunk.js';
import { CountingMemory, MemoryError } from '../counting-memory.js';
import { embedFirstChunk } from '../first-chunk.js';
import { PERCPU_MODULE_RESERVE, dynamicReserve } from '../geometry.js';
import type { AllocInfo, Machine } from '../geometry.js';
import { gfpNames } from '../gfp.js';
import type { PercpuEvents } from '../port.js';
import { statsLines } from '../stats.js';
import { SetupError, unitLayout } from '../units.js';
import type { Variant } from '../variant.js';
import { stateLines } from './dump.js';
import { ScriptError } from './script.js';
import type { InitShape, ScriptCommand, ScriptOp } from './script.js';

/** What is answered also while echo is off. */
const QUESTIONS = new Set<string>(['state', 'brief', 'digest', 'stats', 'nrpages', 'meminfo', 'phys']);

/** An id of the script; `chunk` is null when the allocation failed. */
interface Area {
  chunk: Chunk | null;
  offset: number;
}

/** The machine that `cfg` lines describe. */
interface Config {
  bits: LongBits;
  cpus: number;
  nodes: number[];
  staticStart: bigint;
  staticSize: bigint;
  vmallocStart: bigint;
  vmallocEnd: bigint;
  linear: bigint;
  gap: bigint;
  lazy: number | undefined;
  thisCpu: number;
}

export class ScriptRunner implements PercpuEvents {
  readonly #name: string;
  readonly #variant: Variant;
  #pageShift: number;
  readonly #out: (line: string) => void;
  /** Requests and what they bring about are written, not only the answers to questions. */
  #echo = true;
  readonly #config: Config = {
    bits: 32,
    cpus: 2,
    nodes: [],
    staticStart: 0n,
    staticSize: 0n,
    vmallocStart: 0n,
    vmallocEnd: 0n,
    linear: 0n,
    gap: 0n,
    lazy: undefined,
    thisCpu: 0,
  };
  #percpu: PercpuAllocator | undefined;
  #memory: CountingMemory | undefined;
  readonly #areas = new Map<number, Area>();
  /** Size and alignment of the running alloc after rounding, as the kernel's size_t holds them. */
  #size = 0n;
  #align = 0n;
  /** Called after every operation once the allocator exists. */
  readonly #afterOp: ((percpu: PercpuAllocator, memory: CountingMemory) => void) | undefined;

  /**
   * @param name of the script, for error messages
   * @param pageSize 4096 or any larger power of two
   * @param write receives the output line by line, without newlines
   * @param afterOp called after every operation once the allocator exists (checks)
   */
  constructor(
    name: string,
    variant: Variant,
    pageSize: number,
    write: (line: string) => void,
    afterOp?: (percpu: PercpuAllocator, memory: CountingMemory) => void,
  ) {
    this.#name = name;
    this.#variant = variant;
    this.#pageShift = Math.log2(pageSize);
    this.#out = write;
    this.#afterOp = afterOp;
  }

  /** The allocator, once `init` has run. */
  get percpu(): PercpuAllocator | undefined {
    return this.#percpu;
  }

  #write(line: string): void {
    if (this.#echo) this.#out(line);
  }

  /** Runs one operation. @throws ScriptError when it cannot be carried out */
  run(op: ScriptOp): void {
    const { command } = op;
    if (command.kind === 'echo') {
      this.#echo = command.on;
      return;
    }
    const quiet = !this.#echo && QUESTIONS.has(command.kind);
    if (quiet) this.#echo = true;
    this.#write(`> ${op.text}`);
    try {
      this.#write(`= ${this.#execute(op.line, command)}`);
      if (quiet) this.#echo = false;
      this.#memory?.drainIfWanted();
    } catch (error) {
      if (error instanceof SetupError || error instanceof MemoryError) {
        throw new ScriptError(this.#name, op.line, error.message);
      }
      throw error;
    }
    if (this.#percpu !== undefined && this.#memory !== undefined) this.#afterOp?.(this.#percpu, this.#memory);
  }

  #execute(line: number, command: Exclude<ScriptCommand, { kind: 'echo' }>): string {
    if (command.kind === 'cfg') return this.#configure(command.key, command.values);
    if (command.kind === 'init') return this.#init(command.shape);
    const percpu = this.#percpu!;
    const memory = this.#memory!;
    switch (command.kind) {
      case 'async':
        percpu.asyncEnabled = true;
        return 'ok';
      case 'alloc': {
        const { bits } = percpu.machine;
        const size = BigInt.asUintN(bits, command.size);
        const align = BigInt.asUintN(bits, command.align);
        this.#size = BigInt.asUintN(bits, (size + 3n) & ~3n);
        this.#align = align < 4n ? 4n : align;
        const offset = percpu.alloc(Number(size), Number(align), command.gfp, command.reserved);
        if (offset < 0) {
          this.#areas.set(command.id, { chunk: null, offset: 0 });
          return 'fail';
        }
        const chunk = percpu.lastChunk;
        this.#areas.set(command.id, { chunk, offset });
        const unitOffset = chunk.id <= 0 ? chunk.base + offset - percpu.baseAddress : offset;
        return `chunk=${chunk.name} off=${offset} uoff=${unitOffset} ptr=${this.#pointer(chunk, offset)}`;
      }
      case 'free': {
        const area = this.#areas.get(command.id)!;
        if (area.chunk === null) return 'null';
        percpu.free(area.chunk, area.offset);
        return 'ok';
      }
      case 'work':
        if (!percpu.balancePending) return 'idle';
        percpu.runBalanceWork();
        return 'ran';
      case 'runwork':
        percpu.runBalanceWork();
        return 'ran';
      case 'state':
      case 'brief':
      case 'digest': {
        let hash = 2166136261;
        for (const line of stateLines(percpu, memory, command.kind === 'brief')) {
          hash = fnv(hash, `S ${line}\n`);
          if (command.kind !== 'digest') this.#write(`S ${line}`);
        }
        return `fnv=${(hash >>> 0).toString(16).padStart(8, '0')}`;
      }
      case 'stats':
        for (const line of statsLines(percpu)) this.#write(`P ${line}`);
        return 'ok';
      case 'verify':
        return 'ok';
      case 'nrpages':
        return String(percpu.nrPages());
      case 'meminfo':
        return `Percpu:${String((percpu.nrPages() * percpu.pageSize) / 1024).padStart(17)} kB`;
      case 'purge':
        memory.purge();
        return 'ok';
      case 'phys':
        return this.#phys(line, command.id, command.cpu);
      case 'failpage':
        memory.failPage = command.count;
        return 'ok';
      case 'failmap':
        memory.failMap = command.count;
        return 'ok';
      case 'failvm':
        memory.failArea = command.count;
        return 'ok';
      case 'failmem':
        memory.failMetadata = command.count;
        return 'ok';
    }
  }

  #configure(key: string, values: bigint[]): string {
    const config = this.#config;
    const value = values[0]!;
    switch (key) {
      case 'bits':
        config.bits = value === 64n ? 64 : 32;
        break;
      case 'page':
        this.#pageShift = Math.log2(Number(value));
        break;
      case 'cpus':
        config.cpus = Number(value);
        break;
      case 'node':
        config.nodes[Number(value)] = Number(values[1]);
        break;
      case 'static':
        config.staticStart = value;
        config.staticSize = values[1]!;
        break;
      case 'vmalloc':
        config.vmallocStart = value;
        config.vmallocEnd = values[1]!;
        break;
      case 'linear':
        config.linear = value;
        config.gap = values[1] ?? 0n;
        break;
      case 'lazy':
        config.lazy = value < 0n ? undefined : Number(value);
        this.#memory?.setLazyLimit(config.lazy);
        break;
      case 'thiscpu':
        config.thisCpu = Number(value);
        break;
    }
    return 'ok';
  }

  #init(shape: InitShape): string {
    const { bits, cpus, nodes, staticStart, staticSize, vmallocStart, vmallocEnd, thisCpu } = this.#config;
    const machine: Machine = {
      bits,
      pageShift: this.#pageShift,
      cpus,
      nodes: shape.how === 'embed' ? nodes : [],
      staticStart,
      vmallocStart,
      vmallocEnd,
      thisCpu,
    };
    if (staticSize <= 0n || staticSize > 0x3fffffffn) throw new SetupError('the static area needs a size (cfg static)');
    let info: AllocInfo;
    let base: number;
    if (shape.how === 'setup') {
      info = {
        staticSize: shape.staticSize,
        reservedSize: shape.reserved,
        dynSize: shape.dyn,
        unitSize: shape.unit,
        atomSize: shape.atom,
        allocSize: shape.alloc,
        groups: shape.groups.map((group) => ({ baseOffset: group.baseOffset, cpuMap: [...group.cpuMap] })),
      };
      base = addressFrom(shape.base, bits);
    } else {
      const pageSize = 1 << this.#pageShift;
      const [reserved, dyn, atom] =
        shape.how === 'boot'
          ? [PERCPU_MODULE_RESERVE, dynamicReserve(bits), pageSize]
          : [shape.reserved, shape.dyn, shape.atom];
      if (atom <= 0 || (atom & (atom - 1)) !== 0) throw new SetupError(`the atom ${atom} is not a power of two`);
      [info, base] = this.#embed(machine, Number(staticSize), reserved, dyn, atom);
    }
    const units = unitLayout(machine, info);
    this.#dumpInfo(machine, info);
    const memory = new CountingMemory(machine, units, info.atomSize, this.#config.lazy);
    memory.log = (line) => this.#write(`E ${line}`);
    this.#memory = memory;
    const percpu = new PercpuAllocator(machine, this.#variant, info, base, memory);
    this.#percpu = percpu;
    percpu.events = this;
    this.#write(`T percpu_create_chunk: base_addr=${percpu.hex(base)}`);
    const { slots } = percpu;
    this.#write(
      `E geometry unit_pages=${percpu.unitPages} unit_size=${info.unitSize} nr_units=${units.nrUnits} atom=${info.atomSize}` +
        ` nr_groups=${info.groups.length} slots=${slots.nrSlots} free_slot=${slots.free} sidelined=${slots.sidelined}` +
        ` todepop=${slots.toDepopulate} low_cpu=${units.lowCpu} high_cpu=${units.highCpu} base=${percpu.hex(base)}` +
        ` static=${info.staticSize} reserved=${info.reservedSize} dyn=${info.dynSize} alloc=${info.allocSize}`,
    );
    units.map.forEach((unit, cpu) => {
      this.#write(`E cpu ${cpu} unit=${unit} offset=${hexAddress(BigInt(units.offsets[cpu]!), bits)}`);
    });
    return 'ok';
  }

  /** pcpu_embed_first_chunk() with the script's linear boot memory. */
  #embed(machine: Machine, staticSize: number, reserved: number, dyn: number, atom: number): [AllocInfo, number] {
    const { bits } = machine;
    const { linear, gap } = this.#config;
    let next = linear;
    const bootAlloc = (size: number, align: number): number => {
      const from = next === linear ? next : next + gap;
      const step = BigInt(align);
      const address = ((from + step - 1n) / step) * step;
      next = address + BigInt(size);
      return addressFrom(address, bits);
    };
    const { info, base, areas, maxDistance } = embedFirstChunk(machine, staticSize, reserved, dyn, atom, bootAlloc);
    const total = BigInt.asUintN(bits, machine.vmallocEnd - machine.vmallocStart);
    if (BigInt(maxDistance) > BigInt.asUintN(bits, total * 3n) / 4n) {
      const distance = maxDistance.toString(16);
      this.#write(`K percpu: max_distance=0x${distance} too large for vmalloc space 0x${total.toString(16)}`);
    }
    info.groups.forEach((group, index) => {
      group.cpuMap.forEach((cpu, unit) => {
        if (cpu < 0) return;
        const to = addressValue(areas[index]!, bits) + BigInt(unit * info.unitSize);
        this.#write(`E copystatic dst=${hexAddress(to, bits)} n=${staticSize}`);
      });
    });
    const sum = info.staticSize + info.reservedSize + info.dynSize;
    this.#write(
      `K percpu: Embedded ${sum >>> machine.pageShift} pages/cpu` +
        ` s${info.staticSize} r${info.reservedSize} d${info.dynSize} u${info.unitSize}`,
    );
    return [info, base];
  }

  /** pcpu_dump_alloc_info(). */
  #dumpInfo(machine: Machine, info: AllocInfo): void {
    const groupWidth = String(info.groups.length).length;
    const cpuWidth = String(machine.cpus).length;
    const empty = '-'.repeat(Math.min(cpuWidth, 8));
    const upa = Math.floor(info.allocSize / info.unitSize);
    const width = upa * (cpuWidth + 1) + groupWidth + 3;
    const perLine = 2 ** Math.floor(Math.log2(Math.max(Math.floor(60 / width), 1)));
    let line =
      `pcpu-alloc: s${info.staticSize} r${info.reservedSize} d${info.dynSize} u${info.unitSize}` +
      ` alloc=${Math.floor(info.allocSize / info.atomSize)}*${info.atomSize}`;
    let alloc = 0;
    info.groups.forEach((group, index) => {
      if (upa === 0 || group.cpuMap.length % upa !== 0) {
        throw new SetupError(`group ${index} has ${group.cpuMap.length} units, not a multiple of ${upa}`);
      }
      for (let unit = 0; unit < group.cpuMap.length; unit += upa, alloc++) {
        if (alloc % perLine === 0) {
          this.#write(`K ${line}`);
          line = 'pcpu-alloc: ';
        }
        line += `[${String(index).padStart(groupWidth, '0')}] `;
        for (const cpu of group.cpuMap.slice(unit, unit + upa)) {
          line += cpu < 0 ? `${empty} ` : `${String(cpu).padStart(cpuWidth, '0')} `;
        }
      }
    });
    this.#write(`K ${line}`);
  }

  #phys(line: number, id: number, cpu: number): string {
    const percpu = this.#percpu!;
    const area = this.#areas.get(id)!;
    if (area.chunk === null) return 'null';
    const { chunk, offset } = area;
    const address = percpu.addressOf(chunk, offset) + BigInt(percpu.units.offsets[cpu]!);
    if (chunk.id <= 0) return `linear ${hexAddress(address, percpu.machine.bits)}`;
    const page = this.#memory!.pageAt(chunk, cpu, offset >>> this.#pageShift);
    if (page < 0) throw new ScriptError(this.#name, line, `the page of id ${id} is not mapped any more`);
    return `page=${page} off=${offset & (percpu.pageSize - 1)}`;
  }

  #pointer(chunk: Chunk, offset: number): string {
    return hexAddress(this.#percpu!.pointerOf(chunk, offset), this.#percpu!.machine.bits);
  }

  // PercpuEvents: the tracepoints in TP_printk format, and the kernel log.

  alloc(chunk: Chunk, off: number, size: number, align: number, reserved: boolean, atomic: boolean, gfp: number): void {
    const percpu = this.#percpu!;
    this.#write(
      `T percpu_alloc_percpu: call_site=op reserved=${reserved ? 1 : 0} is_atomic=${atomic ? 1 : 0} size=${size} align=${align}` +
        ` base_addr=${percpu.hex(chunk.base)} off=${off} ptr=${this.#pointer(chunk, off)}` +
        ` bytes_alloc=${size * percpu.machine.cpus} gfp_flags=${gfpNames(gfp)}`,
    );
  }

  allocFail(size: number, align: number, reserved: boolean, atomic: boolean): void {
    this.#write(
      `T percpu_alloc_percpu_fail: reserved=${reserved ? 1 : 0} is_atomic=${atomic ? 1 : 0} size=${size} align=${align}`,
    );
  }

  free(chunk: Chunk, offset: number): void {
    const base = this.#percpu!.hex(chunk.base);
    this.#write(`T percpu_free_percpu: base_addr=${base} off=${offset} ptr=${this.#pointer(chunk, offset)}`);
  }

  createChunk(chunk: Chunk): void {
    this.#write(`T percpu_create_chunk: base_addr=${this.#percpu!.hex(chunk.base)}`);
  }

  destroyChunk(chunk: Chunk): void {
    this.#write(`E destroy ${chunk.name}`);
    this.#write(`T percpu_destroy_chunk: base_addr=${this.#percpu!.hex(chunk.base)}`);
  }

  schedule(wasPending: boolean): void {
    this.#write(`E sched ${wasPending ? 'pending' : 'new'}`);
  }

  illegalRequest(): void {
    this.#write(`W illegal size (${this.#size}) or align (${this.#align}) for percpu allocation`);
  }

  allocWarning(size: number, align: number, reason: string, last: boolean): void {
    this.#write(`K percpu: allocation failed, size=${size} align=${align} atomic=0, ${reason}`);
    if (last) this.#write('K percpu: limit reached, disable warning');
  }

  // The memory port writes these itself.
  populate(): void {}
  depopulate(): void {}
  flush(): void {}
  isolate(): void {}
  reintegrate(): void {}
  sideline(): void {}
  balanceStart(): void {}
  balanceEnd(): void {}
}

/** FNV-1a, 32 bits, over ASCII text. */
function fnv(hash: number, text: string): number {
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return hash;
}
