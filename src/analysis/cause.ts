// The chain from a symptom back to the translation that was not flushed, told forwards. Every sentence rests on an event of the log
// or on an access that the checker saw between two events.
import type { KernelEvent } from '../kernel/events.js';
import { hex, KSEG0, pfn } from './addresses.js';
import type { CorruptedRead } from './corrupted-words.js';
import type { StaleEvidence } from './checker.js';
import { type PageHistory, pageHistory } from './page-history.js';
import type { Phrases } from './phrases.js';
import { flushFault, flushSentence, reclaimFlushes } from './reclaim-flushes.js';
import { type StaleAccess, victimAt } from './stale-access.js';
import type { Symptom } from './symptoms.js';
import type { Victim } from './victim.js';

export interface CauseStep {
  /** The event the sentence rests on; with `between` the last one before it. */
  seq: number;
  between: boolean;
  /** Microseconds. */
  t: number;
  text: string;
  /** What it does to the translation, or to memory, where it does: for drawings. */
  act?: Act;
}

/** One thing that happens to the page that the story is about. */
export interface Act {
  kind: 'filled' | 'depopulated' | 'repopulated' | 'store' | 'load' | 'read';
  /** Who does what, in a few words, for stores, loads and reads; a read goes to `frame` itself, stores and loads go through the TLB entry. */
  text?: string;
  /** What came of it. */
  result?: string;
  /** That is read. */
  frame?: number;
}

export interface Cause {
  /** The stale access that the story is about; undefined without one. */
  access: StaleAccess | undefined;
  /** In order of time; empty when no stale access is behind the symptom. */
  steps: CauseStep[];
  /** The depopulation without a flush; undefined without one. */
  verdict: { seq: number; text: string } | undefined;
  /** Whether the chain reaches the fault (or BUG): its last read leads to the address that it names. */
  shown: boolean;
}

/** Where the chain breaks off. */
const NOT_SEEN = ' How that follows was not seen: what is told above is the nearest before it.';
/** A structure that starts at 0 has its members below this. */
const NULL_PAGES = 0x1_0000;

/** @param pageSize bytes */
export function causeOf(
  checker: StaleEvidence,
  events: readonly KernelEvent[],
  phrases: Phrases,
  pageSize: number,
): Cause {
  // a crash counts more than a BUG that the kernel survived
  const symptom = checker.symptoms.find(({ event }) => event.type === 'oops') ?? checker.symptoms[0];
  const { read, leads } = symptom ? decisiveRead(symptom, phrases) : lastRead(checker.reads, events);
  const access = read?.stale ?? worstAccess(checker.accesses);
  if (access === undefined) return { access, steps: [], verdict: undefined, shown: false };
  const story = new Story(events, phrases, pageSize);
  story.translation(access);
  story.store(access, read);
  if (read) story.read(read);
  for (const { event } of checker.symptoms)
    if (event.type === 'bug' && event.pid === symptom?.event.pid && event.seq < symptom.event.seq) story.bug(event);
  if (symptom) story.symptom(symptom.event, leads);
  story.ending(leads);
  return { access, ...story.finished(access), shown: leads };
}

/** Of several stale stores, the one most likely to hurt: the first into memory that somebody else has. */
function worstAccess(accesses: readonly StaleAccess[]): StaleAccess | undefined {
  const hurts = ({ write, victims }: StaleAccess): boolean =>
    write && victims.some(({ kind }) => kind !== 'free' && kind !== 'per-CPU');
  return accesses.find(hurts) ?? accesses.find(({ write }) => write) ?? accesses[0];
}

/**
 * The read that a fault is made of: the last by the task that died, of a value that leads to the address at fault. A BUG names no
 * address: there it is the last, but for those that print it.
 * @returns leads: whether the value leads there; without one that does, the last read
 */
function decisiveRead(
  { event, registers, reads, perCpuOffsets }: Symptom,
  phrases: Phrases,
): { read: CorruptedRead | undefined; leads: boolean } {
  const own = reads.filter(({ pid }) => pid === event.pid);
  const last = { read: own.at(-1), leads: false };
  if (event.type === 'bug') {
    const read = own.findLast(({ pc }) => !phrases.functionAt(pc).endsWith('_bug'));
    return read ? { read, leads: true } : last;
  }
  const leads = ({ value, size }: CorruptedRead): boolean => {
    if (size !== 4) return false;
    // a pointer to a structure or an address to jump to, a per-CPU pointer, a register that was made from it
    const near = (address: number): boolean => distance(address, event.badva) < NULL_PAGES;
    if (near(value) || perCpuOffsets.some((offset) => near((value + offset) >>> 0))) return true;
    return value !== 0 && registers !== undefined && registers.includes(value);
  };
  const here = phrases.functionAt(event.epc === event.badva ? event.ra : event.epc);
  const read =
    own.findLast((candidate) => leads(candidate) && phrases.functionAt(candidate.pc) === here) ?? own.findLast(leads);
  return read ? { read, leads: true } : last;
}

/** The last read of a boot that nothing ended. @returns leads: whether it is part of the loop that the boot hangs in */
function lastRead(
  reads: readonly CorruptedRead[],
  events: readonly KernelEvent[],
): { read: CorruptedRead | undefined; leads: boolean } {
  const read = reads.at(-1);
  const end = events.at(-1);
  return { read, leads: end?.type === 'stall' && end.looping && read !== undefined && read.after === end.seq - 1 };
}

const distance = (a: number, b: number): number => Math.min(Math.abs(a - b), 0x1_0000_0000 - Math.abs(a - b));

class Story {
  readonly #events: readonly KernelEvent[];
  readonly #phrases: Phrases;
  readonly #pageSize: number;
  readonly #steps: CauseStep[] = [];

  constructor(events: readonly KernelEvent[], phrases: Phrases, pageSize: number) {
    this.#events = events;
    this.#phrases = phrases;
    this.#pageSize = pageSize;
  }

  #at(event: KernelEvent | undefined, text: string, act?: Act): void {
    if (event) this.#steps.push({ seq: event.seq, between: false, t: event.t, text, ...(act ? { act } : {}) });
  }

  #after(seq: number, t: number, text: string, act?: Act): void {
    this.#steps.push({ seq, between: true, t, text, ...(act ? { act } : {}) });
  }

  #allocation(area: KernelEvent & { type: 'percpu_alloc' }): string {
    return `${area.caller}() in ${this.#phrases.task(area.pid)} allocates ${area.size} bytes of per-CPU memory at ${hex(area.va)}.`;
  }

  /** Populated, loaded, emptied, isolated, depopulated, handed on, populated again. */
  translation(access: StaleAccess): void {
    const phrases = this.#phrases;
    const { frame, va, mapped } = access;
    const page = hex(va - (va % this.#pageSize));
    const history = pageHistory(this.#events, access, this.#pageSize);
    const {
      mapped: given,
      filled,
      filledFor,
      lastFree,
      isolated,
      unmapped,
      depopulated,
      handedOn,
      repopulated,
    } = history;
    this.#at(
      given,
      given
        ? `Page ${given.page} of per-CPU chunk ${given.chunk} is populated: the page table maps ${page} to frame ${pfn(frame)}.`
        : '',
    );
    this.#at(filledFor, filledFor ? this.#allocation(filledFor) : '');
    if (filled) {
      const partner = hex(filled.va - (filled.va % this.#pageSize)) !== page;
      this.#at(
        filled,
        `A ${filled.write ? 'store' : 'load'} in ${phrases.functionAt(filled.pc)}() to ${hex(filled.va)} makes the CPU load the translation ` +
          `${page} -> ${pfn(frame)} into the TLB${partner ? ', together with that of the other page of the pair' : ''}.`,
        { kind: 'filled' },
      );
    }
    this.#at(
      lastFree,
      lastFree
        ? `${lastFree.caller}() in ${phrases.task(lastFree.pid)} frees the last area on the page (${lastFree.size} bytes).`
        : '',
    );
    this.#at(
      isolated,
      isolated ? `Chunk ${isolated.chunk} has enough empty pages: it is isolated, to be reclaimed.` : '',
    );
    if (unmapped && depopulated) {
      const range =
        depopulated.end - depopulated.start === 1
          ? `page ${depopulated.start}`
          : `pages ${depopulated.start} to ${depopulated.end - 1}`;
      this.#at(
        depopulated,
        `pcpu_reclaim_populated() in ${phrases.task(depopulated.pid)} depopulates ${range} of chunk ${depopulated.chunk}: ${page} loses ` +
          `frame ${pfn(frame)}, which goes back to the page allocator. ${this.#flushed(history, access)}: it still has ${page} -> ${pfn(frame)}.`,
        { kind: 'depopulated' },
      );
    }
    if (handedOn?.type === 'map')
      this.#at(handedOn, `Frame ${pfn(frame)} is given to page ${handedOn.page} of per-CPU chunk ${handedOn.chunk}.`);
    else if (handedOn) this.#at(handedOn, `Frame ${pfn(frame)} is given to ${handedOn.owner} by ${handedOn.caller}().`);
    this.#at(
      repopulated,
      `The page is populated again: the page table maps ${page} to frame ${pfn(mapped)}. The TLB entry stays.`,
      { kind: 'repopulated' },
    );
  }

  #flushed(history: PageHistory, access: StaleAccess): string {
    return flushSentence(reclaimFlushes(this.#events, history, access, this.#pageSize)!);
  }

  /** The store through the stale entry, and what it did to the place that matters. A stale load has no store before it. */
  store(access: StaleAccess, read: CorruptedRead | undefined): void {
    const phrases = this.#phrases;
    const physical = read?.physical ?? access.physical;
    const victim = read && read.harm !== 'changed' ? read.victim : victimAt(access, physical);
    if (victim.kind === 'slab' && victim.allocated && !victim.freed) {
      const { allocated } = victim;
      const name = phrases.victim(victim, physical, this.#pageSize);
      this.#after(
        allocated.after,
        allocated.t,
        `${phrases.functionAt(allocated.site)}() in ${phrases.task(allocated.pid)} allocates ${name}, ` +
          `from the slab cache ${victim.cache}, on that frame.`,
      );
    }
    const area = this.#events[access.area];
    if (area?.type === 'percpu_alloc') this.#at(area, this.#allocation(area));
    if (!access.write) return;
    const what = access.zeros ? 'zeroes' : 'writes';
    const then = { changed: access.zeros ? 'is zeroed' : 'is overwritten', missing: 'keeps what it had' };
    const harm = read?.harm === 'missing' ? 'missing' : 'changed';
    // the log has the stores that zero a new area, page by page
    const logged = this.#events
      .slice(Math.max(access.area, 0), access.after + 1)
      .find(
        (e) => e.type === 'stale_access' && e.frame === access.frame && e.va <= access.va && access.va < e.va + e.size,
      );
    const act: Act = {
      kind: 'store',
      text: `${phrases.functionAt(access.pc)}() ${what} ${access.bytes} bytes`,
      result: `${phrases.field(victim, physical) || phrases.victim(victim, physical, this.#pageSize)} ${then[harm]}`,
    };
    const tell = (text: string): void =>
      logged ? this.#at(logged, text, act) : this.#after(access.after, access.t, text, act);
    tell(
      `${phrases.functionAt(access.pc)}() ${what} ${access.bytes} bytes from ${hex(access.va)} on. Its stores go through ` +
        `${entryName(access)}, so not to frame ${pfn(access.mapped)} but to ${pfn(access.frame)}: ` +
        `${this.#place(victim, physical)} ${then[harm]}.`,
    );
  }

  read(read: CorruptedRead): void {
    const { pc, pid, physical, value, harm, stale, victim } = read;
    const phrases = this.#phrases;
    const who = `${phrases.functionAt(pc)}() in ${phrases.task(pid)}`;
    const source = bracketed(phrases.source(pc));
    const number = value === 0 ? '0' : `0x${value.toString(16)}`;
    // the object may be another one by now, or its owner may have changed
    const place = this.#place(harm === 'changed' ? victimAt(stale, physical) : victim, physical);
    const text = {
      changed: `${who} reads ${place}${source}: ${number}, what the stale store left.`,
      missing: `${who} reads ${place}${source}: ${number}; the store that should be there went to frame ${pfn(stale.frame)}.`,
      foreign:
        `${who} loads from ${hex(stale.va)}${source} through ${entryName(stale)}, so not from frame ` +
        `${pfn(stale.mapped)} but from ${pfn(stale.frame)}: ${this.#meant(stale)}it gets ${place}, ${number}.`,
    };
    const frame = Math.floor(physical / this.#pageSize);
    const name = phrases.field(victim, physical) || phrases.victim(victim, physical, this.#pageSize);
    this.#after(
      read.after,
      read.t,
      text[harm],
      harm === 'foreign'
        ? { kind: 'load', text: `${phrases.functionAt(pc)}() loads`, result: `it gets ${number}` }
        : { kind: 'read', text: `${phrases.functionAt(pc)}() reads ${name}`, result: `it gets ${number}`, frame },
    );
  }

  /** `instead of blk_mq_ctx.hctxs[0] ` */
  #meant({ area, va }: StaleAccess): string {
    const event = this.#events[area];
    const field = event?.type === 'percpu_alloc' ? this.#phrases.areaField(area, va - event.va) : '';
    return field ? `instead of ${field} ` : '';
  }

  /** `request_queue.rcu_head.func at 81296f40` */
  #place(victim: Victim, physical: number): string {
    const name = this.#phrases.field(victim, physical) || this.#phrases.victim(victim, physical, this.#pageSize);
    return `${name} at ${hex(KSEG0 + physical)}`;
  }

  bug(event: KernelEvent & { type: 'bug' }): void {
    this.#at(event, `${this.#phrases.task(event.pid)} reports "${event.text}".`);
  }

  /** @param leads whether the read told before leads to the fault */
  symptom(event: KernelEvent & { type: 'oops' | 'bug' }, leads: boolean): void {
    const phrases = this.#phrases;
    if (event.type === 'bug') return this.bug(event);
    const jumped = phrases.functionAt(event.epc) === `0x${event.epc.toString(16)}`;
    const fault = jumped
      ? `${phrases.functionAt(event.ra)}() jumps to ${hex(event.epc)}`
      : `${phrases.place(event.epc)} uses address ${hex(event.badva)}`;
    this.#at(
      event,
      `${fault}: Oops[#${event.count}] in ${phrases.task(event.pid)}, epc ${hex(event.epc)}, ra ${phrases.symbol(event.ra)}.` +
        (leads
          ? ''
          : ' How it came to that address was not seen: the stale accesses told above are the nearest before it.'),
    );
  }

  /** @param leads whether the read told before is part of a loop without an end */
  ending(leads: boolean): void {
    const end = this.#events.findLast(({ type }) => type === 'panic' || type === 'stall');
    if (end?.type === 'panic') {
      const last = this.#events.findLast((event) => event.type === 'oops' && event.seq < end.seq);
      // the first oops need not be the one that panics
      const by =
        last?.type === 'oops' && last.count > 1
          ? `, by Oops[#${last.count}] in ${this.#phrases.task(last.pid)} (event ${last.seq})`
          : '';
      this.#at(end, `Kernel panic: ${end.text}${by}.`);
    }
    if (end?.type !== 'stall') return;
    const where = this.#phrases.place(end.pc);
    const how = end.looping
      ? `Nothing faults, and ${this.#phrases.task(end.pid)} never comes out of a loop around ${where}.`
      : 'Nothing faults, and nothing is left to do: init is never reached.';
    this.#at(end, leads ? how : `${how}${NOT_SEEN}`);
  }

  finished(access: StaleAccess): Omit<Cause, 'shown' | 'access'> {
    const steps = this.#steps
      .map((step, order) => ({ step, order }))
      .sort(
        (a, b) =>
          a.step.seq - b.step.seq ||
          Number(a.step.between) - Number(b.step.between) ||
          a.step.t - b.step.t ||
          a.order - b.order,
      )
      .map(({ step }) => step);
    const history = pageHistory(this.#events, access, this.#pageSize);
    const flushes = reclaimFlushes(this.#events, history, access, this.#pageSize);
    if (flushes === undefined) return { steps, verdict: undefined };
    const { seq } = history.depopulated!;
    const text =
      `The cause is event ${seq}: ${flushFault(flushes)}. ` +
      'Commit 93274f1dd6b0 adds it to pcpu_reclaim_populated(), as pcpu_post_unmap_tlb_flush().';
    return { steps, verdict: { seq, text } };
  }
}

const bracketed = (source: string): string => (source === '' ? '' : ` (${source})`);

function entryName({ entry, shadow }: StaleAccess): string {
  return `TLB entry ${entry}${shadow ? ' (a shadow)' : ''}`;
}
