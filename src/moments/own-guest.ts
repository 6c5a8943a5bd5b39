// Boots of our own guest as runs that can be stopped and made again.
import { type BootOptions, bootOnce, type BootParts, type BootResult } from '../kernel/boot.js';
import { THREAD_SIZE } from '../kernel/unwind.js';
import type { GuestTask, Rerun, Subject } from './subject.js';

/** Registers in struct thread (emu/guest/include/thread.h), a word each, by number. */
const SAVED = [16, 17, 18, 19, 20, 21, 22, 23, 28, 29, 30, 31];

function subjectOf(boot: BootParts): Subject {
  const { machine, scheduler, pages, clock } = boot;
  return {
    cpu: machine.board.cpu,
    names: machine.symbols,
    lines: machine.image.lines,
    bigEndian: true,
    pageSize: machine.pageSize,
    tasks: () => {
      const { tasks, current } = scheduler;
      if (tasks.length === 0) return [];
      const living = [current, ...tasks.filter((task) => task !== current && task.state !== 'dead')];
      return living.map(({ address, pid, comm, state, stack }): GuestTask => {
        const saved = new Map(SAVED.map((register, i) => [register, machine.peek32(address + 4 * i)]));
        return { pid, comm, state, stack, stackBytes: THREAD_SIZE, saved: pid === current.pid ? undefined : saved };
      });
    },
    now: () => clock.now,
    knowsPageTable: true,
    pte: (virtual) => {
      if (virtual < 0xc000_0000) return undefined;
      const address = pages.table.pteAddress(virtual);
      return address === 0
        ? undefined
        : { address, value: pages.table.pte(virtual), frame: pages.table.frameOf(virtual) };
    },
    boot,
    run: undefined,
  };
}

/** @param options those of each boot; `onLine` is called in each */
export function bootRerun(options: BootOptions): Rerun<BootResult> {
  return {
    run: (attach, stops = true, check = false) =>
      bootOnce({
        ...options,
        debug: stops,
        check,
        attach: (parts) => {
          options.attach?.(parts);
          attach(subjectOf(parts));
        },
      }),
  };
}
