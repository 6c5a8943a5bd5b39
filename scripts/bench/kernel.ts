// How quick an unmodified kernel boots on the board, in turns with QEMU when it is there, and what the sanitizer costs.
//   node scripts/run-ts.mjs scripts/bench/kernel.ts VMLINUX ROOT-DISK [--turns N]           three controllers, four disks, to power off
//   node scripts/run-ts.mjs scripts/bench/kernel.ts VMLINUX --initrd CPIO [--turns N]       a kernel of one's own init, QEMU left out
// Kernel and disk may be gzipped. QEMU and the board see the same disks and command line. CPU seconds are those of all our threads.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../emu/unicorn/choose.js';
import { command, hasQemu, median, qemuArguments, unpacked, withFolder } from './turns.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { initrd: { type: 'string' }, turns: { type: 'string', default: '3' } },
});
const [kernelFile, diskFile] = positionals;
if (kernelFile === undefined || (diskFile === undefined) === (values.initrd === undefined)) {
  console.error('usage: kernel.ts VMLINUX (ROOT-DISK | --initrd CPIO) [--turns N]');
  process.exit(2);
}
const TURNS = Number(values.turns);
const APPEND = diskFile === undefined ? '' : 'root=/dev/sda rw rootwait console=ttyS0 panic=-1';
const BLANK_BYTES = 8 << 20;

interface Run {
  /** Seconds from the start of the process to its end, and of CPU. */
  readonly wall: number;
  readonly cpu: number;
  /** Bytes. */
  readonly resident: number;
  readonly instructions: number;
}

/** At the end of the process its own use of resources goes to file descriptor 3. */
const REPORT_USAGE =
  'data:text/javascript,import fs from "node:fs";process.on("exit",()=>fs.writeSync(3,JSON.stringify(process.resourceUsage())))';

function ours(args: readonly string[]): Run {
  const started = process.hrtime.bigint();
  const cli = path.join(packageRoot(), 'scripts', 'percpu-malta.mjs');
  const { stdout, stderr, output, status } = spawnSync(
    process.execPath,
    ['--import', REPORT_USAGE, cli, 'run', ...args, '--json', '--quiet'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe', 'pipe'], maxBuffer: 64 << 20 },
  );
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  if (status !== 0) throw new Error(`the kernel did not end well: ${stderr || stdout}`);
  const usage = JSON.parse(output[3]!) as NodeJS.ResourceUsage;
  const { instructions } = (JSON.parse(stdout) as { counters: { instructions: number } }).counters;
  const cpu = (usage.userCPUTime + usage.systemCPUTime) / 1e6;
  return { wall, cpu, resident: usage.maxRSS * 1024, instructions };
}

withFolder((folder) => {
  const kernel = unpacked(kernelFile, folder);
  const disks = diskFile === undefined ? [] : [unpacked(diskFile, folder)];
  for (let i = 1; disks.length > 0 && i < 4; i++) {
    const file = path.join(folder, `blank${i}`);
    fs.writeFileSync(file, new Uint8Array(BLANK_BYTES));
    disks.push(file);
  }
  const args = [
    kernel,
    ...['--controllers', '3', '--append', APPEND, '--seed', '1'],
    ...(values.initrd === undefined ? [] : ['--initrd', values.initrd]),
    ...disks.flatMap((file) => ['--drive', file]),
  ];
  const compared = disks.length > 0 && hasQemu();
  const turns = Array.from({ length: TURNS }, () => ({
    plain: ours(args),
    checked: ours([...args, '--check']),
    qemu: compared ? command('qemu-system-mips', qemuArguments(kernel, disks, APPEND)) : undefined,
  }));
  const of = (value: (turn: (typeof turns)[number]) => number): number => median(turns.map(value));
  const { instructions } = turns[0]!.plain;
  console.log(
    `${path.basename(kernelFile)}: ${(instructions / 1e6).toFixed(1)} M instructions, medians of ${TURNS} turns\n` +
      `from start to end ${of(({ plain }) => plain.wall).toFixed(2)} s, ${of(({ plain }) => plain.cpu).toFixed(2)} CPU s, ` +
      `${of(({ plain }) => plain.instructions / 1e6 / plain.cpu).toFixed(0)} M instructions a CPU second, ` +
      `${of(({ plain }) => plain.resident / 1e6).toFixed(0)} MB resident at most\n` +
      `with --check ${of(({ plain, checked }) => checked.cpu / plain.cpu).toFixed(2)} times the CPU time`,
  );
  if (compared)
    console.log(
      `QEMU ${of(({ qemu }) => qemu!).toFixed(2)} s; ours takes ${of(({ plain, qemu }) => plain.wall / qemu!).toFixed(2)} times that`,
    );
  else console.log(disks.length > 0 ? 'QEMU: no qemu-system-mips here' : 'QEMU: compared only with a root disk');
});
