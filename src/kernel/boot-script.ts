// What kernel_init does, in order and with its times: the per-CPU allocations of a recorded boot (fixtures/boot), and
// between them what the model does itself: block layer, kernfs, driver registrations, the MegaRAID probes, the root mount.
import { assets } from '../assets/assets.js';

/** emu/guest/kernel/initcall.h */
export const INITCALL = {
  PERCPU: 0,
  PERCPU_TMP: 1,
  KOBJECTS: 2,
  MEGARAID: 3,
  BLOCK: 4,
  KERNFS: 5,
  WAIT: 6,
  PRINT: 7,
  KMALLOC: 8,
  INIT: 9,
  LATE_SLAB: 10,
  FREE: 11,
} as const;

export interface Initcall {
  kind: number;
  size: number;
  align: number;
  /** Name of the kernel function that the events carry, or a console text. */
  text: string;
  /** Microseconds of CPU time before it, and of sleep. */
  busy: number;
  sleep: number;
  /** Row of the table, -1 for the model's own. */
  row: number;
}

interface Row {
  t: number;
  type: 'A' | 'F';
  size: number;
  align: number;
  caller: string;
}

/**
 * Once scans run, a longer gap between two of kernel_init's allocations is sleep and other tasks' time, not its own: the
 * two gaps of ata_piix are 52 and 18 ms, 52 and 20 ms, 29 and 108 ms in the boots with 1, 1 and 3 controllers.
 */
const MAX_BUSY_US = 5_000;
const MAX_SLEEP_US = 20_000;
/** A gap after the probes longer than this is the wait for the disks. */
const ROOT_WAIT_US = 100_000;

/** Console lines and registrations of a recorded boot by time, microseconds; without what the model prints itself. */
const LINES: readonly (readonly [number, string])[] = [
  [4_700, 'Calibrating delay loop... 2125.00 BogoMIPS (lpj=10625024)'],
  [61_000, 'pid_max: default: 4096 minimum: 301'],
  [65_000, 'Mount-cache hash table entries: 1024 (order: 0, 4096 bytes, linear)'],
  [120_000, 'rcu: Hierarchical SRCU implementation.'],
  [150_000, 'smp: Brought up 1 node, 1 CPU'],
  [155_000, 'devtmpfs: initialized'],
  [163_000, 'NET: Registered PF_NETLINK/PF_ROUTE protocol family'],
  [194_000, 'SCSI subsystem initialized'],
  [203_000, 'PCI host bridge to bus 0000:00'],
  [231_000, 'NET: Registered PF_INET protocol family'],
  [240_000, 'NET: Registered PF_UNIX/PF_LOCAL protocol family'],
  [249_000, 'Block layer SCSI generic (bsg) driver version 0.4 loaded (major 254)'],
  [262_000, 'Serial: 8250/16550 driver, 4 ports, IRQ sharing disabled'],
  [292_000, 'brd: module loaded'],
  [300_600, 'loop: module loaded'],
  [319_600, 'ata_piix 0000:00:0a.1: version 2.13'],
  [393_000, 'Fusion MPT base driver 3.04.20'],
  [393_500, 'Fusion MPT SAS Host driver 3.04.20'],
  [398_000, 'rtc_cmos 70.rtc: registered as rtc0'],
  [399_500, 'NET: Registered PF_INET6 protocol family'],
  [412_700, 'NET: Registered PF_PACKET protocol family'],
];

/** Drivers and devices registered, by time: kobjects and sysfs attributes of each. */
const REGISTRATIONS: readonly (readonly [number, string, number, number])[] = [
  [156_000, 'bus', 12, 4],
  [194_500, 'scsi', 6, 5],
  [203_500, 'pci', 14, 9],
  [250_000, 'bsg', 3, 4],
  [263_000, 'tty', 30, 6],
  [293_000, 'ram', 16, 12],
  [300_700, 'loop', 8, 12],
  [372_500, 'ata', 6, 8],
  [393_200, 'mptbase', 2, 5],
  [393_700, 'mptsas', 2, 5],
  [398_200, 'rtc', 3, 8],
  [399_000, 'uas', 2, 5],
  [400_500, 'inet6', 4, 6],
  [413_000, 'packet', 2, 4],
];

function readTable(name: string): Row[] {
  const rows: Row[] = [];
  for (const line of assets().bootTable(name).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [t, type, size, align, caller] = line.split('\t') as [string, 'A' | 'F', string, string, string];
    rows.push({ t: Number(t), type, size: Number(size), align: Number(align), caller });
  }
  return rows;
}

/** Steps by table and slots: every boot of a sweep goes through the same. */
const scripts = new Map<string, readonly Readonly<Initcall>[]>();

/** The table of fixtures/boot for pages of this size in bytes: a recorded boot of such a kernel. */
export function bootTable(pageSize: number): string {
  return pageSize === 16384 ? 'malta' : 'malta-4k';
}

export class BootScript {
  readonly #calls: readonly Readonly<Initcall>[];
  #at = 0;
  /** Allocations the guest's own code has made in place of table rows, by caller and size. */
  readonly #done = new Map<string, number>();

  /**
   * @param table malta or malta-4k @param slots PCI slots of the controllers
   */
  constructor(table: string, slots: readonly number[]) {
    const key = `${table} ${slots.join(' ')}`;
    let calls = scripts.get(key);
    if (!calls) scripts.set(key, (calls = build(readTable(table), slots)));
    this.#calls = calls;
  }

  /** The guest has made this allocation outside of a row: the row that stands for it is skipped. */
  replaces(caller: string, size: number): void {
    const key = `${caller.split('.')[0]!} ${size}`;
    this.#done.set(key, (this.#done.get(key) ?? 0) + 1);
  }

  /** The next thing to do; undefined at the end. */
  next(): Readonly<Initcall> | undefined {
    for (;;) {
      const call = this.#calls[this.#at++];
      if (call === undefined) return undefined;
      if (call.kind === INITCALL.PERCPU) {
        const key = `${call.text.split('.')[0]!} ${call.size}`;
        const done = this.#done.get(key) ?? 0;
        if (done > 0) {
          this.#done.set(key, done - 1);
          continue;
        }
      }
      return call;
    }
  }
}

function build(rows: readonly Row[], slots: readonly number[]): Initcall[] {
  const probeRow = findProbe(rows);
  const timed: { t: number; call: Initcall }[] = [];
  const own = (t: number, kind: number, size = 0, align = 0, text = ''): void => {
    timed.push({ t, call: { kind, size, align, text, busy: 0, sleep: 0, row: -1 } });
  };
  const first = (caller: string, type = 'A'): number =>
    rows.find((row) => row.caller === caller && row.type === type)?.t ?? 0;
  own(first('do_tune_cpucache', 'F') - 0.5, INITCALL.LATE_SLAB);
  own(first('alloc_vfsmnt') - 0.5, INITCALL.KERNFS);
  own(first('bioset_init') - 0.5, INITCALL.BLOCK);
  for (const [t, text] of LINES) own(t, INITCALL.PRINT, 0, 0, text);
  for (const [t, name, count, attributes] of REGISTRATIONS) own(t, INITCALL.KOBJECTS, count, attributes, name);
  const probe = rows[probeRow]!.t;
  // What else is in use of kmalloc-4k: in real kernels with 16 KB pages (on the board) each host's tag map is the first of the four
  // objects of a page, and its tables of requests come behind it.
  own(probe - 0.01, INITCALL.KMALLOC, 4096, 1);
  slots.forEach((slot, i) => own(probe + i * 0.01, INITCALL.MEGARAID, slot, i));
  let previous = 0;
  let waited = false;
  rows.forEach((row, i) => {
    if (i === probeRow) return;
    if (!waited && i > probeRow && row.t - previous > ROOT_WAIT_US) {
      waited = true;
      own(row.t - 0.7, INITCALL.WAIT);
      own(
        row.t - 0.6,
        INITCALL.PRINT,
        0,
        0,
        'EXT4-fs (sda): mounted filesystem without journal. Quota mode: disabled.',
      );
      own(row.t - 0.5, INITCALL.PRINT, 0, 0, 'VFS: Mounted root (ext4 filesystem) on device 8:0.');
    }
    previous = row.t;
    const kind = row.type === 'A' ? INITCALL.PERCPU : INITCALL.FREE;
    timed.push({
      t: row.t,
      call: { kind, size: row.size, align: row.align, text: row.caller, busy: 0, sleep: 0, row: i },
    });
  });
  own(previous + 1, INITCALL.PRINT, 0, 0, 'Freeing unused kernel image (initmem) memory: 264K');
  own(previous + 2, INITCALL.PRINT, 0, 0, 'Run /sbin/init as init process');
  own(previous + 3, INITCALL.INIT);
  timed.sort((a, b) => a.t - b.t);
  let last = 0;
  return timed.map(({ t, call }) => {
    const gap = t - last;
    if (t <= probe || gap <= MAX_BUSY_US) call.busy = gap;
    else call.sleep = Math.min(gap, MAX_SLEEP_US);
    last = t;
    return call;
  });
}

/** The allocation that the first MegaRAID host's tag set makes: the first hint after the last loop device's queue. */
function findProbe(rows: readonly Row[]): number {
  let queue = -1;
  rows.forEach((row, i) => {
    if (row.caller === 'blk_mq_init_allocated_queue') queue = i;
  });
  const index = rows.findIndex((row, i) => i > queue && row.caller === 'sbitmap_init_node');
  if (index < 0) throw new Error('the boot table has no SCSI host');
  return index;
}
