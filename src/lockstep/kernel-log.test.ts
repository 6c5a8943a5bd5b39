// The log of a played kernel (played-kernel.ts) on a machine that has a clock, memory with a page table, and a console.
import { beforeEach, describe, expect, it } from 'vitest';
import type { ExceptionRecord } from '../../emu/mips/cpu.js';
import type { KernelEvent } from '../kernel/events.js';
import { GuestNames } from '../linux/guest-names.js';
import { GFP_ATOMIC, GFP_KERNEL, VARIANTS } from '../percpu/index.js';
import { ftraceInput } from '../replay/ftrace-input.js';
import { parseFtrace } from '../replay/ftrace.js';
import { replayInOrder } from '../replay/order-search.js';
import { ftraceText } from '../report/trace/ftrace-text.js';
import type { KernelRun } from '../run/kernel-run.js';
import { KernelLog } from './kernel-log.js';
import { Lockstep } from './lockstep.js';
import { base, info, MACHINE, PlayedKernel } from './played-kernel.js';

const ROOT = 0x8010_0000;
const TABLES = 0x8020_0000;
const NAMES = `80400000 T alloc_disk\n80400100 T rcu_core\n80400200 T last\n${ROOT.toString(16)} D swapper_pg_dir\n`;
const SITE = 0x8040_0040;
/** Of per-CPU pointers from addresses. */
const DELTA = 0x0123_0000;
const FIRST_FRAME = 0x2000;

class Board {
  readonly view = new DataView(new ArrayBuffer(4 << 20));
  readonly cpu = {
    now: 1_000_000,
    view: this.view,
    littleEndian: false,
    ramBytes: this.view.byteLength,
    physicalAddress: (virtual: number) => (virtual >>> 30 === 2 ? virtual & 0x1fff_ffff : undefined),
    onException: undefined as ((exception: ExceptionRecord) => void) | undefined,
  };
  readonly run = {
    machine: { cpu: this.cpu },
    names: { current: GuestNames.fromSystemMap(NAMES, 'map') },
    tasks: { current: () => this.task, state: () => ({ softirq: false, needResched: false }), firstRuns() {} },
    lines: [] as string[],
    onLine: undefined as ((line: string) => void) | undefined,
  };
  task = { pid: 0, comm: 'swapper/0' };
  #tables = 0;
  #frames = FIRST_FRAME;

  say(line: string): void {
    this.run.lines.push(line);
    this.run.onLine!(line);
  }

  /** @param frame undefined: takes it away */
  map(va: number, frame: number | undefined): void {
    const slot = (ROOT + 4 * (va >>> 22)) & 0x1fff_ffff;
    if (this.view.getUint32(slot) === 0) this.view.setUint32(slot, TABLES + 0x1000 * this.#tables++);
    const table = this.view.getUint32(slot) & 0x1fff_ffff;
    this.view.setUint32(table + 4 * ((va >>> 12) & 0x3ff), frame === undefined ? 0x40 : (frame << 12) | 0x5cf);
  }

  nextFrame(): number {
    return this.#frames++;
  }
}

describe("a running kernel's log", () => {
  let board: Board;
  let log: KernelLog;
  let lockstep: Lockstep;
  let kernel: PlayedKernel;

  beforeEach(() => {
    board = new Board();
    log = new KernelLog(board.run as unknown as KernelRun);
  });

  function begin(): void {
    lockstep = new Lockstep(MACHINE, info, VARIANTS.buggy, base, log);
    log.begun(lockstep);
    kernel = new PlayedKernel(lockstep, VARIANTS.buggy);
    kernel.site = SITE;
    kernel.onAllocated = (path, address) => log.allocated(path, address === undefined ? 0 : address - DELTA);
    kernel.onFreed = (address, size) => log.freed(address, size, address - DELTA, SITE);
    kernel.onBalance = (phase) => log.balanced(phase, 0x8100_0000);
    kernel.onOperation = (operation) => {
      if (operation.kind === 'populate' && operation.ok)
        for (let page = operation.start; page < operation.end; page++)
          board.map(operation.base + 0x1000 * page, board.nextFrame());
      log.operated(operation);
      board.cpu.now += 1000;
    };
  }
  const events = <T extends KernelEvent['type']>(type: T) =>
    log.log.events.filter((event): event is KernelEvent & { type: T } => event.type === type);
  /** Until there is an area on a page of a chunk that was made. */
  function fill(): void {
    for (let i = 0; i < 40 && events('map').length === 0; i++) kernel.alloc(4096, 8, GFP_KERNEL);
  }

  it('has each area with its caller, and the per-CPU pointer that the kernel got', () => {
    begin();
    board.task = { pid: 19, comm: 'kworker/u2:1' };
    kernel.alloc(50, 16, GFP_KERNEL);
    kernel.alloc(8, 8, GFP_ATOMIC);
    const [first, second] = events('percpu_alloc');
    expect(first).toMatchObject({
      pid: 19,
      t: 1000,
      size: 52,
      align: 16,
      chunk: 0,
      caller: 'alloc_disk',
      gfp: GFP_KERNEL,
    });
    expect(first).toMatchObject({
      callSite: 'alloc_disk+0x40/0x100',
      va: lockstep.percpu.firstChunk.base + first!.off,
      ptr: first!.va - DELTA,
    });
    expect(second).toMatchObject({ atomic: true, ptr: second!.va - DELTA });
    kernel.free(0);
    expect(events('percpu_free')).toMatchObject([{ va: first!.va, ptr: first!.ptr, size: 52, caller: 'alloc_disk' }]);
    expect(events('task').map(({ task, comm }) => [task, comm])).toEqual([
      [0, 'swapper/0'],
      [19, 'kworker/u2:1'],
    ]);
  });

  it('has requests that fail', () => {
    begin();
    kernel.memory.failPage = 0;
    for (let i = 0; i < 10; i++) kernel.alloc(12_000, 8, GFP_KERNEL);
    expect(events('percpu_alloc_fail').at(-1)).toMatchObject({ size: 12_000, align: 8, caller: 'alloc_disk' });
  });

  it('has frames of pages as the page table gives and takes them', () => {
    begin();
    fill();
    const [map] = events('map');
    const { percpu } = lockstep;
    expect(map).toMatchObject({ frame: FIRST_FRAME, cpu: 0 });
    expect(log.mappedAt(FIRST_FRAME)).toBe(map!.va);
    expect(log.frameOf(map!.va)).toBe(FIRST_FRAME);
    expect(log.mappedAt(FIRST_FRAME - 1)).toBeUndefined();
    log.operated({ kind: 'depopulate', base: percpu.chunkAt(map!.va)!.base, start: map!.page, end: map!.page + 1 });
    expect(events('unmap')).toMatchObject([{ va: map!.va, frame: FIRST_FRAME }]);
    expect(log.mappedAt(FIRST_FRAME)).toBeUndefined();
    expect(events('depopulate')).toMatchObject([{ flushed: false }]);
  });

  it('says which area a byte of a frame belongs to, and how much of the frame', () => {
    begin();
    fill();
    const { va, frame } = events('map')[0]!;
    const inside = events('percpu_alloc').find((event) => event.va <= va && va < event.va + event.size)!;
    const end = Math.min(inside.va + inside.size, va + 0x1000);
    expect(log.areaOf(va)).toBe(inside.seq);
    expect(log.areaAt(frame, frame * 0x1000 + 4)).toMatchObject({
      kind: 'per-CPU',
      chunk: inside.chunk,
      area: inside.seq,
      offset: va - inside.va,
      start: frame * 0x1000,
      end: frame * 0x1000 + end - va,
    });
    expect(log.areaAt(frame - 1, 0)).toBeUndefined();
    expect(log.areaOf(0xff00_0000)).toBe(-1);
  });

  it('makes a trace that replay finds no difference in', () => {
    begin();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 120; i++)
        kernel.alloc([16, 640, 288, 4096][i % 4]!, 8, i % 9 === 0 ? GFP_ATOMIC : GFP_KERNEL);
      while (kernel.areas.length > 10) kernel.free((7 * kernel.areas.length) % 11);
      if (kernel.percpu.balancePending) kernel.balance();
    }
    expect(lockstep.difference).toBeUndefined();
    expect(events('depopulate').length).toBeGreaterThan(0);
    const outcome = replayInOrder(ftraceInput(parseFtrace(ftraceText(log.log.events), 'trace'), 'trace'));
    expect(outcome.difference).toBeUndefined();
    expect(outcome.counts.allocations).toBe(lockstep.counts.placements);
    expect(outcome.counts.frees).toBe(lockstep.counts.frees);
  });

  it('has refills of mapped kernel addresses, once the allocator is watched', () => {
    const faults: string[] = [];
    log.onFault = ({ name }) => faults.push(name);
    const raise = (exception: Partial<ExceptionRecord>): void =>
      board.cpu.onException!({
        noMatch: true,
        fetch: false,
        badVAddr: 0xfff9_9000,
        pc: SITE,
        ...exception,
      } as ExceptionRecord);
    raise({ name: 'TLBS' });
    expect(events('tlb_refill')).toEqual([]);
    begin();
    raise({ name: 'TLBS' });
    raise({ name: 'TLBL', noMatch: false, fetch: true, badVAddr: 0xc010_0000 });
    raise({ name: 'TLBL', badVAddr: 0x40_0000 });
    raise({ name: 'Int' });
    raise({ name: 'AdEL', badVAddr: 0xffff_0001 });
    expect(events('tlb_refill')).toMatchObject([
      { va: 0xfff9_9000, miss: true, write: true, pc: SITE },
      { va: 0xc010_0000, miss: false, write: false },
    ]);
    expect(faults).toEqual(['TLBS', 'TLBS', 'TLBL', 'TLBL', 'AdEL']);
  });

  it('has the console without its time stamps, crashes and the panic', () => {
    board.say('[    1.000000] megasas: FW now in Ready state');
    board.say('no time stamp');
    for (const line of [
      'CPU 0 Unable to handle kernel paging request at virtual address 00000000, epc == 00000000, ra == 80400140',
      'Oops[#1]:',
      'CPU: 0 PID: 10 Comm: ksoftirqd/0 Not tainted 6.1.192 #1',
      'epc   : 00000000 0x0',
      'ra    : 80400140 rcu_core+0x40/0x100',
      'Status: 1000fc03	KERNEL EXL IE',
      'Cause : 00800008 (ExcCode 02)',
      'BadVA : 00000000',
      'Process ksoftirqd/0 (pid: 10, threadinfo=ca5a1ac9, task=4d0a7f66, tls=00000000)',
      'Kernel panic - not syncing: Fatal exception in interrupt',
    ])
      board.say(`[    1.481000] ${line}`);
    expect(
      events('printk')
        .map(({ text }) => text)
        .slice(0, 2),
    ).toEqual(['megasas: FW now in Ready state', 'no time stamp']);
    expect(events('oops')).toMatchObject([
      { epc: 0, ra: 0x8040_0140, badva: 0, exccode: 2, count: 1, epcSym: '0x0', raSym: 'rcu_core+0x40/0x100' },
    ]);
    expect(events('panic')).toMatchObject([{ text: 'Fatal exception in interrupt' }]);
  });

  it('has what the kernel complains about', () => {
    board.say('[    1.0] BUG: spinlock bad magic on CPU#0, swapper/1');
    board.say('[    1.0] WARNING: CPU: 0 PID: 1 at mm/percpu.c:1234 pcpu_alloc+0x10/0x20');
    board.say('[    1.0] debug: nothing');
    expect(events('bug').map(({ text }) => text.slice(0, 12))).toEqual(['BUG: spinloc', 'WARNING: CPU']);
  });
});
