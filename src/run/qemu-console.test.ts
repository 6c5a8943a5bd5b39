// A real kernel's console against QEMU's of the same kernel, disks and command line (QEMU 7.2, recorded in fixtures/qemu). The kernel
// is too large for the repository: without ../shared/kernels there is nothing to compare.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseKernel } from '../../emu/elf/kernel-image.js';
import { openDrives } from '../../emu/malta/disk/drives.js';
import { loadEngine, packageRoot } from '../../emu/unicorn/choose.js';
import { KernelRun } from './kernel-run.js';

const kernels = path.resolve(packageRoot(), '../shared/kernels');
const kernel = path.join(kernels, 'vmlinux-6.1.192-4k-fixed.gz');
const recorded = path.join(packageRoot(), 'fixtures/qemu/6.1.192-4k-fixed-3-controllers.console.gz');
const APPEND = 'root=/dev/sda rw rootwait console=ttyS0 loglevel=7 no_hash_pointers';

/** Lines that only one of them has, or with other numbers, and why. */
const ALLOWED: readonly RegExp[] = [
  // Clock rates: the board's Count runs at 100 MHz, QEMU's at 166 to 168.
  /^CPU frequency /,
  /^clocksource: MIPS: /,
  /^sched_clock: 32 bits at /,
  /BogoMIPS/,
  // PIIX4's functions 1 (IDE) and 2 (USB) are not on the board.
  /^pci 0000:00:0a\.[12]: /,
  /ata_piix/,
  /^ata[12]: /,
  // How often an interrupt came, and whose it is.
  /^ *\d+: +\d+ +(XT-PIC|MIPS) /,
  // The watch registers are the engine's.
  /^hardware watchpoint/,
];
/** Who is first of the asynchronous probes decides how generic SCSI names a disk: before or after its driver took it. */
const SCSI_GENERIC = /^(scsi|sd) (?=\S+ Attached scsi generic)/;

const unzipped = (file: string): Buffer => zlib.gunzipSync(fs.readFileSync(file));

const plain = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/\r/g, '').replace(/^\[ *\d+\.\d+\] /, ''))
    .filter((line) => line !== '' && !ALLOWED.some((allowed) => allowed.test(line)))
    .map((line) => line.replace(SCSI_GENERIC, ''));

/** Up to here nothing is done at the same time. */
const untilDisks = (lines: readonly string[]): readonly string[] =>
  lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('megaraid')),
  );

describe.runIf(fs.existsSync(kernel))('6.1.192 with three controllers and four disks', () => {
  it('says what it says in QEMU', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'qemu-console-'));
    const disk = path.join(folder, 'root.ext2');
    fs.writeFileSync(disk, unzipped(path.join(kernels, 'root-be.ext2.gz')));
    const disks = openDrives([disk, '8M', '8M', '8M'], 3);
    try {
      const { drives } = disks;
      const options = { controllers: 3, drives, commandLine: APPEND, seed: 1 };
      const run = new KernelRun({
        engine: await loadEngine(),
        kernel: parseKernel(unzipped(kernel), kernel),
        ...options,
      });
      expect(run.run()).toBe('power off');
      run.close();
      const [ours, qemu] = [plain(run.lines.join('\n')), plain(unzipped(recorded).toString())];
      expect(untilDisks(ours)).toEqual(untilDisks(qemu));
      expect([...ours].sort()).toEqual([...qemu].sort());
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
