// Consoles of simulated boots: what decode reads in them against what the boot knows.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../emu/unicorn/engine.js';
import { SEED } from '../experiments/test-seeds.js';
import { bootOnce, type BootResult } from '../kernel/boot.js';
import type { KernelName } from '../kernel/kernels.js';
import { BOOT_LAYOUTS } from '../layouts/boot-layouts.js';
import { decodeConsole } from './console.js';
import { PageHistory } from './page-history.js';
import { consoleRecord } from './record.js';

let engine: EngineLibrary;
beforeAll(async () => {
  engine = await loadEngine();
});

function boot(kernel: KernelName, seed: number): BootResult {
  const options = { tlb: 'qemu', cpu: '24Kf', cpus: 1, controllers: 3, disks: 4, memoryMB: 128 } as const;
  return bootOnce({ engine, kernel, layout: BOOT_LAYOUTS['malta-4k'], seed, ...options });
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** What the boot's event log says, in the table's columns. */
function known({ outcome, panic, log }: BootResult): Record<string, unknown> {
  const oopses = log.events.filter((event) => event.type === 'oops');
  const common = { outcome, panic: panic ?? '', oopsCount: oopses.length };
  const [first] = oopses;
  if (first === undefined) return common;
  const task = log.events.find((event) => event.type === 'task' && event.task === first.pid);
  return {
    ...common,
    exccode: hex(first.exccode).slice(-2),
    badva: `0x${hex(first.badva)}`,
    epcSym: first.epcSym,
    raSym: first.raSym,
    process: task?.type === 'task' ? task.comm : '',
  };
}

describe('consoles of simulated boots say what happened', () => {
  test.each([...Object.values(SEED), 3, 4, 5])('first bad kernel, seed %i', (seed) => {
    const result = boot('f183324133ea', seed);
    const lines = result.console;
    expect(consoleRecord('boot', decodeConsole(lines))).toMatchObject(known(result));
    // The same without printk's time stamps.
    const bare = lines.map((line) => line.replace(/^\[ *\d+\.\d+\] /, ''));
    expect(consoleRecord('boot', decodeConsole(bare))).toMatchObject(known(result));
  });

  test.each([SEED.crash, SEED.laterOops])('its event log tells which store went into the victim, seed %i', (seed) => {
    const { log, console } = boot('f183324133ea', seed);
    const events = new PageHistory();
    for (const event of log.events) events.addEvent(event);
    const { victims } = decodeConsole(console, { events });
    const stores = victims.flatMap(({ address, page }) => (page?.staleStore ? [{ address, ...page.staleStore }] : []));
    expect(stores.length).toBeGreaterThan(0);
    for (const { address, event, va, size } of stores) {
      const physical = parseInt(address, 16) & 0x1fff_ffff;
      expect(log.events[event]).toMatchObject({ type: 'stale_access', write: true, frame: physical >>> 12, va, size });
      expect(physical % 4096).toBeGreaterThanOrEqual(va % 4096);
      expect(physical % 4096).toBeLessThan((va % 4096) + size);
    }
    expect(decodeConsole(console).victims).toEqual([]);
  });

  test('a clean boot ends by switching off', () => {
    const result = boot('93274f1dd6b0', 1);
    expect(result.outcome).toBe('clean');
    const decoded = decodeConsole(result.console);
    expect(decoded).toMatchObject({ outcome: 'clean', end: 'exit', verdict: 'ok', oopsCount: 0 });
    // What is cut off before init is a stall of the kernel, not of QEMU's clock.
    const cut = decodeConsole(result.console.slice(0, 60));
    expect(cut).toMatchObject({ outcome: 'stall', firstSymptom: 'pure_stall' });
  });
});
