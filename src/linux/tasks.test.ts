import { describe, expect, it } from 'vitest';
import type { MipsCpu } from '../../emu/mips/cpu.js';
import { RunningTasks } from './tasks.js';

const LIST = 0x100;
const PID = 0x180;
const COMM = 0x240;
const THREAD = 0x8000_0400;
const TASKS = [0x8000_1000, 0x8000_2000, 0x8000_3000];

/** Three tasks on the list of all tasks, the second of them running. */
function guest(littleEndian: boolean, named = false) {
  const ram = new Uint8Array(0x10_000);
  const view = new DataView(ram.buffer);
  const put = (address: number, value: number): void => view.setUint32(address & 0x1fff_ffff, value, littleEndian);
  const name = (task: number, comm: string): void => ram.set(Buffer.from(`${comm}\0`), (task + COMM) & 0x1fff_ffff);
  const run = (task: number): void => put(THREAD, task);
  TASKS.forEach((task, i) => {
    put(task + LIST, TASKS[(i + 1) % 3]! + LIST);
    for (const of of [0, 4]) put(task + PID + of, i);
    name(task, ['swapper/0', 'swapper/0', 'kthreadd'][i]!);
  });
  run(TASKS[0]!);
  const cpu = { ram, view, littleEndian, ramBytes: ram.length, reg: () => THREAD } as unknown as MipsCpu;
  const tasks = new RunningTasks(cpu, () => (named ? TASKS[0] : undefined));
  if (!named) tasks.firstRuns();
  return { tasks, run, name, put };
}

describe('the tasks of a kernel without debug information', () => {
  it.each([false, true])('are told by name and pid (little endian: %s)', (littleEndian) => {
    const { tasks, run, name } = guest(littleEndian);
    expect(tasks.current()).toEqual({ pid: 0, comm: 'swapper/0' });
    run(TASKS[1]!);
    expect(tasks.current()).toEqual({ pid: 1, comm: 'swapper/0' });
    name(TASKS[1]!, 'init');
    expect(tasks.current()).toEqual({ pid: 1, comm: 'init' });
    run(TASKS[2]!);
    expect(tasks.current()).toEqual({ pid: 2, comm: 'kthreadd' });
  });

  it('are told by the name of init_task when somebody asks late', () => {
    const { tasks, run } = guest(false, true);
    run(TASKS[2]!);
    expect(tasks.current()).toEqual({ pid: 2, comm: 'kthreadd' });
    expect(tasks.text).toBe('kthreadd (pid 2)');
  });

  it('are not made up where $28 does not lead to one', () => {
    const { tasks, run } = guest(false);
    run(0x0040_0000);
    expect(tasks.current()).toBeUndefined();
  });

  it('have the flags that tracepoints show', () => {
    const { tasks, put } = guest(false);
    put(THREAD + 4, 4);
    put(THREAD + 16, 0x0001_0100);
    expect(tasks.state()).toEqual({ softirq: true, needResched: true });
  });
});
