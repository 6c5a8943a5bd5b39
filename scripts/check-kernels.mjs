// Boots real kernels on the board, for .ci/run: Debian's stock one out of its package, to its init and through power off with
// three controllers and four disks; and the big-endian ones of ../shared/kernels when they lie there. What cannot be had here
// (no network, no apt) is said and not counted as a failure; a kernel that does not come up is one.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const shared = path.resolve(root, '../shared/kernels');
const percpuMalta = (args, stdio) =>
  spawnSync(process.execPath, [path.join(root, 'scripts/percpu-malta.mjs'), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', stdio],
    maxBuffer: 64 << 20,
  });
const CONTROLLERS = ['--controllers', '3'];
const BLANK = ['--drive', '8M'];
const ALL_PREDICTED = /^per-CPU +([\d,]+) of \1 placements as predicted$/m;
let failed = 0;

/** Runs a kernel with the allocator in lockstep, and looks for what console and summary have to show. */
function boot(name, args, wanted, ending = /reboot: Power down/) {
  const { stdout, status } = percpuMalta(['run', ...args, '--percpu'], 'inherit');
  const missing = [...wanted, ALL_PREDICTED, ending].filter((pattern) => !pattern.test(stdout));
  console.log(`${missing.length === 0 ? 'ok' : 'FAILED'}: ${name}`);
  if (missing.length === 0) return;
  failed++;
  console.log(`exit code ${status}, not shown: ${missing.join(' ')}\n${stdout.split('\n').slice(-40).join('\n')}`);
}

const disk = (letter) => new RegExp(` 8192 sd${letter}\\r?$`, 'm');

const debian = percpuMalta(['kernel', 'debian', '--json'], 'pipe');
if (debian.status === 0) {
  const { folder, kernel, initrd, version } = JSON.parse(debian.stdout);
  const at = (name) => path.join(folder, name);
  boot(
    `Debian's ${version}`,
    [at(kernel), '--initrd', at(initrd), ...CONTROLLERS, ...BLANK, ...BLANK, ...BLANK, ...BLANK],
    [/megaraid_sas\.ko loaded/, ...['a', 'b', 'c', 'd'].map(disk), /init: done/],
  );
} else console.log(`not tried: Debian's kernel (${debian.stderr.trim()})`);

const fixed = path.join(shared, 'vmlinux-6.1.192-4k-fixed.gz');
if (fs.existsSync(fixed)) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'kernels-'));
  try {
    const rootDisk = path.join(folder, 'root.ext2');
    fs.writeFileSync(rootDisk, zlib.gunzipSync(fs.readFileSync(path.join(shared, 'root-be.ext2.gz'))));
    const append = ['--append', 'root=/dev/sda rw rootwait console=ttyS0 loglevel=7 no_hash_pointers'];
    for (const cpu of ['24Kf', '34Kf', '74Kf'])
      boot(
        `${path.basename(fixed)} on ${cpu}`,
        [fixed, ...append, '--cpu', cpu, ...CONTROLLERS, '--drive', rootDisk, ...BLANK, ...BLANK, ...BLANK],
        [...['b', 'c', 'd'].map(disk), /TINY-DONE/],
      );
    const buggy = path.join(shared, 'vmlinux-6.1.192-4k-buggy.gz');
    if (fs.existsSync(buggy))
      boot(
        `${path.basename(buggy)} --explain`,
        [
          buggy,
          ...append,
          ...CONTROLLERS,
          '--drive',
          rootDisk,
          ...BLANK,
          ...BLANK,
          ...BLANK,
          '--seed',
          '5',
          '--explain',
        ],
        [/what the\s+stale store left/, /The cause is event \d+: a depopulation without flush_tlb_kernel_range/],
        /end Kernel panic/,
      );
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
} else console.log('not tried: big-endian kernels (none in ../shared/kernels)');
process.exitCode = failed > 0 ? 1 : 0;
