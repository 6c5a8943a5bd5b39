// Whole boots on the committed guest image, few of them: what a user could see.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { decodeConsole } from '../decode/index.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import { bootOnce, type BootOptions, type BootResult } from './boot.js';

let engine: EngineLibrary;
beforeAll(async () => {
  engine = await loadEngine();
});

function boot(change: Partial<BootOptions> = {}): BootResult {
  return bootOnce({
    engine,
    kernel: 'f183324133ea',
    layout: BOOT_LAYOUTS['malta-4k'],
    tlb: 'qemu',
    cpu: '24Kf',
    cpus: 1,
    controllers: 1,
    disks: 4,
    memoryMB: 128,
    seed: 1,
    ...change,
  });
}

const text = (result: BootResult): string =>
  [...result.console, ...result.log.events.map((e) => JSON.stringify(e))].join('\n');

describe('a fixed kernel', () => {
  let clean: BootResult;
  beforeAll(() => {
    clean = boot({ kernel: '93274f1dd6b0' });
  });

  test('reaches init', () => {
    expect(clean.outcome).toBe('clean');
    expect(clean.console.join('\n')).toContain('Run /sbin/init as init process');
    expect(clean.console.filter((line) => line.includes('Attached SCSI disk'))).toHaveLength(4);
  });

  test('allocates for every target what the recorded kernel allocates, and frees it for the absent ones', () => {
    const targets = 512;
    const scan = clean.log.events.filter((e) => e.type === 'percpu_alloc' && e.pid !== 1 && e.size === 640);
    expect(scan).toHaveLength(targets);
    const freed = (caller: string): number =>
      clean.log.events.filter((e) => e.type === 'percpu_free' && e.caller === caller).length;
    for (const caller of [
      'blk_mq_sysfs_release',
      'scsi_device_dev_release_usercontext',
      'blk_stat_free_callback_rcu',
      '__percpu_ref_exit',
    ])
      expect([caller, freed(caller)]).toEqual([caller, targets - 4]);
  });

  test('has its SCSI host wait for kthreadd, who makes its threads', () => {
    const { events } = clean.log;
    const made = events.flatMap((e) => (e.type === 'task' && /^scsi_/.test(e.comm) ? [[e.comm, e.pid]] : []));
    expect(made).toEqual([
      ['scsi_eh_0', 2],
      ['scsi_tmf_0', 2],
    ]);
    const at = (text: string): number => events.findIndex((e) => e.type === 'printk' && e.text.includes(text));
    const probe = events.slice(at('enabling device'), at('32 bit DMA mask'));
    expect(probe.filter((e) => e.type === 'switch' && e.from === 1)).toHaveLength(2);
  });

  test('flushes after every chunk it takes pages from and never uses a stale translation', () => {
    expect(clean.counters.depopulatedPages).toBeGreaterThan(0);
    expect(clean.counters.tlbFlushes).toBeGreaterThan(0);
    expect(clean.counters.staleStores).toBe(0);
    expect(clean.counters.repopulatedStale).toBe(0);
  });
});

describe('the first bad kernel', () => {
  test('crashes on most seeds with three controllers, each crash after a store through a stale translation', () => {
    const results = [1, 2, 3, 4].map((seed) => boot({ seed, controllers: 3 }));
    const crashes = results.filter((result) => result.outcome !== 'clean');
    expect(crashes.length).toBeGreaterThan(0);
    for (const { log, console } of crashes) {
      const stale = log.events.findIndex((e) => e.type === 'stale_access');
      const oops = log.events.findIndex((e) => e.type === 'oops');
      expect(stale).toBeGreaterThan(0);
      if (oops >= 0) expect(stale).toBeLessThan(oops);
      expect(decodeConsole(console).outcome).not.toBe('clean');
    }
  });

  test('does the same again with the same seed, also without the C hooks', () => {
    const once = text(boot({ seed: 5 }));
    expect(text(boot({ seed: 5 }))).toBe(once);
    expect(text(boot({ seed: 5, shim: false }))).toBe(once);
    expect(text(boot({ seed: 6 }))).not.toBe(once);
  });

  test('has nothing to give back with chunks of 512 pages', () => {
    const { outcome, counters } = boot({ layout: BOOT_LAYOUTS['x86-like'] });
    expect(outcome).toBe('clean');
    expect(counters.depopulatedPages).toBe(0);
  });
});

// In real kernels three unbound workers are idle when drivers load with 4 KB pages, two with 16 KB (pids in their logs): there the second
// host's scan takes the last one, which first has another made, and that one gets its turn when the first host's scan is over.
test.each([
  ['malta-4k', true],
  ['malta', false],
] as const)('scans of two hosts overlap where a worker is idle for each (%s: %s)', (layout, overlap) => {
  for (const seed of [1, 2, 3]) {
    const { log } = boot({ kernel: '93274f1dd6b0', layout: BOOT_LAYOUTS[layout], controllers: 3, seed });
    const at = (what: string, host: number): number =>
      log.events.findIndex((event) => event.type === 'milestone' && event.what === what && event.host === host);
    expect(at('scan_start', 1)).toBeGreaterThan(at('scan_start', 0));
    expect(at('scan_start', 1) < at('scan_end', 0), `seed ${seed}`).toBe(overlap);
  }
});

test('a disk that is found answers 18 commands of the scan, each with an interrupt of its own', () => {
  const interrupts = (disks: number): number =>
    boot({ kernel: '93274f1dd6b0', disks }).log.events.filter(({ type }) => type === 'irq').length;
  expect(interrupts(4) - interrupts(1)).toBeGreaterThanOrEqual(3 * 18);
});

test('v5.13 destroys chunks as a whole and never takes single pages away', () => {
  const { outcome, log, counters } = boot({ kernel: 'v5.13', controllers: 3 });
  expect(outcome).toBe('clean');
  expect(counters.repopulatedPages).toBe(0);
  expect(log.events.some((e) => e.type === 'isolate')).toBe(false);
});

test('too little memory is said in one line', () => {
  expect(() => boot({ memoryMB: 16 })).toThrow(/--memory 16/);
});
