// Where the instruction lies that an oops is about.
import { hasDelaySlot } from '../../emu/mips/branches.js';
import type { ExceptionRecord } from '../../emu/mips/cpu.js';
import { wordAt } from '../inspect/memory.js';
import { PT_REGS } from '../kernel/oops.js';
import type { Subject } from './subject.js';

/** Linux's die(): its second argument is the struct pt_regs of the fault. */
const DIE = 'die';
const A1 = 5;

export class FaultWatch {
  readonly #subject: Subject;
  #last: ExceptionRecord | undefined;
  /** Where the last exception at each EPC was taken. */
  readonly #positions = new Map<number, number>();
  /** Address of the kernel's die(), which a real kernel's oops goes through; undefined for others. */
  readonly die: number | undefined;

  /** Attaches to a guest before its first instruction; its instructions are counted one by one (Rerun.run with stops). */
  constructor(subject: Subject) {
    this.#subject = subject;
    const { cpu, boot, names } = subject;
    this.die = !boot && names.has(DIE) ? names.address(DIE) : undefined;
    const observer = (exception: ExceptionRecord): void => {
      // the refill handler of a fetch from nowhere loads an invalid entry, and the same fetch fails again
      const again = exception.fetch && this.#last?.fetch && this.#last.pc === exception.pc;
      this.#last = exception;
      if (again) return;
      const jump = exception.fetch && followsJump(subject, cpu.pc) ? 1 : 0;
      this.#positions.set(exception.epc, cpu.instructions - 1 - jump);
    };
    if (boot) boot.onException(observer);
    else cpu.onException = observer;
  }

  /**
   * Position before the instruction whose fault has this EPC, the last one; of a fetch that failed, before the jump that led there.
   * @returns undefined when no fault had it
   */
  position(epc: number): number | undefined {
    return this.#positions.get(epc);
  }

  /** The same for the oops that a real kernel is about to print: the guest waits at `die`. */
  positionAtDie(): number | undefined {
    const epc = wordAt(this.#subject, (this.#subject.cpu.reg(A1) + PT_REGS.EPC) >>> 0);
    return epc === undefined ? undefined : this.position(epc);
  }
}

/** Whether a jump lies before an instruction that has just run. */
function followsJump({ cpu }: Subject, pc: number): boolean {
  const word = cpu.instructionAt(pc - 4);
  return word !== undefined && hasDelaySlot(word);
}
