// Each family by a handcrafted snippet, and the July 2021 report's three crashes as its table of facts gives them.
import { describe, expect, test } from 'vitest';
import { decodeConsole } from './console.js';
import { consoleRecord, signature } from './record.js';

interface Crash {
  epc: string;
  ra: string;
  exccode?: string;
  badva: string;
  process?: string;
  trace?: string[];
  registers?: string[];
  before?: string[];
  after?: string[];
}

/** An oops as the MIPS kernel prints it. */
function oops({
  epc,
  ra,
  exccode = '02',
  badva,
  process = 'kworker/u2:1',
  trace = [],
  registers,
  before = [],
  after = [],
}: Crash): string {
  const address = epc === '0x0' ? '00000000' : '80711f2c';
  return [
    ...before,
    `CPU 0 Unable to handle kernel paging request at virtual address ${badva}, epc == ${address}, ra == 8039ac00`,
    'Oops[#1]:',
    `CPU: 0 PID: 7 Comm: ${process} Not tainted 5.13.0 #1`,
    ...(registers ?? ['$ 0   : 00000000 00000001 8208f000 00000000', '$28   : 81484000 81485b30 81485b40 8039ac00']),
    'Hi    : 0000003d',
    'Lo    : d47ae23f',
    `epc   : ${address} ${epc}`,
    `ra    : 8039ac00 ${ra}`,
    'Status: 1000a403\tKERNEL EXL IE ',
    `Cause : 00800008 (ExcCode ${exccode})`,
    `BadVA : ${badva}`,
    'PrId  : 00019300 (MIPS 24Kc)',
    `Process ${process} (pid: 7, threadinfo=(ptrval), task=(ptrval), tls=00000000)`,
    'Stack : 00000000 804fa58c 00000000 801344cc',
    '        ...',
    'Call Trace:',
    ...[epc, ra, ...trace].filter((symbol) => symbol !== '0x0').map((symbol) => `[<80711f2c>] ${symbol}`),
    '',
    'Code: 24420001  8c430004 <8c620000> 00000000',
    '',
    '---[ end trace 0000000000000000 ]---',
    ...after,
  ].join('\n');
}

describe('the three crashes of the July 2021 report', () => {
  test('A: a kernfs node lost its red-black links, init dies', () => {
    const decoded = decodeConsole(
      oops({
        epc: 'rb_insert_color+0x1c/0x1b0',
        ra: 'kernfs_link_sibling+0x94/0xf4',
        badva: '00000004',
        process: 'swapper/0',
        trace: [
          'kernfs_add_one+0x9c/0x160',
          'kernfs_create_dir_ns+0x5c/0x88',
          'sysfs_create_dir_ns+0x60/0xd8',
          'bus_add_driver+0xd0/0x20c',
        ],
        before: ['sd 0:2:0:0: [sda] Add. Sense: Internal target failure'],
        after: ['Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b'],
      }),
    );
    expect(decoded.outcome).toBe('panic');
    expect(decoded.panic?.value).toBe('Attempted to kill init! exitcode=0x0000000b');
    expect(signature(decoded)).toBe('kernfs-rb-zeroed epc=rb_insert_color ra=kernfs_link_sibling');
  });

  test('B: the magic of a wait queue lock is gone, then the list head is followed', () => {
    const decoded = decodeConsole(
      oops({
        epc: '__wake_up_common+0x6c/0x180',
        ra: '__wake_up_common_lock+0x8c/0xd0',
        badva: '00000000',
        trace: [
          'percpu_ref_kill_and_confirm+0x174/0x180',
          'blk_freeze_queue_start+0x58/0x94',
          '__scsi_remove_device+0x68/0x1a8',
        ],
        before: [
          'BUG: spinlock bad magic on CPU#0, kworker/u2:1/19',
          ' lock: 0x82598a44, .magic: 00000000, .owner: <none>/-1, .owner_cpu: 0',
          'CPU: 0 PID: 7 Comm: kworker/u2:1 Not tainted 5.13.0 #1',
          'Call Trace:',
          '[<80711f2c>] show_stack+0x50/0x12c',
          '[<80711f2c>] do_raw_spin_lock+0xf4/0x110',
          '[<80711f2c>] __wake_up_common_lock+0x60/0xd0',
        ],
      }),
    );
    expect(decoded).toMatchObject({ outcome: 'oops', firstSymptom: 'bug_spinlock', oopsCount: 1, end: 'open' });
    expect(signature(decoded)).toBe('wait-queue-zeroed epc=__wake_up_common ra=__wake_up_common_lock');
  });

  test('C: the RCU core calls a NULL function', () => {
    const decoded = decodeConsole(
      oops({
        ...{ epc: '0x0', ra: 'rcu_core+0x260/0x6c8', badva: '00000000' },
        trace: ['__do_softirq+0x154/0x3a0', 'irq_exit+0x10/0x1c'],
        after: ['Kernel panic - not syncing: Fatal exception in interrupt'],
      }),
    );
    expect(decoded.outcome).toBe('panic');
    expect(signature(decoded)).toBe('rcu-callback-null epc=0x0 ra=rcu_core');
    const reasons = decoded.family!.reasons.map(({ value }) => value);
    expect(reasons).toContain('ra is in rcu_core');
    expect(reasons.some((reason) => reason.startsWith('epc is 0'))).toBe(true);
  });

  test('B without the oops is a bug, of the same family', () => {
    const decoded = decodeConsole(
      [
        'BUG: spinlock bad magic on CPU#0, kworker/u2:1/19',
        ' lock: 0x82598a44, .magic: 00000000, .owner: <none>/-1, .owner_cpu: 0',
        'Call Trace:',
        '[<80711f2c>] show_stack+0x50/0x12c',
        '[<80711f2c>] do_raw_spin_lock+0xf4/0x110',
        '[<80711f2c>] __wake_up_common_lock+0x60/0xd0',
      ].join('\n'),
    );
    expect(decoded).toMatchObject({ outcome: 'bug', oopsCount: 0 });
    expect(decoded.family?.name).toBe('wait-queue-zeroed');
  });
});

describe('one rule at a time', () => {
  const family = (crash: Crash) => decodeConsole(oops(crash)).family!.name;
  const ra = 'caller+0x10/0x20';

  test.each<[string, Crash]>([
    ['null-function-pointer', { epc: '0x0', ra: 'bus_for_each_drv+0x10/0x20', badva: '00000000' }],
    ['workqueue-zeroed', { epc: '0x0', ra: 'process_one_work+0x10/0x20', badva: '00000000' }],
    [
      'percpu-ref-null',
      { epc: '__percpu_ref_switch_mode+0x28/0x2d8', ra: 'percpu_ref_kill_and_confirm+0x54/0x178', badva: '00000008' },
    ],
    [
      'null-percpu-pointer',
      { epc: 'percpu_ref_tryget_live_rcu+0x3c/0xc8', ra: 'blk_queue_enter+0x38/0x1e8', badva: '00628000' },
    ],
    [
      'blk-mq-request-null',
      { epc: 'blk_mq_rq_ctx_init.constprop.0.isra.0+0x30/0x18c', ra, exccode: '03', badva: '00000008' },
    ],
    ['blk-mq-ctx-null', { epc: '__blk_mq_alloc_requests+0x248/0x3e8', ra, badva: '00000078' }],
    ['scsi-list-zeroed', { epc: 'scsi_sysfs_device_initialize+0x138/0x1fc', ra, exccode: '03', badva: '00000000' }],
    ['sched-rb-zeroed', { epc: 'rb_insert_color+0x1c/0x190', ra: 'enqueue_task_fair+0x1e4/0x508', badva: '00000004' }],
    ['rb-tree-zeroed', { epc: 'rb_erase+0x1c/0x190', ra, badva: '00000004' }],
    ['completion-zeroed', { epc: 'complete+0x50/0x90', ra: 'complete+0x58/0x90', badva: 'fffffffc' }],
    ['driver-core-zeroed', { epc: 'mutex_lock+0xc/0x48', ra: 'device_add+0x458/0x80c', badva: '00000040' }],
    ['slab-freelist-zeroed', { epc: 'free_block.constprop.0+0xa8/0x1e0', ra, badva: '00000008' }],
    ['null-pointer', { epc: 'some_driver_function+0xa8/0x1e0', ra, badva: '00000028' }],
    ['wild-pointer', { epc: 'kernfs_get+0x8/0x1e0', ra, badva: '5a5a5a5a' }],
  ])('%s', (name, crash) => expect(family(crash)).toBe(name));

  test('an offset of the function does not matter, the function does', () => {
    const at = (offset: string) => family({ epc: `__wake_up_common+${offset}`, ra, badva: '00000000' });
    expect(at('0x70/0x184')).toBe(at('0x6c/0x180'));
    expect(family({ epc: '__wake_up_commoner+0x70/0x184', ra, badva: '00000000' })).not.toBe('rb-tree-zeroed');
  });

  test('the per-CPU offset is told from a wild pointer by where it came from', () => {
    const crash = { epc: 'some_function+0x10/0x20', ra, badva: '00628000' };
    expect(family(crash)).toBe('wild-pointer');
    expect(family({ ...crash, registers: ['$ 0   : 00000000 00000001 00628000 00628000'] })).toBe(
      'null-percpu-pointer',
    );
  });

  test('without symbols the shape of the fault is left', () => {
    const text = oops({ epc: 'x', ra: 'y', badva: '00000008' })
      .replace(/(epc|ra) {3,4}: (\w+) .*/g, '$1    : $2')
      .replace(/\] [a-z_]+.*/g, ']');
    const decoded = decodeConsole(text);
    expect(signature(decoded)).toBe('null-pointer epc=? ra=?');
    expect(consoleRecord('x.log', decoded)).toMatchObject({ epcSym: '0x80711f2c', raSym: '0x8039ac00' });
  });

  test('Cause without "(ExcCode ..)" is taken apart', () => {
    const decoded = decodeConsole(
      oops({ epc: 'a+0x1/0x2', ra, badva: '00000008' }).replace('00800008 (ExcCode 02)', '0080000c'),
    );
    expect(decoded.oopses[0].exccode?.value).toBe('03');
  });
});
