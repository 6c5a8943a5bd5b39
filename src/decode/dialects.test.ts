// Register dumps as MIPS kernels from 2.4 to 6.19 word them, 32 and 64 bits, and crashes of other architectures.
import { describe, expect, test } from 'vitest';
import { decodeConsole } from './console.js';
import { consoleRecord } from './record.js';
import { reportLines } from './report.js';

const record = (text: string) => consoleRecord('x', decodeConsole(text));
const oopsesOf = (text: string) =>
  record(text).oopses as Array<Record<string, unknown> & { registers: Record<string, string> }>;

describe('MIPS', () => {
  test('2.4, eight registers in a row, no ra, no numbers', () => {
    const text = `Unable to handle kernel paging request at virtual address 00000004, epc == 8013bf7c, ra == 80139e58
Oops in fault.c::do_page_fault, line 206:
$0 : 00000000 1000fc00 00000000 81064000 81f7c000 00000001 00000000 8025e2c4
$8 : 1000fc01 8130a000 8130a0e0 81f7dfe0 00000000 00000000 00000000 00000000
$16: 802c0000 802c5d20 00000001 00000002 00000003 00000004 00000005 00000006
$24: 00000000 2ab0e430                   81f7c000 81f7de40 00000000 80139e58
Hi : 00000000
Lo : 00000140
epc  : 8013bf7c    Not tainted
Status: 1000fc03
Cause : 0000000c
Process insmod (pid: 61, stackpage=81f7c000)
Stack: 8025e2c4 81f7de58 00000001 80139e58
Call Trace: [<80139e58>] [<8013a0f0>]
 [<801066f8>] [<80103d10>]
Code: 8c620000  00000000  ac430000 <8c430004> 00000000
Kernel panic: Attempted to kill init!
`;
    expect(record(text)).toMatchObject({
      ...{ outcome: 'panic', panic: 'Attempted to kill init!', oopsCount: 1, exccode: '03', badva: '0x00000004' },
      ...{ process: 'insmod', pid: 61, epcSym: '0x8013bf7c', raSym: '0x80139e58' },
    });
    const [oops] = oopsesOf(text);
    expect(oops.registersRead).toBe(30);
    expect(oops.registers).toMatchObject({ $4: '0x81f7c000', $25: '0x2ab0e430', $28: '0x81f7c000', $31: '0x80139e58' });
    expect(oops.callTrace).toEqual(['0x80139e58', '0x8013a0f0', '0x801066f8', '0x80103d10']);
  });

  test('2.4, 64 bits', () => {
    const text = `Cpu 0 Unable to handle kernel paging request at address 0000000000000010, epc == ffffffff80055ad0, ra == ffffffff80055aa8
Oops in fault.c::do_page_fault, line 231:
Cpu 0
$0      : 0000000000000000 0000000010001f00 0000000000000010 ffffffff802a0000
$4      : a800000001f00000 0000000000000001 0000000000000000 0000000000000008
epc     : ffffffff80055ad0    Not tainted
badvaddr: 0000000000000010
Status  : 10001fe3
Cause   : 00008008
Process swapper (pid: 1, stackpage=a800000001f00000)
`;
    expect(record(text)).toMatchObject({
      outcome: 'oops',
      oopsCount: 1,
      exccode: '02',
      badva: '0x0000000000000010',
      pid: 1,
    });
    expect(oopsesOf(text)[0]).toMatchObject({ cpu: 0, registersRead: 8, epc: '0xffffffff80055ad0' });
  });

  test('2.6.10: the fault says no CPU, a line says it, epc is followed by the taint', () => {
    const text = `Unable to handle kernel paging request at virtual address 0000a034, epc == 802199bc, ra == 8021d314
Oops[#1]:
Cpu 1
$ 0   : 00000000 1000fc00 00000004 00000000
$ 4   : 82d3e000 00000001 00000002 00000003
epc   : 802199bc shm_grab+0x14/0x54     Tainted: P     
ra    : 8021d314 shm_drop+0x5c/0x11c
Status: 1020fc03    KERNEL EXL IE 
Cause : 0080000c
BadVA : 0000a034
PrId  : 00018001
Modules linked in: wl ebtables
Process dbd (pid: 212, threadinfo=82d3e000, task=82d15720)
Stack : 00000000 00000001
Call Trace:[<802199bc>] shm_grab+0x14/0x54
[<8021d314>] shm_drop+0x5c/0x11c

Code: 00801021  8c830000 <8c620000> 00000000
`;
    expect(record(text)).toMatchObject({
      exccode: '03',
      epcSym: 'shm_grab+0x14/0x54',
      raSym: 'shm_drop+0x5c/0x11c',
      process: 'dbd',
    });
    expect(oopsesOf(text)[0]).toMatchObject({ cpu: 1, callTrace: ['shm_grab+0x14/0x54', 'shm_drop+0x5c/0x11c'] });
  });

  test.each([
    ['4.4', 'CPU: 0 PID: 61 Comm: kworker/0:1 Not tainted 4.4.100 #2'],
    ['5.15 with kdump', 'CPU: 0 PID: 61 Comm: kworker/0:1 Kdump: loaded Tainted: G           OE     5.15.60 #4'],
    ['6.12', 'CPU: 0 UID: 0 PID: 61 Comm: kworker/0:1 Tainted: G        W          6.12.5 #1'],
    ['6.19', 'CPU: 0 UID: 0 PID: 61 Comm: kworker/0:1 Not tainted 6.19.4 #2 NONE '],
    ['a name with spaces', 'CPU: 0 PID: 61 Comm: kworker/0:1 Not tainted 6.1.0 #1 Debian'],
  ])('the task as %s prints it', (_, comm) => {
    const text = `Oops[#1]:\n${comm}\nepc   : 80198c4c f+0x100/0x5d4\nra    : 80198b94 g+0x48/0x5d4\nCause : 40800008 (ExcCode 02)\nBadVA : 00000010\n`;
    expect(record(text)).toMatchObject({ process: 'kworker/0:1', pid: 61, oopsCount: 1 });
  });

  test('64 bits, all 30 registers', () => {
    const row = (i: number) =>
      `$${String(i).padStart(2)}   : ${[0, 1, 2, 3].map((k) => `98000000000000${(i + k).toString(16).padStart(2, '0')}`).join(' ')}`;
    const rows = [0, 4, 8, 12, 16, 20].map(row);
    const text = [
      'CPU 3 Unable to handle kernel paging request at virtual address 0000000600aa5801, epc == ffffffff80232838, ra == ffffffff802327ac',
      'Oops[#1]:',
      ...rows,
      '$24   : 9800000000000018 9800000000000019                                  ',
      '$28   : 980000000000001c 980000000000001d 980000000000001e ffffffff802327ac',
      'Hi    : 0000000000000001',
      'Lo    : 0000000000000002',
      'epc   : ffffffff80232838 __update_tlb+0xf0/0x258',
      'ra    : ffffffff802327ac __update_tlb+0x64/0x258',
      'Cause : 10000008 (ExcCode 02)',
      'BadVA : 0000000600aa5801',
    ].join('\n');
    const [oops] = oopsesOf(text);
    expect(oops).toMatchObject({ registersRead: 30, epcSym: '__update_tlb+0xf0/0x258' });
    expect(oops.registers).toMatchObject({
      $23: '0x9800000000000017',
      $25: '0x9800000000000019',
      $28: '0x980000000000001c',
    });
    expect(oops.registers.$26).toBeUndefined();
  });

  test('a log that begins at Oops[#11] says that ten are missing', () => {
    const text = `[   50.000000] Oops[#11]:\n[   50.000001] epc   : 80198c4c f+0x100/0x5d4\n[   50.000002] Cause : 40800008 (ExcCode 02)\n[   50.000003] BadVA : 00000010\n`;
    expect(oopsesOf(text)).toMatchObject([{ number: 11 }]);
    expect(record(text)).toMatchObject({ oopsCount: 1, firstLine: 1, outcome: 'oops' });
    expect(reportLines('x', decodeConsole(text)).join('\n')).toContain(
      'the kernel counted 10 before it: they are not in this log',
    );
  });
});

interface Foreign {
  readonly name: string;
  readonly text: string;
  readonly oops: Record<string, unknown>;
}

const FOREIGN: readonly Foreign[] = [
  {
    name: 'LoongArch',
    text: `[    0.632863] CPU 6 Unable to handle kernel paging request at virtual address ffff80000000702e, era == 900000000410645c, ra == 90000000041310b8
[    0.645489] Oops[#1]:
[    0.647740] CPU: 6 UID: 0 PID: 1 Comm: swapper/0 Not tainted 6.12.40 #23
[    0.664513] pc 900000000410645c ra 90000000041310b8 tp 9000000100608000 sp 900000010060b4f0
[    0.760000]    ra: 90000000041310b8 port_scan+0x118/0x300
[    0.760100]   ERA: 900000000410645c inb_p+0x1c/0x40
[    0.760300]  BADV: ffff80000000702e`,
    oops: {
      epcSym: 'inb_p+0x1c/0x40',
      raSym: 'port_scan+0x118/0x300',
      badva: '0xffff80000000702e',
      process: 'swapper/0',
    },
  },
  {
    name: 'RISC-V',
    text: `[    1.100000] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
[    1.100010] Oops [#1]
[    1.100020] Modules linked in:
[    1.100030] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.6.0 #1
[    1.100040] Hardware name: riscv-virtio,qemu (DT)
[    1.100050] epc : demo_probe+0x1a/0x2c
[    1.100060]  ra : platform_probe+0x4e/0x92
[    1.100070] epc : ffffffff8048a2ba ra : ffffffff803f1c1e sp : ff2000000000bbc0
[    1.100080]  gp : ffffffff810f1f20 tp : ff60000001a78000 t0 : 0000000000000000
[    1.100090] status: 0000000200000120 badaddr: 0000000000000008 cause: 000000000000000d
[    1.100100] [<ffffffff8048a2ba>] demo_probe+0x1a/0x2c
[    1.100110] ---[ end trace 0000000000000000 ]---`,
    oops: {
      epcSym: 'demo_probe+0x1a/0x2c',
      raSym: 'platform_probe+0x4e/0x92',
      badva: '0x0000000000000008',
      process: 'swapper/0',
    },
  },
  {
    name: 'AArch64',
    text: `[    2.000000] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010
[    2.000010] Mem abort info:
[    2.000020]   ESR = 0x0000000096000004
[    2.000030] [0000000000000010] user address but active_mm is swapper
[    2.000040] Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP
[    2.000050] CPU: 2 PID: 77 Comm: modprobe Not tainted 6.1.70 #1
[    2.000060] pstate: 60000005 (nZCv daif -PAN -UAO -TCO -DIT -SSBS BTYPE=--)
[    2.000070] pc : demo_init+0x14/0x1000 [demo]
[    2.000080] lr : do_one_initcall+0x50/0x2c0
[    2.000090] x29: ffff80000a5bbb00 x28: 0000000000000000
[    2.000100] Call trace:
[    2.000110]  demo_init+0x14/0x1000 [demo]
[    2.000120]  do_one_initcall+0x50/0x2c0
[    2.000130] ---[ end trace 0000000000000000 ]---`,
    oops: {
      epcSym: 'demo_init+0x14/0x1000 [demo]',
      raSym: 'do_one_initcall+0x50/0x2c0',
      badva: '0x0000000000000010',
      process: 'modprobe',
    },
  },
  {
    name: 'ARM',
    text: `[    2.000000] Unable to handle kernel NULL pointer dereference at virtual address 00000010
[    2.000010] pgd = c0004000
[    2.000020] [00000010] *pgd=00000000
[    2.000030] Internal error: Oops: 5 [#1] PREEMPT SMP ARM
[    2.000040] Modules linked in:
[    2.000050] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 4.14.90 #1
[    2.000060] PC is at demo_probe+0x14/0x60
[    2.000070] LR is at platform_drv_probe+0x50/0xb0
[    2.000080] pc : [<c0345678>]    lr : [<c0312340>]    psr: 60000013
[    2.000090] Process swapper/0 (pid: 1, stack limit = 0xce84e210)
[    2.000100] [<c0345678>] (demo_probe) from [<c0312340>] (platform_drv_probe+0x50/0xb0)`,
    oops: {
      epcSym: 'demo_probe+0x14/0x60',
      raSym: 'platform_drv_probe+0x50/0xb0',
      badva: '0x00000010',
      process: 'swapper/0',
      pid: 1,
    },
  },
  {
    name: 'ARM',
    text: `[   30.100000] Unhandled fault: imprecise external abort (0x1406) at 0x00000000
[   30.100001] Internal error: : 1406 [#1] SMP ARM
[   30.100002] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 4.19.0 #1
[   30.100003] PC is at demo_probe+0x14/0x60
[   30.100004] LR is at platform_drv_probe+0x50/0xb0
[   30.100005] pc : [<c0345678>]    lr : [<c0312340>]    psr: 60000013`,
    oops: { epcSym: 'demo_probe+0x14/0x60', raSym: 'platform_drv_probe+0x50/0xb0', process: 'swapper/0' },
  },
  {
    name: 'PowerPC',
    text: `[    3.000000] BUG: Kernel NULL pointer dereference on read at 0x00000000
[    3.000010] Faulting instruction address: 0xc0000000000a1234
[    3.000020] Oops: Kernel access of bad area, sig: 11 [#1]
[    3.000030] LE PAGE_SIZE=64K MMU=Radix SMP NR_CPUS=2048 NUMA pSeries
[    3.000040] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 5.12.0 #1
[    3.000050] NIP:  c0000000000a1234 LR: c0000000000a1200 CTR: c0000000000a0000
[    3.000060] NIP [c0000000000a1234] demo_read+0x34/0x80
[    3.000070] LR [c0000000000a1200] demo_open+0x20/0x60`,
    oops: { epcSym: 'demo_read+0x34/0x80', raSym: 'demo_open+0x20/0x60', process: 'swapper/0' },
  },
  {
    name: 's390',
    text: `[    3.000000] Unable to handle kernel pointer dereference in virtual kernel address space
[    3.000010] Failing address: 0000000000000000 TEID: 0000000000000483
[    3.000020] Oops: 0004 ilc:3 [#1] SMP
[    3.000030] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 5.12.0 #1
[    3.000040] Krnl PSW : 0704c00180000000 00000000001c0f4a (demo_read+0x2a/0x58)`,
    oops: { epcSym: 'demo_read+0x2a/0x58', badva: '0x0000000000000000', process: 'swapper/0' },
  },
  {
    name: 'SPARC',
    text: `[    3.000000] Unable to handle kernel NULL pointer dereference
[    3.000010] tsk->{mm,active_mm}->context = 0000000000000001
[    3.000020]               \\|/ ____ \\|/
[    3.000030] swapper(1): Oops [#1]
[    3.000040] CPU: 0 PID: 1 Comm: swapper Not tainted 4.14.0 #1
[    3.000050] TSTATE: 0000004411001601 TPC: 00000000004a1234 TNPC: 00000000004a1238 Y: 00000000    Not tainted
[    3.000060] TPC: <demo_read+0x34/0x80>
[    3.000070] I7: <demo_open+0x20/0x60>`,
    oops: { epcSym: 'demo_read+0x34/0x80', raSym: 'demo_open+0x20/0x60', process: 'swapper' },
  },
  {
    name: 'x86',
    text: `[    4.000000] BUG: kernel NULL pointer dereference, address: 0000000000000010
[    4.000010] #PF: supervisor read access in kernel mode
[    4.000020] #PF: error_code(0x0000) - not-present page
[    4.000030] Oops: 0000 [#1] PREEMPT SMP NOPTI
[    4.000040] CPU: 1 PID: 300 Comm: insmod Tainted: G           O      6.1.0 #1
[    4.000050] RIP: 0010:demo_init+0x14/0x1000 [demo]
[    4.000060] CR2: 0000000000000010 CR3: 0000000102a34000 CR4: 00000000000006e0
[    4.000070] Call Trace:
[    4.000080]  <TASK>
[    4.000090]  do_one_initcall+0x5d/0x300
[    4.000100] ---[ end trace 0000000000000000 ]---`,
    oops: {
      epcSym: expect.stringContaining('demo_init+0x14/0x1000') as string,
      badva: '0x0000000000000010',
      process: 'insmod',
      exccode: '0000',
    },
  },
];

describe('other architectures are named, and not read as MIPS', () => {
  test.each(FOREIGN)('$name', ({ name, text, oops }) => {
    const decoded = record(text);
    expect(decoded).toMatchObject({ architecture: name, oopsCount: 1, outcome: 'oops', verdict: 'CRASH' });
    expect(decoded.oopses[0]).toMatchObject(oops);
    expect(decoded.oopses[0]).toMatchObject({ registers: name === 'x86' ? expect.anything() : {} });
    if (name === 'x86') return;
    expect(decoded.family).toBe('not-mips');
    const report = reportLines('x', decodeConsole(text)).join('\n');
    expect(report).toContain(`not MIPS: ${name}`);
    expect(report).not.toMatch(/ExcCode|BadVA|registers read/);
    // The same without time stamps, and through syslog.
    const bare = text.replace(/^\[ *\d+\.\d+\] /gm, '');
    for (const other of [bare, bare.replace(/^/gm, 'Apr 26 10:18:20 host kernel: ')])
      expect(record(other)).toMatchObject({ architecture: name, oopsCount: 1, epcSym: oops.epcSym });
  });
});
