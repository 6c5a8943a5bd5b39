// gdb itself against `boot --gdb`: Debian's gdb-multiarch in batch mode.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = path.join(root, 'scripts/percpu-malta.mjs');
const symbols = path.join(root, 'fixtures/guest/vmlinux.debug');
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
async function boot(...args: string[]): Promise<Boot> {
  const child = spawn(process.execPath, [cli, 'boot', '--gdb', '0', ...args]);
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
function gdb({ port }: Boot, ...commands: string[]): Promise<string> {
  const all = ['set pagination off', 'set confirm off', 'set remotetimeout 60', `target remote :${port}`, ...commands];
  const child = spawn(GDB, ['-nx', '-batch', ...all.flatMap((command) => ['-ex', command]), symbols], { cwd: root });
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
    plain = run('boot', '--seed', '1');
  });

  test('reads registers, memory and tasks, stops at a symbol, shows calls with source lines', async () => {
    const out = await gdb(
      await boot('--seed', '1', '--quiet', '-S'),
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
      await boot('--seed', '1', '--quiet', '--at', 'pc hostcall'),
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
    const story = run('explain', '--seed', '1', '--json');
    const { steps } = JSON.parse(story) as { steps: { text: string }[] };
    const [, from, field] = /zeroes \d+ bytes from (\w+) on\..*: (\S+) at \w+ is zeroed/.exec(
      steps.map(({ text }) => text).find((text) => text.includes('is zeroed'))!,
    )!;
    const out = await gdb(
      await boot('--seed', '1', '--quiet', '-S'),
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
      await boot('--seed', '1', '--quiet', '--at', 'stale'),
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
    const started = await boot('--seed', '1', '-S');
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
    const console = (text: string): string => text.slice(0, text.indexOf('\nkernel  '));
    expect(console(started.stdout())).toBe(console(plain));
    const rows = (text: string): string => text.replace(/, [\d.]+ s wall/, '');
    expect(rows(started.stdout())).toBe(rows(plain));
  });

  test('Ctrl-C stops it, and it can be left and attached to again', async () => {
    const started = await boot('--seed', '1', '--quiet', '-S');
    const first = await gdb(started, 'break no_such_place_yet', 'tbreak kernel_init', 'continue', 'disconnect');
    expect(first).toContain('kernel_init');
    const second = await gdb(started, 'p $pc', 'delete', 'python import threading, time', 'p $sp', 'disconnect');
    expect(second).toMatch(/kernel_init/);
    const third = await gdb(
      started,
      'python import os, signal, threading',
      'python threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()',
      'continue',
      'p $pc != 0',
    );
    expect(third).toMatch(/SIGINT|No more reverse-execution history/);
    expect(third).toContain('$1 = 1');
  });
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
