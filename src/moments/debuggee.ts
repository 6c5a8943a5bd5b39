// A run for gdb: it waits where the client wants, and goes back by running again from the start. What it finds there is what was
// there before: a checksum of RAM, registers and TLB at each place that is seen twice proves it.
import { GdbServer } from '../../emu/gdb/server.js';
import type { GdbLink } from '../../emu/gdb/link.js';
import type { GdbTarget, Resume, Stop, StopPoint, Thread, WatchKind } from '../../emu/gdb/target.js';
import type { AnyAccess } from '../../emu/mips/cpu.js';
import { UsageError } from '../errors.js';
import type { BootParts } from '../kernel/boot.js';
import { readMemory, translate } from '../inspect/memory.js';
import { checksum } from './checksum.js';
import { FaultWatch } from './fault-watch.js';
import { Journal, type JournalEntry, isSlot, storeChanges } from './journal.js';
import { locate } from './locate.js';
import { type Moment, momentText, parseMoment } from './moment.js';
import { Monitor } from './monitor.js';
import type { Disassembler } from '../inspect/disassembly.js';
import type { Rerun, Subject } from './subject.js';

/** Thread id of pid 0, which gdb takes for any thread: as kgdb has it, behind all pids. */
const IDLE_THREAD = 0x8000;
/** Bytes: a translated block does not go on behind the next page's start. */
const LONGEST_BLOCK = 0x1000;
/** Instructions between two looks at what the client says. */
const POLL = 100_000;
/** Instructions that are recorded before a place that is gone to. */
const JOURNAL = 600;
/**
 * Instructions before a place from which on the guest goes there one by one, more quickly up to there: what faults has faulted since, when
 * it is about to die of it.
 */
const APPROACH = 200_000;
/** Instructions that are searched first for the last breakpoint or watchpoint before a place: most are not far away. */
const NEAR = 2_000_000;

export interface DebuggeeOptions {
  /** Wait there before anything else; undefined: run, and wait for a client at the end. */
  at: Moment | undefined;
  /** Called once, when a client is answered from now on. */
  ready: () => void;
  /** Tells the user where things are. */
  say: (text: string) => void;
}

/** Ends a run, to make another one. */
class Again extends Error {
  override readonly name = 'Again';
  readonly plan: Plan;

  constructor(plan: Plan) {
    super(plan.kind);
    this.plan = plan;
  }
}

/** The client has ended the run. */
class Killed extends Error {
  override readonly name = 'Killed';
}

type Plan =
  | { kind: 'run' }
  /** To a position, to wait there. @see Stop; note: what `monitor goto` prints */
  | { kind: 'travel'; to: number; stop: Stop; note?: string }
  /** Up to a position, for the last breakpoint or watchpoint before it and behind `from`. */
  | { kind: 'scan'; from: number; to: number }
  | { kind: 'goto'; from: number; moment: string };

interface Hit {
  /** Where to wait for it. */
  position: number;
  stop: Stop;
}

/** A change that the client has made: made again on each run. */
interface Edit {
  position: number;
  apply(subject: Subject): void;
}

export class Debuggee<R> implements GdbTarget {
  readonly #rerun: Rerun<R>;
  readonly #options: DebuggeeOptions;
  readonly #server: GdbServer;
  readonly #disassembler: Disassembler;
  readonly #points = new Map<string, StopPoint>();
  readonly #edits: Edit[] = [];
  /** Checksums by position. */
  readonly #known = new Map<number, number>();
  /** Faults that the client has been told of. */
  readonly #told = new Set<number>();
  /** Pages of physical memory watched by `monitor watch-frame`, by frame number. */
  readonly #frames = new Set<number>();
  #plan: Plan = { kind: 'run' };
  #ready = false;

  // of this run
  #subject!: Subject;
  #monitor!: Monitor;
  #journal!: Journal;
  #phase: 'going' | 'live' = 'going';
  #pc = 0;
  /** Position shown; the guest's own unless it waits inside an access or the client looks at the past. */
  #position = 0;
  #past: number | undefined;
  /** The guest waits inside the access of the instruction at `#position`. */
  #inAccess = false;
  #stepping = false;
  /** Where the client let it go on: a breakpoint there does not stop it at once. */
  #from = -1;
  #interrupted = false;
  #ended = false;
  #lastHit: Hit | undefined;
  #unwatch: (() => void)[] = [];
  #faults!: FaultWatch;
  /** Where the fault lies of an oops that has just been. */
  #fault: number | undefined;
  /** Bytes at watched places, to see what a host call changes. */
  #beforeHostCall: { point: StopPoint; bytes: Uint8Array }[] | undefined;

  // of the console
  #lines = 0;
  #printed = 0;
  #silent = false;

  constructor(rerun: Rerun<R>, link: GdbLink, disassembler: Disassembler, options: DebuggeeOptions) {
    this.#rerun = rerun;
    this.#options = options;
    this.#disassembler = disassembler;
    this.#server = new GdbServer(link, this);
  }

  /** Wraps what prints the console: lines of a run that is made again are not printed again. */
  console(print: (line: string) => void): (line: string) => void {
    return (line) => {
      if (this.#silent || ++this.#lines <= this.#printed) return;
      this.#printed = this.#lines;
      print(line);
    };
  }

  /** @returns what the run gives; undefined when the client has ended it @throws what the run throws */
  run(): R | undefined {
    const { at } = this.#options;
    if (at) {
      if (at.kind !== 'insn') this.#options.say(`on the way to '${momentText(at)}'`);
      const to = this.#quietly(() => locate(this.#rerun, at));
      this.#plan = { kind: 'travel', to, stop: { reason: 'moment' } };
    } else this.#options.ready();
    for (;;) {
      if (this.#plan.kind === 'goto') this.#plan = this.#planOf(this.#plan.from, this.#plan.moment);
      this.#lines = 0;
      try {
        const result = this.#rerun.run((subject) => this.#begin(subject));
        this.#server.exited(0);
        return result;
      } catch (error) {
        if (error instanceof Killed) return undefined;
        if (!(error instanceof Again)) throw error;
        this.#plan = error.plan;
      }
    }
  }

  #quietly<T>(work: () => T): T {
    this.#silent = true;
    try {
      return work();
    } finally {
      this.#silent = false;
    }
  }

  /** Where a moment lies, or back to where the client was. */
  #planOf(from: number, text: string): Plan {
    const stop: Stop = { reason: 'moment' };
    try {
      const moment = parseMoment(text);
      const to = this.#quietly(() => locate(this.#rerun, moment));
      return { kind: 'travel', to, stop, note: `at ${momentText(moment)}\n` };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { kind: 'travel', to: from, stop, note: `${error.message}\n` };
    }
  }

  // ---- one run ----------------------------------------------------------------------------------------------------------

  #begin(subject: Subject): void {
    this.#subject = subject;
    this.#monitor = new Monitor(subject, this.#disassembler);
    this.#journal = new Journal(subject);
    this.#phase = this.#plan.kind === 'run' ? 'live' : 'going';
    this.#past = undefined;
    this.#inAccess = false;
    this.#stepping = false;
    this.#from = -1;
    this.#interrupted = false;
    this.#ended = false;
    this.#lastHit = undefined;
    this.#beforeHostCall = undefined;
    this.#unwatch = [];
    this.#fault = undefined;
    const { cpu } = subject;
    this.#faults = new FaultWatch(subject);
    if (subject.boot) this.#watchOopses(subject, subject.boot);
    cpu.stops.from = this.#firstStop();
    cpu.stops.onExact = () => {
      // code that was translated without any memory hook never calls one
      cpu.observeAccesses(0xbfff_f000, 0xbfff_f003, () => {});
      this.#watchAll();
    };
    cpu.onHostStore = () => this.#journal.forget();
    cpu.stops.onStop = (pc, ending) => this.#stopped(pc, ending);
    cpu.stops.number = this.#nextNumber(0);
  }

  /** An oops stops a guest that a client watches, as it stops a kernel with kgdb: at the fault, as in a program under gdb. */
  #watchOopses(subject: Subject, { log }: BootParts): void {
    const next = log.onEvent;
    log.onEvent = (event) => {
      next?.(event);
      if (event.type !== 'oops' || this.#phase !== 'live' || !this.#server.attached) return;
      this.#fault = this.#faults.position(event.epc);
      subject.cpu.stops.number = subject.cpu.instructions;
    };
  }

  /** Before this instruction nobody has to wait for any. */
  #firstStop(): number {
    const plan = this.#plan;
    const from = plan.kind === 'scan' ? plan.from : plan.kind === 'travel' ? Math.max(plan.to - APPROACH, 0) : 0;
    return Math.min(from, ...this.#edits.map(({ position }) => position));
  }

  /** The instruction to wait before next, seen from one. */
  #nextNumber(position: number): number {
    const edits = this.#edits.map((edit) => edit.position).filter((at) => at > position);
    const plan = this.#plan;
    if (this.#phase === 'live') return Math.min(this.#stepping ? position + 1 : position + POLL, ...edits);
    const to = plan.kind === 'travel' || plan.kind === 'scan' ? plan.to : 0;
    const first = plan.kind === 'travel' ? Math.max(to - JOURNAL, 0) : to;
    return position < first ? Math.min(first, ...edits) : position < to ? position + 1 : to;
  }

  #stopped(pc: number, ending: boolean): void {
    const { cpu } = this.#subject;
    const position = cpu.instructions;
    this.#pc = pc;
    this.#position = position;
    this.#inAccess = false;
    for (const edit of this.#edits) if (edit.position === position) edit.apply(this.#subject);
    this.#afterHostCall();
    if (this.#phase === 'going') this.#going(pc, ending);
    else this.#live(pc, ending);
    cpu.stops.number = this.#nextNumber(position);
  }

  #slot(): boolean {
    return isSlot(this.#subject, this.#pc, this.#subject.cpu.pc);
  }

  /** On the way to where the plan leads. */
  #going(pc: number, ending: boolean): void {
    const plan = this.#plan;
    if (plan.kind !== 'travel' && plan.kind !== 'scan') return;
    const { cpu } = this.#subject;
    const position = this.#position;
    if (position < plan.to) {
      if (ending) throw new Error(`the run made again ends at instruction ${position}, not at ${plan.to}`);
      if (plan.kind === 'scan' && this.#breaks(pc)) this.#lastHit = { position, stop: { reason: 'break' } };
      if (plan.kind === 'travel' && position >= plan.to - JOURNAL) this.#journal.record(pc, cpu.pc);
      return;
    }
    if (position > plan.to) throw new Error(`the run made again is past instruction ${plan.to}`);
    this.#prove();
    if (plan.kind === 'scan') {
      const hit = this.#lastHit;
      if (hit) throw new Again({ kind: 'travel', to: hit.position, stop: hit.stop });
      throw new Again(plan.from > 0 ? { ...plan, from: 0 } : { kind: 'travel', to: 0, stop: { reason: 'begin' } });
    }
    this.#phase = 'live';
    this.#ended = ending;
    const past = this.#slot() ? this.#before() : undefined;
    if (past !== undefined) this.#look(past);
    else if (this.#slot()) throw new Again({ ...plan, to: position - 1 });
    this.#attend(plan.stop, plan.note);
  }

  /** Running, or stepping. */
  #live(pc: number, ending: boolean): void {
    const position = this.#position;
    const dies = pc === this.#faults.die && this.#server.attached;
    const fault = this.#fault ?? (dies ? this.#faults.positionAtDie() : undefined);
    this.#fault = undefined;
    if (fault !== undefined && !this.#told.has(fault)) {
      this.#told.add(fault);
      throw new Again({ kind: 'travel', to: fault, stop: { reason: 'fault' } });
    }
    if (ending) {
      if (this.#ended) return;
      this.#ended = true;
      if (!this.#server.attached) {
        if (this.#options.at !== undefined || this.#server.met) return; // it was waited for once
        this.#options.say('the guest has come to its end and waits for gdb; Ctrl-C ends it');
      }
      return this.#attend({ reason: 'end' });
    }
    const wanted = this.#server.wanted();
    if (wanted !== undefined) this.#interrupted = true;
    if (this.#slot()) return this.#recordStep(pc);
    if (this.#breaks(pc) && position !== this.#from) return this.#attend({ reason: 'break' });
    if (this.#interrupted) return this.#attend({ reason: 'interrupt' });
    if (this.#stepping && position !== this.#from) return this.#attend({ reason: 'step' });
  }

  #recordStep(pc: number): void {
    if (this.#stepping) this.#journal.record(pc, this.#subject.cpu.pc);
  }

  /** Waits for the client, and does what it wants. */
  #attend(stop: Stop, note = ''): void {
    this.#interrupted = false;
    if (!this.#ready && this.#options.at) this.#options.ready();
    this.#ready = true;
    const { cpu } = this.#subject;
    let why = stop;
    for (;;) {
      const resume = this.#server.attend(why, note + this.#monitor.place(this.#shownPc()));
      const next = this.#resume(resume);
      if (next === undefined) break;
      why = next;
    }
    this.#from = this.#inAccess ? -1 : cpu.instructions;
    cpu.stops.number = this.#nextNumber(cpu.instructions);
  }

  /** @returns why it waits again; undefined when the guest is to run */
  #resume(resume: Resume): Stop | undefined {
    switch (resume.kind) {
      case 'continue':
      case 'detach':
        return this.#forwards(false);
      case 'step':
        return this.#forwards(true);
      case 'reverse-step':
        return this.#stepBack();
      case 'reverse-continue':
        return this.#goBack();
      case 'kill':
        throw new Killed('the client has ended the run');
      case 'goto':
        this.#leave();
        throw new Again({ kind: 'goto', from: this.#shownPosition(), moment: resume.moment });
      case 'settle':
        throw new Again({ kind: 'travel', to: this.#shownPosition(), stop: { reason: 'moment' } });
    }
  }

  // ---- forwards and backwards -------------------------------------------------------------------------------------------

  #look(index: number): void {
    this.#past = index;
  }

  #shown(): JournalEntry | undefined {
    return this.#past === undefined ? undefined : this.#journal.entries[this.#past];
  }

  #shownPosition(): number {
    return this.#shown()?.position ?? this.#position;
  }

  #shownPc(): number {
    return this.#shown()?.pc ?? this.#pc;
  }

  #forwards(step: boolean): Stop | undefined {
    const { entries } = this.#journal;
    while (this.#past !== undefined) {
      const hit = step ? undefined : this.#watchedIn(entries[this.#past]!);
      if (hit) return hit;
      let next = this.#past + 1;
      while (next < entries.length && entries[next]!.slot) next++;
      this.#past = next < entries.length ? next : undefined;
      if (this.#past === undefined) {
        // back in the present
        if (step) return { reason: 'step' };
        if (this.#breaks(this.#pc)) return { reason: 'break' };
        if (this.#ended) return { reason: 'end' };
        break;
      }
      if (this.#breaks(entries[this.#past]!.pc)) return { reason: 'break' };
      if (step) return { reason: 'step' };
    }
    this.#stepping = step;
    if (!step) this.#journal.clear();
    else if (!this.#inAccess) this.#journal.record(this.#pc, this.#subject.cpu.pc);
    return undefined;
  }

  /** Index of the entry before what is shown, that is in no delay slot. */
  #before(): number | undefined {
    const { entries } = this.#journal;
    let index = (this.#past ?? entries.length) - 1;
    if (this.#past === undefined && entries.at(-1)?.position !== this.#position - 1) return undefined;
    while (index >= 0 && entries[index]!.slot) index--;
    return index >= 0 ? index : undefined;
  }

  #stepBack(): Stop {
    const before = this.#before();
    if (before !== undefined) {
      this.#look(before);
      return { reason: 'step' };
    }
    const position = this.#shownPosition();
    if (position === 0) return { reason: 'begin' };
    this.#leave();
    throw new Again({ kind: 'travel', to: position - 1, stop: { reason: 'step' } });
  }

  #goBack(): Stop {
    const { entries } = this.#journal;
    for (let before = this.#before(); before !== undefined; before = this.#before()) {
      const last = (this.#past ?? entries.length) - 1;
      for (let index = last; index >= before; index--) {
        // an access is met on the way back behind the instruction that made it
        const hit = this.#watchedIn(entries[index]!);
        if (hit) return hit;
      }
      this.#look(before);
      if (this.#breaks(entries[before]!.pc)) return { reason: 'break' };
    }
    const position = this.#shownPosition();
    if (position === 0) return { reason: 'begin' };
    this.#leave();
    throw new Again({ kind: 'scan', from: Math.max(position - NEAR, 0), to: position });
  }

  /** Remembers what the present looks like before it is left, for the proof. */
  #leave(): void {
    if (!this.#inAccess) this.#prove();
  }

  /** @throws Error when this place has looked otherwise before */
  #prove(): void {
    const { instructions } = this.#subject.cpu;
    const sum = checksum(this.#subject, this.#pc);
    const known = this.#known.get(instructions);
    if (known === undefined) this.#known.set(instructions, sum);
    else if (known !== sum)
      throw new Error(
        `instruction ${instructions} is not what it was: RAM, registers or TLB differ when it is run again`,
      );
  }

  // ---- breakpoints and watchpoints --------------------------------------------------------------------------------------

  insert(point: StopPoint): boolean {
    this.#points.set(JSON.stringify(point), point);
    this.#rewatch();
    return true;
  }

  remove(point: StopPoint): boolean {
    this.#points.delete(JSON.stringify(point));
    this.#rewatch();
    return true;
  }

  clear(): void {
    this.#points.clear();
    this.#frames.clear();
    this.#rewatch();
  }

  /** @returns whether it is watched now */
  watchFrame(frame: number, on: boolean): void {
    if (on) this.#frames.add(frame);
    else this.#frames.delete(frame);
    this.#rewatch();
  }

  #rewatch(): void {
    for (const end of this.#unwatch.splice(0)) end();
    this.#watchAll();
  }

  /** Whether the client has a breakpoint there. */
  #breaks(pc: number): boolean {
    return this.#points.has(JSON.stringify({ kind: 'break', address: pc }));
  }

  #watchAll(): void {
    const { cpu } = this.#subject;
    if (this.#faults.die !== undefined) cpu.stops.add(this.#faults.die);
    for (const point of this.#points.values()) {
      if (point.kind === 'break') {
        cpu.stops.add(point.address);
        this.#unwatch.push(() => cpu.stops.delete(point.address));
      } else {
        const { address, length } = point;
        const watched = (access: AnyAccess): void => this.#watched(point.kind, access, address);
        // what lies at an unmapped address changes by whatever address it is stored to
        if (address >>> 30 === 2) this.#observeRam(address & 0x1fff_ffff, length, watched);
        else
          // an access that begins before may reach into it
          this.#observe(address - 7, address + length - 1, (access) => {
            if (access.virtual + access.size > address) watched(access);
          });
      }
    }
    const { pageSize } = this.#subject;
    for (const frame of this.#frames)
      this.#observeRam(frame * pageSize, pageSize, (access) => this.#frameStored(frame, access));
    const watches = [...this.#points.values()].some(({ kind }) => kind !== 'break') || this.#frames.size > 0;
    if (watches) this.#observe(0xb000_0000, 0xbfff_ffff, ({ write }) => write && this.#hostCall());
  }

  #observe(start: number, end: number, observer: (access: AnyAccess) => void): void {
    const stop = this.#subject.cpu.observeAccesses(Math.max(start, 0), Math.min(end, 0xffff_ffff), observer);
    if (stop) this.#unwatch.push(stop);
  }

  /** Accesses to `length` bytes of RAM by whatever address: kseg0, kseg1, any that the TLB translates to them. */
  #observeRam(physical: number, length: number, observer: (access: AnyAccess) => void): void {
    const inside = (access: AnyAccess): void => {
      const found = translate(this.#subject, access.virtual);
      if (!found || found.by === 'page table') return; // it faults, and is made again
      if (found.physical < physical + length && found.physical + access.size > physical) observer(access);
    };
    for (const segment of [0x8000_0000, 0xa000_0000])
      this.#observe(segment + physical - 7, segment + physical + length - 1, inside);
    this.#observe(0, 0x7fff_ffff, inside);
    this.#observe(0xc000_0000, 0xffff_ffff, inside);
  }

  /** A store to a page that `monitor watch-frame` watches is about to happen: the guest waits before it. */
  #frameStored(frame: number, access: AnyAccess): void {
    if (!access.write) return;
    const { cpu } = this.#subject;
    const note = `store of ${access.size} bytes to frame ${frame.toString(16)} by address ${access.virtual.toString(16)}\n`;
    const stop: Stop = { reason: 'frame', note };
    if (this.#phase === 'going') {
      if (this.#plan.kind === 'scan') this.#lastHit = { position: cpu.instructions - 1, stop };
    } else this.#waitInAccess(stop);
  }

  /** A load or store to a watched place is about to happen. @param address what the client calls it */
  #watched(kind: WatchKind, access: AnyAccess, address: number): void {
    if ((kind === 'write' && !access.write) || (kind === 'read' && access.write)) return;
    const found = translate(this.#subject, access.virtual);
    if (!found || found.by === 'page table') return; // it faults, and is made again
    const { cpu } = this.#subject;
    if (kind === 'write') {
      const bytes = cpu.ram.subarray(found.physical, found.physical + access.size);
      if (!storeChanges(bytes, access.value, this.#subject)) return;
    }
    const stop: Stop = { reason: 'watch', kind, address };
    if (this.#phase === 'going') {
      if (this.#plan.kind === 'scan') this.#lastHit = { position: cpu.instructions, stop };
      return;
    }
    if (this.#plan.kind === 'run' && !this.#server.attached) return;
    this.#waitInAccess(stop);
  }

  #waitInAccess(stop: Stop): void {
    const { cpu } = this.#subject;
    // the guest waits inside the access: to the client it is before the instruction, or before the branch whose slot that is in
    const slot = isSlot(this.#subject, cpu.pc, cpu.pc - 4) ? 1 : 0;
    this.#pc = cpu.pc - 4 * slot;
    this.#position = cpu.instructions - 1 - slot;
    this.#inAccess = true;
    this.#journal.clear();
    this.#attend(stop);
  }

  /** A store to a device: the host may change RAM in answer to it. */
  #hostCall(): void {
    const { cpu } = this.#subject;
    if (this.#phase === 'going' && this.#plan.kind !== 'scan') return;
    this.#beforeHostCall = [];
    for (const point of this.#points.values()) {
      if (point.kind !== 'write' && point.kind !== 'access') continue;
      this.#beforeHostCall.push({ point, bytes: readMemory(this.#subject, point.address, point.length) });
    }
    cpu.stops.number = Math.min(cpu.stops.number, cpu.instructions);
  }

  #afterHostCall(): void {
    const before = this.#beforeHostCall;
    this.#beforeHostCall = undefined;
    for (const { point, bytes } of before ?? []) {
      if (point.kind === 'break') continue;
      const now = readMemory(this.#subject, point.address, point.length);
      if (Buffer.compare(now, bytes) === 0) continue;
      const stop: Stop = { reason: 'watch', kind: point.kind, address: point.address };
      if (this.#phase === 'going') this.#lastHit = { position: this.#position, stop };
      else this.#attend(stop);
      return;
    }
  }

  /** The watchpoint that an instruction of the record hits. */
  #watchedIn(entry: JournalEntry): Stop | undefined {
    for (const access of entry.accesses)
      for (const point of this.#points.values()) {
        if (point.kind === 'break') continue;
        if (access.virtual + access.size <= point.address || access.virtual >= point.address + point.length) continue;
        if (point.kind === 'write' ? access.changed : point.kind === 'read' ? !access.write : true)
          return { reason: 'watch', kind: point.kind, address: point.address };
      }
    return undefined;
  }

  get bigEndian(): boolean {
    return this.#subject.bigEndian;
  }

  // ---- what the client sees ---------------------------------------------------------------------------------------------

  get settled(): boolean {
    return this.#past === undefined && !this.#inAccess;
  }

  readRegister(thread: number, name: string): number | undefined {
    const { cpu } = this.#subject;
    if (thread !== 0) {
      const saved = this.#taskOf(thread)?.saved;
      if (name === 'pc') return saved?.get(31);
      return /^r\d+$/.test(name) ? saved?.get(Number(name.slice(1))) : undefined;
    }
    if (name === 'pc') return this.#shownPc();
    const shown = this.#shown();
    if (!shown && /^r\d+$/.test(name)) return cpu.reg(Number(name.slice(1)));
    return cpu.registers.read(shown?.registers ?? cpu.registers.save(), name);
  }

  writeRegister(name: string, value: number): boolean {
    const { cpu } = this.#subject;
    if (name === 'pc') {
      if (value % 4 !== 0) return false;
      cpu.jump(value);
      this.#pc = value;
      this.#edit(({ cpu: other }) => other.jump(value));
      return true;
    }
    if (!cpu.registers.write(name, value)) return false;
    this.#edit(({ cpu: other }) => void other.registers.write(name, value));
    return true;
  }

  readMemory(address: number, length: number): Uint8Array {
    const shown = this.#shown();
    if (!shown) return readMemory(this.#subject, address, length);
    const match = (virtual: number) => this.#subject.cpu.tlbMatch(virtual, shown.tlb);
    const bytes = readMemory(this.#subject, address, length, match);
    for (let done = 0; done < bytes.length;) {
      const at = address + done;
      const count = Math.min(bytes.length - done, 0x1000 - (at % 0x1000));
      const found = translate(this.#subject, at, match);
      if (found) this.#journal.rewind(shown, found.physical, bytes.subarray(done, done + count));
      done += count;
    }
    return bytes;
  }

  writeMemory(address: number, bytes: Uint8Array): boolean {
    const [pc, within] = [this.#pc, this.#inAccess];
    const write = (subject: Subject): boolean => {
      const { cpu } = subject;
      const next = translate(subject, pc)?.physical ?? Infinity;
      let ahead = false;
      for (let i = 0; i < bytes.length; i++) {
        const found = translate(subject, address + i);
        if (!found || found.physical >= cpu.ramBytes) return false;
        cpu.ram[found.physical] = bytes[i]!;
        ahead ||= found.physical >= next && found.physical < next + LONGEST_BLOCK;
      }
      cpu.codeChanged(address, bytes.length);
      // The guest waits within a translated block, which would go on as it was.
      if (ahead && !within) cpu.jump(pc);
      return true;
    };
    if (!write(this.#subject)) return false;
    this.#edit((subject) => void write(subject));
    return true;
  }

  /** From here on the run is another one: what was proved of its future is void. */
  #edit(apply: (subject: Subject) => void): void {
    const position = this.#position;
    this.#edits.push({ position, apply });
    this.#journal.clear();
    for (const known of this.#known.keys()) if (known >= position) this.#known.delete(known);
  }

  #taskOf(thread: number) {
    return this.#subject.tasks().find(({ pid }) => (pid || IDLE_THREAD) === thread);
  }

  threads(): Thread[] {
    return this.#subject.tasks().map(({ pid, comm, state }) => ({ id: pid || IDLE_THREAD, name: `${comm} ${state}` }));
  }

  monitor(command: string): string | { goto: string } {
    const [name, ...rest] = command.split(/\s+/);
    if (name === 'goto') return { goto: rest.join(' ') };
    if (name === 'watch-frame' || name === 'unwatch-frame') {
      if (!/^(0x)?[0-9a-f]{1,6}$/i.test(rest[0] ?? '')) return `${name}: need a page frame number, hexadecimal\n`;
      const frame = parseInt(rest[0]!.replace(/^0x/i, ''), 16);
      this.watchFrame(frame, name === 'watch-frame');
      return `${name === 'watch-frame' ? 'stores to' : 'no longer watched:'} frame ${frame.toString(16)}${name === 'watch-frame' ? ' stop the guest, whatever address they use' : ''}\n`;
    }
    return this.#monitor.answer(command, this.#shownPc());
  }
}
