import { describe, expect, test } from 'vitest';
import { LinuxTasks, type TaskMemory } from './guest-tasks.js';

const TEXT = 0x8010_0000;
const INIT = 0x8080_0100;
const KERNELSP = 0x8080_0000;

interface Made {
  pid: number;
  comm: string;
  state?: number;
}

/** A kernel's memory with tasks; fields lie where `at` says. */
function kernel(tasks: readonly Made[], at = { tasks: 0x1a4, comm: 0x2f8, pid: 0x1d0, stack: 4, registers: 0x340 }) {
  const ram = new DataView(new ArrayBuffer(16 << 20));
  const put = (address: number, value: number): void => ram.setUint32(address & 0x1fff_ffff, value);
  const addresses = tasks.map((_, i) => (i === 0 ? INIT : 0x8020_0000 + 0x1000 * i));
  const stacks = tasks.map((_, i) => 0x8040_0000 + 0x2000 * i);
  tasks.forEach(({ pid, comm, state = 1 }, i) => {
    const [task, stack] = [addresses[i]!, stacks[i]!];
    put(task, state);
    put(task + at.pid, pid);
    put(task + at.pid + 4, pid);
    put(task + at.stack, stack);
    put(stack, task);
    [...comm].forEach((c, k) => ram.setUint8(((task + at.comm) & 0x1fff_ffff) + k, c.charCodeAt(0)));
    const next = addresses[(i + 1) % tasks.length]!;
    put(task + at.tasks, next + at.tasks);
    put(next + at.tasks + 4, task + at.tasks);
    put(task + at.registers, 0x1600 + i); // $16
    put(task + at.registers + 32, stack + 0x1f00); // $29
    put(task + at.registers + 40, TEXT + 0x40); // $31
  });
  const memory: TaskMemory = {
    pageSize: 0x1000,
    word: (address) => {
      const physical = address & 0x1fff_ffff;
      return address >>> 30 === 2 && physical + 4 <= ram.byteLength ? ram.getUint32(physical) : undefined;
    },
    text: (address, length) => {
      const bytes = new Uint8Array(ram.buffer, address & 0x1fff_ffff, length);
      const text = String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
      return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
    },
    symbol: (name) => ({ init_task: INIT, kernelsp: KERNELSP })[name],
    isText: (address) => address >= TEXT && address < TEXT + 0x10_0000,
  };
  return { memory, stacks, put };
}

const TASKS = [
  { pid: 0, comm: 'swapper/0', state: 0 },
  { pid: 1, comm: 'init' },
  { pid: 2, comm: 'kthreadd' },
  { pid: 7, comm: 'kworker/0:0', state: 0x402 },
  { pid: 31, comm: 'jbd2', state: 2 },
];

describe("a Linux kernel's tasks", () => {
  test.each([undefined, { tasks: 0x80, comm: 0x1400, pid: 0x99c, stack: 0x10, registers: 0x44 }])(
    'are found wherever the fields lie (%o)',
    (at) => {
      const { memory, stacks } = kernel(TASKS, at);
      const list = new LinuxTasks(memory).list(stacks[3]!);
      expect(list.map(({ pid, comm, state }) => `${pid} ${comm} ${state}`)).toEqual([
        '7 kworker/0:0 running',
        '0 swapper/0 runnable',
        '1 init sleeping',
        '2 kthreadd sleeping',
        '31 jbd2 disk sleep',
      ]);
      expect(list[0]!.saved).toBeUndefined();
      expect(list[4]).toMatchObject({ stack: stacks[4], stackBytes: 0x2000 });
      expect([16, 29, 31].map((n) => list[4]!.saved!.get(n))).toEqual([0x1604, stacks[4]! + 0x1f00, TEXT + 0x40]);
    },
  );

  test('in a program the running one is that whose stack takes the next exception', () => {
    const { memory, stacks, put } = kernel(TASKS);
    put(KERNELSP, stacks[1]! + 0x1fe0);
    expect(new LinuxTasks(memory).list(0x0041_8010)[0]).toMatchObject({ pid: 1, state: 'running' });
  });

  test.each([
    ['nothing has been set up yet', kernel([]).memory],
    ['there is only the first one', kernel(TASKS.slice(0, 1)).memory],
    ['init_task is not known', { ...kernel(TASKS).memory, symbol: () => undefined }],
    [
      'the list does not come back',
      (({ memory, put }) => (put(0x8020_1000 + 0x1a4, 0x8030_0000), memory))(kernel(TASKS)),
    ],
  ])('are none where %s', (_, memory) => {
    expect(new LinuxTasks(memory).list(0)).toEqual([]);
  });
});
