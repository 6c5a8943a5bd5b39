// `percpu-malta selftest`: runs the guest programs under emu/guest/selftest and passes on what they print.
import { Command, InvalidArgumentError, Option } from 'commander';
import { type GuestFunction, HOST_CALL } from '../../emu/malta/doorbell.js';
import { Machine, type MachineOptions } from '../../emu/malta/machine.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { EXIT_DIFFERENCE } from '../errors.js';

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

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^(\d+|0x[0-9a-f]+)$/i.test(text) || seed > 0xffff_ffff)
    throw new InvalidArgumentError('need a number from 0 to 4294967295.');
  return seed;
}

interface SelftestOptions {
  tlb?: 'qemu' | 'hardware';
  cpu: '24Kf' | 'P5600';
  pageSize?: '4096' | '16384';
  memory?: string;
  seed: number;
  engine?: string;
  shim: boolean;
}

export function selftestCommand(): Command {
  return new Command('selftest')
    .description('run guest programs that test the emulated machine; exit 1 when one fails')
    .addOption(new Option('--tlb <mode>', 'TLB replacement (default: both)').choices(['qemu', 'hardware']))
    .addOption(new Option('--cpu <model>', 'CPU model').choices(['24Kf', 'P5600']).default('24Kf'))
    .addOption(new Option('--page-size <bytes>', 'guest pages (default: both)').choices(['4096', '16384']))
    .option('--memory <MB>', 'RAM of the board (default: 128)')
    .option('--seed <number>', 'seed of TLB replacement', parseSeed, 0)
    .option('--engine <name>', 'native or unicorn.js (default: the first that works)')
    .option('--no-shim', 'do without the compiled hooks')
    .action(async (options: SelftestOptions) => {
      const engine = await loadEngine(options.engine);
      let failed = 0;
      for (const pageSize of options.pageSize ? [Number(options.pageSize)] : [16384, 4096])
        for (const tlb of options.tlb ? [options.tlb] : (['qemu', 'hardware'] as const))
          failed += runSelftest(
            {
              engine,
              tlb,
              cpu: options.cpu,
              pageSize: pageSize as 4096 | 16384,
              seed: options.seed,
              shim: options.shim,
              ...(options.memory === undefined ? {} : { memoryMB: Number(options.memory) }),
            },
            (line) => process.stdout.write(`${line}\n`),
          );
      if (failed > 0) process.exitCode = EXIT_DIFFERENCE;
    });
}
