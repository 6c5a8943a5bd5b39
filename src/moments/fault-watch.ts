// Where the instruction lies that an oops is about.
import { hasDelaySlot } from '../../emu/mips/branches.js';
import type { ExceptionRecord } from '../../emu/mips/cpu.js';
import type { BootParts } from '../kernel/boot.js';
import type { Subject } from './subject.js';

export class FaultWatch {
  #last: { exception: ExceptionRecord; position: number } | undefined;

  /** Attaches to a boot that has not started; its instructions are counted one by one (Rerun.run with stops). */
  constructor(subject: Subject, { onException }: BootParts) {
    const { cpu } = subject;
    onException((exception) => {
      // the refill handler of a fetch from nowhere loads an invalid entry, and the same fetch fails again
      const again = exception.fetch && this.#last?.exception.fetch && this.#last.exception.pc === exception.pc;
      if (again) return;
      const jump = exception.fetch && followsJump(subject, cpu.pc) ? 1 : 0;
      this.#last = { exception, position: cpu.instructions - 1 - jump };
    });
  }

  /** Position before the instruction that took the last exception; of a fetch that failed, before the jump that led there. */
  get position(): number {
    return this.#last?.position ?? 0;
  }
}

/** Whether a jump lies before an instruction that has just run. */
function followsJump({ cpu }: Subject, pc: number): boolean {
  const word = cpu.instructionAt(pc - 4);
  return word !== undefined && hasDelaySlot(word);
}
