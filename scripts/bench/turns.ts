// What the benches share: commands timed on the wall, medians, and QEMU's boot of a kernel to compare with.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

/** Seconds on the wall since some moment. */
export const wall = (): number => Number(process.hrtime.bigint()) / 1e9;

/** Seconds on the wall of a command's run. @throws Error when it cannot be started or takes more than two minutes */
export function command(file: string, args: readonly string[]): number {
  const started = wall();
  const { error } = spawnSync(file, args, { stdio: 'ignore', timeout: 120_000 });
  if (error) throw error;
  return wall() - started;
}

export const hasQemu = (): boolean => spawnSync('qemu-system-mips', ['--version']).error === undefined;

/** Runs `action` with an empty folder that is gone afterwards. */
export function withFolder<T>(action: (folder: string) => T): T {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-bench-'));
  try {
    return action(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** A copy of a file in `folder`, unpacked if it is gzipped. */
export function unpacked(file: string, folder: string): string {
  const bytes = fs.readFileSync(file);
  const to = path.join(folder, path.basename(file));
  fs.writeFileSync(to, bytes[0] === 0x1f && bytes[1] === 0x8b ? zlib.gunzipSync(bytes) : bytes);
  return to;
}

/** What QEMU needs to boot a kernel with three controllers and `disks` on the first one: the root disk first. */
export function qemuArguments(kernel: string, disks: readonly string[], append: string): string[] {
  const controllers = [0, 1, 2].flatMap((i) => ['-device', `megasas,id=sc${i}`]);
  const drives = disks.flatMap((file, i) => [
    ...['-drive', `file=${file},format=raw,if=none,id=d${i}`],
    ...['-device', `scsi-hd,bus=sc0.0,scsi-id=${i},drive=d${i}`],
  ]);
  return [
    ...['-M', 'malta', '-cpu', '24Kf', '-m', '128M', '-nographic', '-no-reboot', '-vga', 'none', '-net', 'none'],
    ...['-kernel', kernel, ...controllers, ...drives, '-append', append],
  ];
}
