// Runs the guest programs under emu/guest/selftest: the host's end of their calls.
import { type GuestFunction, HOST_CALL } from './doorbell.js';
import { Machine, type MachineOptions } from './machine.js';

/** struct pt_regs (emu/guest/include/ptrace.h), byte offsets. */
const PT = { BVADDR: 172, CAUSE: 176, EPC: 180 };
const EXCCODE_BP = 9;
const BREAK_42 = (42 << 16) | 13;

/** Operations of HOST_SELFTEST (emu/guest/selftest/services.c). */
const OP = { ADD: 0, CALLS: 1, THREADS: 2, RESULT: 3 };

/**
 * Boots a guest and runs its self test.
 * @param write gets the console's text, line by line @returns the number of tests that failed
 */
export function runSelftest(options: MachineOptions, write: (line: string) => void): number {
  const machine = new Machine(options);
  try {
    let line = '';
    machine.onConsole = (text) => {
      if (text === '\n') {
        write(line);
        line = '';
      } else if (text !== '\r') {
        line += text;
      }
    };
    answerServices(machine);
    let unexpected = false;
    machine.onHostCall(HOST_CALL.EXCEPTION, (frame) => {
      const epc = machine.read32(frame + PT.EPC);
      const cause = machine.read32(frame + PT.CAUSE);
      if (((cause >> 2) & 31) === EXCCODE_BP && machine.read32(epc) === BREAK_42) {
        machine.write32(frame + PT.EPC, epc + 4);
        return;
      }
      const badVAddr = machine.read32(frame + PT.BVADDR).toString(16);
      write(
        `FAIL unexpected exception ${(cause >> 2) & 31} at ${machine.symbols.symbolize(epc)}, BadVAddr ${badVAddr}`,
      );
      unexpected = true;
      machine.stop();
    });
    const failed = machine.start('selftest_main');
    return unexpected || failed === undefined ? 1 : failed;
  } finally {
    machine.close();
  }
}

function answerServices(machine: Machine): void {
  let threads: [from: number, to: number] = [0, 0];
  let threadResult = 0;
  function* sumOfCallbacks(a: number): Generator<GuestFunction, number, number> {
    let sum = 0;
    for (let i = 0; i < 3; i++) sum += yield machine.fn('selftest_callback', a + i);
    return sum;
  }
  machine.onHostCall(HOST_CALL.SELFTEST, (op, a, b) => {
    switch (op) {
      case OP.ADD:
        return (a + b) >>> 0;
      case OP.CALLS:
        return sumOfCallbacks(a);
      case OP.THREADS:
        threads = [a, b];
        return 0;
      default:
        return threadResult;
    }
  });
  machine.onHostCall(HOST_CALL.THREAD_EXIT, function* (result) {
    threadResult = result;
    yield machine.fn('switch_to', ...threads);
    throw new Error('a thread that has ended runs again');
  });
}
