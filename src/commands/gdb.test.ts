// gdb itself against `boot --gdb`: Debian's gdb-multiarch in batch mode.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SEED } from '../experiments/test-seeds.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = path.join(root, 'scripts/percpu-malta.mjs');
const symbols = path.join(root, 'fixtures/guest/vmlinux.debug');
const CRASH = String(SEED.crash);
const GDB = 'gdb-multiarch';
const missing = spawnSync(GDB, ['--version']).error !== undefined;
if (missing) console.warn(`${GDB} is missing: its tests are skipped (apt-get install gdb-multiarch)`);

interface Boot {
  child: ChildProcess;
  port: number;
  stdout: () => string;
  ended: Promise<number | null>;
}

const boots: Boot[] = [];
afterEach(() => {
  for (const { child } of boots.splice(0)) child.kill('SIGKILL');
});

/** Starts a boot and waits until gdb can attach. */
const boot = (...args: string[]): Promise<Boot> => debugged('boot', '--gdb', '0', ...args);

async function debugged(...args: string[]): Promise<Boot> {
  const child = spawn(process.execPath, [cli, ...args]);
  let [out, err] = ['', ''];
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (bytes: Buffer) => {
      err += bytes.toString();
      const match = /target remote :(\d+)/.exec(err);
      if (match) resolve(Number(match[1]));
    });
    child.on('close', () => reject(new Error(`the boot ended: ${err}`)));
  });
  const started = { child, port, stdout: () => out, ended };
  boots.push(started);
  return started;
}

/** gdb's output for a list of commands. */
function gdb(boot: Boot, ...commands: string[]): Promise<string> {
  return gdbWith(symbols, boot, ...commands);
}

function gdbWith(file: string, { port }: Boot, ...commands: string[]): Promise<string> {
  const all = ['set pagination off', 'set confirm off', 'set remotetimeout 60', `target remote :${port}`, ...commands];
  const child = spawn(GDB, ['-nx', '-batch', ...all.flatMap((command) => ['-ex', command]), file], { cwd: root });
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (out += bytes.toString()));
  return new Promise((resolve) => child.on('close', () => resolve(out)));
}

const run = (...args: string[]): string =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout;

describe.skipIf(missing)('gdb', () => {
  let plain = '';
  beforeAll(() => {
    plain = run('boot', '--seed', CRASH);
  });

  test('reads registers, memory and tasks, stops at a symbol, shows calls with source lines', async () => {
    const out = await gdb(
      await boot('--seed', CRASH, '--quiet', '-S'),
      'info registers pc status prid config1',
      'tbreak blk_stat_alloc_callback',
      'continue',
      'bt 3',
      'info threads',
      'thread 2',
      'bt 1',
      'x/2i blk_stat_alloc_callback',
      'p sizeof(struct request_queue)',
    );
    expect(out).toMatch(/pc: 0x80100000\nstatus: 0x1000\w+\nprid: 0x19300\nconfig1: 0x\w+/);
    expect(out).toMatch(
      /emporary breakpoint 1, blk_stat_alloc_callback \(q=.*0x8\w+\) at emu\/guest\/kernel\/blk-stat.c:\d+/,
    );
    expect(out).toMatch(/#1 +0x\w+ in blk_mq_init_allocated_queue .* at emu\/guest\/kernel\/blk-mq.c:\d+/);
    expect(out).toMatch(/\* \d+ +Thread \d+ \(kworker\/u2:\d running\)/);
    expect(out).toMatch(/Thread 1 \(swapper\/0 \w+\) +context_switch \(/);
    expect(out).toMatch(/addiu\tsp,sp,-\d+/);
  });

  test('steps over a branch together with its delay slot, and back', async () => {
    const out = await gdb(
      await boot('--seed', CRASH, '--quiet', '--at', 'pc hostcall'),
      'x/1i 0x80100280+4', // beqz v1 in hostcall3
      'tbreak *0x80100284',
      'continue',
      'stepi',
      'p/x $pc',
      'reverse-stepi',
      'p/x $pc',
    );
    expect(out).toMatch(/beqz/);
    expect(out).toMatch(/\$1 = 0x(8010028c|801002ac)/);
    expect(out).toContain('$2 = 0x80100284');
  });

  test('an oops stops at the fault; a watchpoint and reverse-continue lead to the store that explain names', async () => {
    const story = run('explain', '--seed', CRASH, '--json');
    const { steps } = JSON.parse(story) as { steps: { text: string }[] };
    const [, from, field] = /zeroes \d+ bytes from (\w+) on\..*: (\S+) at \w+ is zeroed/.exec(
      steps.map(({ text }) => text).find((text) => text.includes('is zeroed'))!,
    )!;
    const out = await gdb(
      await boot('--seed', CRASH, '--quiet', '-S'),
      'continue',
      'p $v0', // the function that is called
      'watch -l ((struct rcu_head *) $v1)->func',
      'reverse-continue',
      'bt 3',
      'monitor where',
      'p/x $v1',
      'stepi',
      'reverse-stepi',
      'continue',
    );
    expect(out).toMatch(
      /received signal SIGSEGV.*\n(.*\n)?.*rcu_core .* at emu\/guest\/kernel\/rcu.c:\d+\n.*func\(head\)/,
    );
    expect(out).toContain('$1 = 0');
    expect(field).toBe('request_queue.rcu_head.func');
    expect(out).toMatch(/Old value = .*0x0\nNew value = .*blk_free_queue_rcu>\n.*memset \(s=0x/);
    expect(out).toContain(`(s=0x${from}`);
    expect(out).toMatch(/#1 .* in pcpu_alloc /);
    // the address in $v1 is a virtual one of the area, not that of the object
    expect(out).toMatch(/\$2 = 0xfff\w{5}\b/);
    // forwards again: the same store, and then the same fault
    expect(out.split('Hardware watchpoint 2: ').length + out.split('Hardware watchpoint 1: ').length).toBeGreaterThan(
      3,
    );
  });

  test('a hundred reverse-stepi and as many stepi lead to the same registers', async () => {
    const steps = (command: string): string[] => Array.from({ length: 100 }, () => command);
    const registers = 'printf "%x %x %x %x %x\\n", $pc, $sp, $v0, $a0, $ra';
    const out = await gdb(
      await boot('--seed', CRASH, '--quiet', '--at', 'stale'),
      registers,
      ...steps('reverse-stepi'),
      registers,
      ...steps('stepi'),
      registers,
    );
    const seen = out.split('\n').filter((line) => /^([0-9a-f]+ ){4}[0-9a-f]+$/.test(line));
    expect(seen).toHaveLength(3);
    expect(seen[2]).toBe(seen[0]);
    expect(seen[1]).not.toBe(seen[0]);
  });

  test('who only looks changes nothing: console and log are those of the boot alone', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gdb-'));
    const [alone, watched] = ['alone', 'watched'].map((name) => path.join(folder, name)) as [string, string];
    run('boot', '--seed', CRASH, '--quiet', '--log', alone);
    const started = await boot('--seed', CRASH, '-S', '--log', watched);
    const out = await gdb(
      started,
      'tbreak memset',
      'continue',
      'x/64x $sp',
      'monitor tlb',
      'monitor goto time 0.5',
      'maintenance flush register-cache',
      'info registers',
      'detach',
    );
    expect(out).toContain('at time 0.5');
    expect(await started.ended).toBe(0);
    expect(fs.readFileSync(watched, 'utf8')).toBe(fs.readFileSync(alone, 'utf8'));
    fs.rmSync(folder, { recursive: true });
    const console = (text: string): string => text.slice(0, text.indexOf('\nkernel  '));
    expect(console(started.stdout())).toBe(console(plain));
    const rows = (text: string): string => text.replace(/, [\d.]+ s wall/, '');
    expect(rows(started.stdout())).toBe(rows(plain));
  });

  test('it can be left and attached to again', async () => {
    const started = await boot('--seed', CRASH, '--quiet', '-S');
    const first = await gdb(started, 'break no_such_place_yet', 'tbreak kernel_init', 'continue', 'disconnect');
    expect(first).toContain('kernel_init');
    const second = await gdb(started, 'p $pc', 'delete', 'p $sp', 'kill');
    expect(second).toMatch(/kernel_init/);
  });
});

describe.skipIf(missing)('gdb on a kernel of its own, which no table of ours describes', () => {
  const kernel = path.join(root, 'fixtures/testkernel/testkernel-be.elf');
  const run = (...args: string[]): Promise<Boot> =>
    debugged('run', kernel, '--quiet', '--gdb', '0', '--append', 'plant=nofree tests=unmap', ...args);
  /** The command `print` of gdb, in hexadecimal. */
  const printed = (out: string, n: number): number => Number(new RegExp(`\\$${n} = (0x[0-9a-f]+)`).exec(out)![1]);

  test('breaks at a symbol, steps over a call with its delay slot, and back, shows the calls', async () => {
    const out = await gdbWith(
      kernel,
      await run('-S'),
      'break guarded_call',
      'continue',
      'backtrace 2',
      'p/x $ra',
      'delete',
      'tbreak *$ra', // behind the call
      'continue',
      'p/x $pc',
      'reverse-stepi',
      'reverse-continue',
      'info threads',
      'p/x $pc',
    );
    expect(out).toMatch(/Breakpoint 1, 0x\w+ in guarded_call/);
    expect(out).toMatch(/#1 +0x\w+ in test_unmap/);
    expect(out).toMatch(/Thread 1 \(CPU 0\)/);
    expect(printed(out, 2)).toBe(printed(out, 1));
    expect(out).toContain('No more reverse-execution history');
    // the call itself: a step leads from the branch into the function, its slot has no stop of its own
    const call = `0x${(printed(out, 1) - 8).toString(16)}`;
    const step = await gdbWith(
      kernel,
      await run('-S'),
      `break *${call}`,
      'continue',
      'x/i $pc',
      'stepi',
      'p/x $pc',
      'reverse-stepi',
      'p/x $pc',
    );
    expect(step).toMatch(/\tjalr?\t/);
    expect(step).toMatch(/0x\w+ in guarded_call/);
    expect(printed(step, 2)).toBe(Number(call));
  });

  test('Ctrl-C stops it, in code that was written where it waited', async () => {
    const out = await gdbWith(
      kernel,
      await run('--at', 'pc test_unmap'),
      'set {int} $pc = 0x1000ffff', // b . with a nop in its slot: it runs for as long as it takes
      'set {int} ($pc + 4) = 0',
      'python import os, signal, threading',
      'python threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()',
      'continue',
      'p $pc != 0',
      'kill',
    );
    expect(out).toContain('received signal SIGINT');
    expect(out).toContain('$1 = 1');
  });

  test('from behind a planted stale store a watchpoint on the frame and reverse-continue lead back to it', async () => {
    const out = await gdbWith(
      kernel,
      await run('--at', 'stale'),
      'p/x $pc',
      'p/x $a0',
      'monitor page $a0',
      'monitor tlb',
      'monitor where',
      'tbreak *$ra',
      'continue',
      'p/x $pc',
    );
    const [pc, address] = [printed(out, 1), printed(out, 2)];
    expect(out).toMatch(/store_word\+0x0/);
    expect(out).toContain("the kernel's page table is not known");
    expect(out).not.toContain('STALE');
    const entry = new RegExp(`^ *\\d+(?: shadow)? +${address.toString(16)} +4K +\\S+ +(\\w+) `, 'm').exec(out)!;
    const physical = parseInt(entry[1]!, 16) * 0x1000;
    const back = await gdbWith(
      kernel,
      await run('--at', 'pc test_unmap'),
      `watch *(unsigned int *) ${0x80000000 + physical}`,
      'monitor goto stale',
      'maintenance flush register-cache',
      'stepi',
      'stepi',
      'reverse-continue',
      'p/x $pc',
      'p/x $a0',
      'p/x $a1',
    );
    expect(back).toMatch(/watchpoint 1: /);
    expect(printed(back, 1)).toBe(pc);
    expect(printed(back, 2)).toBe(address);
  });
});

const kernels = path.join(root, '../shared/kernels');
const buggy = path.join(kernels, 'vmlinux-6.1.192-4k-buggy.gz');

test.skipIf(missing || !fs.existsSync(buggy))("a real kernel's oops leads back to the stale store", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gdb-kernel-'));
  const unzipped = (file: string, name: string): string => {
    fs.writeFileSync(path.join(folder, name), zlib.gunzipSync(fs.readFileSync(file)));
    return path.join(folder, name);
  };
  try {
    const vmlinux = unzipped(buggy, 'vmlinux');
    const disks = [unzipped(path.join(kernels, 'root-be.ext2.gz'), 'root'), '8M', '8M', '8M'];
    const append = 'root=/dev/sda rw rootwait console=ttyS0 loglevel=7 no_hash_pointers';
    const out = await gdbWith(
      vmlinux,
      await debugged(
        ...['run', vmlinux, '--quiet', '--gdb', '0', '-S', '--seed', '1', '--controllers', '3', '--append', append],
        ...disks.flatMap((disk) => ['--drive', disk]),
      ),
      'continue',
      'watch *(unsigned int *) 0x82005e04', // the word that the null pointer was loaded from
      'reverse-continue',
      'backtrace 2',
      'monitor where',
      'monitor pte 0xffface04',
    );
    expect(out).toMatch(/SIGSEGV[^]*? in scsi_sysfs_device_initialize/);
    expect(out).toMatch(/Old value = 0\nNew value = \d+\n0x\w+ in (memset|__bzero)/);
    expect(out).toMatch(/#1 +0x\w+ in pcpu_alloc/);
    expect(out).toMatch(/TLB entry \d+, a shadow .*: frame 2005, /);
    expect(out).toMatch(/STALE: /);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

test('Ctrl-C ends a guest that waits for gdb: nothing more is printed, the port is free again', async () => {
  const first = await boot('--seed', '1', '--quiet', '-S');
  let err = '';
  first.child.stderr!.on('data', (bytes: Buffer) => (err += bytes.toString()));
  first.child.kill('SIGINT');
  await first.ended;
  expect(first.child.signalCode ?? first.child.exitCode).toBe('SIGINT');
  expect(first.stdout() + err).toBe('');
  const second = await debugged('boot', '--quiet', '-S', '--gdb', String(first.port));
  expect(second.port).toBe(first.port);
});

test('options that do not go together are told in one line', () => {
  const bad = (...args: string[]) => spawnSync(process.execPath, [cli, 'boot', ...args], { encoding: 'utf8' });
  for (const [args, message] of [
    [['-S'], '-S: goes with --gdb'],
    [['--at', 'oops'], '--at: goes with --gdb'],
    [['--gdb', '--check'], '--gdb with --check'],
    [['--gdb', '0', '-S', '--at', 'oops'], '-S and --at'],
    [['--gdb', '70000'], 'need a port from 1 to 65535'],
  ] as const) {
    const { status, stdout, stderr } = bad(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  }
});
