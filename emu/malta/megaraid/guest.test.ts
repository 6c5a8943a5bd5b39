// The guest's driver (emu/guest/drivers) against the controller model on the emulated board. The host stands in for the
// kernel's memory and scheduler; emu/guest/selftest/megaraid.c is the guest's side.

import { describe, expect, it } from 'vitest';
import { loadTestEngine } from '../../unicorn/test-engine.js';
import type { GuestFunction } from '../doorbell.js';
import { Machine } from '../machine.js';
import { RamBusMaster } from './bus-master.js';
import type { CommandLatency, MegaRaidController } from './controller.js';
import * as mfi from './mfi.js';
import { addMegaRaidControllers, FIRST_SLOT } from './pci-device.js';
import * as reg from './registers.js';
import { Timeline } from './test-driver.js';

// emu/guest/kernel/hostcalls.h
const HC = {
  PRINTK: 16,
  PCPU_ALLOC: 17,
  ALLOC_PAGES: 19,
  FREE_PAGES: 20,
  SCHEDULE: 21,
  WAKE_UP: 22,
  RAISE_SOFTIRQ: 26,
  STEP: 27,
  NEW_CACHE: 31,
};
const PAGE = 4096;
const HEAP = 0x0100_0000;

interface BootOptions {
  maxCommands?: number;
  slots?: number;
  /** Brings controllers into another state than that after power-on. */
  prepare?: (controllers: MegaRaidController[], ram: DataView) => void;
}

/** Runs the guest program and gives its console, the number of controllers that came up, and simulated seconds. */
function boot(
  disks: number[],
  latency: CommandLatency,
  { maxCommands, slots = disks.length, prepare }: BootOptions = {},
): { lines: string[]; controllers: number | undefined; interrupts: number; seconds: number } {
  const machine = new Machine({ engine, memoryMB: 32, pageSize: PAGE });
  const { board } = machine;
  const timeline = new Timeline();
  const lines: string[] = [];
  const asserted = new Set<number>();
  let interrupts = 0;
  let softirq = false;
  let free = HEAP;
  const take = (bytes: number): number => {
    const at = free;
    free += Math.ceil(bytes / PAGE) * PAGE;
    if (free > board.cpu.ram.length) throw new Error('the test has run out of pages');
    return (0x8000_0000 + at) >>> 0;
  };
  const added = addMegaRaidControllers(
    {
      pci: board.pci,
      bus: new RamBusMaster(() => board.cpu.ram),
      schedule: (delay, run) => timeline.schedule(delay, run),
      setInterrupt(index, on) {
        if (on) asserted.add(index);
        else asserted.delete(index);
      },
    },
    disks,
    latency,
    maxCommands,
  );
  prepare?.(added, board.cpu.view);
  /** Time passes; what has come in is handled in the caller's context, as an interrupt on its stack would be. */
  function* pass(seconds: number): Generator<GuestFunction, number, number> {
    timeline.advance(seconds);
    if (asserted.size > 0) {
      interrupts++;
      yield machine.fn('megasas_interrupt');
    }
    if (softirq) {
      softirq = false;
      yield machine.fn('blk_done_softirq');
    }
    return 0;
  }
  machine.onHostCall(HC.PRINTK, (_level, text) => void lines.push(machine.readString(text).trimEnd()));
  machine.onHostCall(HC.PCPU_ALLOC, (size) => take(size));
  machine.onHostCall(HC.ALLOC_PAGES, (order) => take(PAGE << order));
  machine.onHostCall(HC.FREE_PAGES, () => 0);
  machine.onHostCall(HC.WAKE_UP, () => 0);
  machine.onHostCall(HC.NEW_CACHE, () => 0);
  machine.onHostCall(HC.RAISE_SOFTIRQ, () => void (softirq = true));
  machine.onHostCall(HC.SCHEDULE, () => pass(1e-6));
  machine.onHostCall(HC.STEP, () => pass(1e-3));
  try {
    const map = take(2 * PAGE * 64);
    const controllers = machine.start('megaraid_selftest', board.cpu.ram.length / PAGE, map, FIRST_SLOT, slots);
    return { lines, controllers, interrupts, seconds: timeline.now };
  } finally {
    machine.close();
  }
}

const engine = await loadTestEngine();
const QEMU = { command: 0, medium: 0 };

describe('the guest driver', () => {
  it('prints what the real driver prints on the ground-truth console, in its order', () => {
    const { lines, controllers } = boot([1], QEMU);
    expect(controllers).toBe(1);
    const start = lines.findIndex((line) => line.startsWith('megasas: '));
    const end = lines.findIndex((line) => line.includes('Max firmware commands'));
    const printed = lines.slice(start, end + 1).map((line) => line.replace('megaraid_sas 0000:00:14.0: ', '* '));
    // ground-truth/consoles/fixed4k-24Kf-megasas-1disk, without addresses
    expect(printed.filter((line) => !line.includes('BAR:0x0'))).toEqual([
      'megasas: 07.719.03.00-rc1',
      '* enabling device (0000 -> 0002)',
      '* FW now in Ready state',
      '* 32 bit DMA mask and 32 bit consistent mask',
      '* current msix/online cpus\t: (0/1)',
      '* RDPQ mode\t: (disabled)',
      '* controller type\t: MR(512MB)',
      '* Online Controller Reset(OCR)\t: Enabled',
      '* Secure JBOD support\t: No',
      '* NVMe passthru support\t: No',
      '* FW provided TM TaskAbort/Reset timeout\t: 0 secs/0 secs',
      '* JBOD sequence map support\t: No',
      '* PCI Lane Margining support\t: No',
      '* megasas_init_mfi: fw_support_ieee=0',
      '* INIT adapter done',
      '* JBOD sequence map is disabled megasas_setup_jbod_map 5802',
      '* pci id\t\t: (0x1000)/(0x0060)/(0x1000)/(0x1013)',
      '* unevenspan support\t: no',
      '* firmware crash dump\t: no',
      '* JBOD sequence map\t: disabled',
      '* Max firmware commands: 999 shared with default hw_queues = 1 poll_queues 0',
    ]);
    expect(lines.filter((line) => line.startsWith('pci 0000:00:14.0: ') && !line.includes('assigned'))).toEqual([
      'pci 0000:00:14.0: [1000:0060] type 00 class 0x010400',
      'pci 0000:00:14.0: BAR 0 [mem 0x00000000-0x00003fff 64bit]',
      'pci 0000:00:14.0: BAR 2 [io  0x0000-0x00ff]',
      'pci 0000:00:14.0: BAR 3 [mem 0x00000000-0x0003ffff 64bit]',
    ]);
  });

  it('prints the command limit of the 2021 report', () => {
    const { lines } = boot([1], QEMU, { maxCommands: 1008 });
    expect(lines).toContain(
      'megaraid_sas 0000:00:14.0: Max firmware commands: 1007 shared with default hw_queues = 1 poll_queues 0',
    );
  });

  it.each([
    ['at once, as in QEMU', QEMU],
    ['later', { command: 20e-6, medium: 120e-6 }],
  ])('finds two disks among 512 targets and reads one, the firmware answering %s', (_when, latency) => {
    const { lines, interrupts } = boot([2], latency);
    expect(lines).toContain('can queue 967, aen 0');
    expect(lines.filter((line) => line.startsWith('found 2:'))).toEqual([
      'found 2:0 QEMU    QEMU HARDDISK   2.5+',
      'found 2:1 QEMU    QEMU HARDDISK   2.5+',
    ]);
    // 256 physical targets are refused. Of the 254 logical ones 126 (ids below 64) are the firmware's answer.
    expect(lines).toContain(
      'found 2 refused 256 bad target 254 other 0 then no connect 254 outstanding 0 commands 999',
    );
    expect(lines.slice(-7)).toEqual([
      'ready 2 sense 4 44 0',
      'capacity 0 last block 49151',
      'read 0 magic ef53',
      'write 0',
      'read back 0 5a 5a',
      'beyond 2 sense 5 21',
      'sync 0',
    ]);
    // 128 INQUIRY commands, one event log query, six disk commands; what the driver refuses never interrupts.
    expect(interrupts).toBe(128 + 1 + 6);
  });

  it('brings up three controllers that share a line, two of them empty', () => {
    const { lines, controllers } = boot([8, 0, 0], { command: 5e-6, medium: 5e-6 });
    expect(controllers).toBe(3);
    expect(lines.filter((line) => /^found \d refused/.test(line))).toEqual([
      'found 8 refused 256 bad target 248 other 0 then no connect 248 outstanding 0 commands 999',
      'found 0 refused 256 bad target 256 other 0 then no connect 256 outstanding 0 commands 999',
      'found 0 refused 256 bad target 256 other 0 then no connect 256 outstanding 0 commands 999',
    ]);
  });

  it('finds nothing in an empty slot', () => {
    expect(boot([1], QEMU, { slots: 2 }).controllers).toBe(1);
  });

  it('gives up on firmware that has stopped', () => {
    const { lines, controllers } = boot([1], QEMU, {
      prepare: ([controller]) => controller.writeUint32(reg.MFI_IDB, reg.MFI_FWINIT_STOP_ADP),
    });
    expect(controllers).toBe(0);
    expect(lines.slice(-3)).toEqual([
      'megaraid_sas 0000:00:14.0: FW in FAULT state, Fault code:0x500000 subcode:0x300 func:megasas_transition_to_ready',
      'megaraid_sas 0000:00:14.0: Failed to transition controller to ready from megasas_init_fw!',
      'megaraid_sas 0000:00:14.0: Failed from megasas_init_fw',
    ]);
  });

  it('resets a controller that an earlier kernel has left operational', () => {
    const { lines, controllers } = boot([1], QEMU, {
      prepare([controller], ram) {
        // An INIT frame of that kernel, its queue information behind it, and queue and indices in the next pages.
        const frame = 0x0080_0000;
        ram.setUint32(frame + mfi.INIT_QINFO_LO, frame + 64, true);
        ram.setUint32(frame + 64 + mfi.QINFO_ENTRIES, 8, true);
        ram.setUint32(frame + 64 + mfi.QINFO_REPLY_QUEUE, frame + PAGE, true);
        ram.setUint32(frame + 64 + mfi.QINFO_PRODUCER, frame + 2 * PAGE, true);
        ram.setUint32(frame + 64 + mfi.QINFO_CONSUMER, frame + 2 * PAGE + 4, true);
        controller.writeUint32(reg.MFI_IQP, frame);
        const state = (controller.readUint32(reg.MFI_OSP0) & reg.MFI_FWSTATE_MASK) >>> 0;
        expect(state).toBe(reg.MFI_FWSTATE_OPERATIONAL);
      },
    });
    expect(controllers).toBe(1);
    const waiting = lines.indexOf('megaraid_sas 0000:00:14.0: Waiting for FW to come to ready state');
    expect(waiting).toBeGreaterThan(0);
    expect(lines[waiting + 1]).toBe('megaraid_sas 0000:00:14.0: FW now in Ready state');
  });

  it('behaves the same every time', () => {
    const latency = { command: 20e-6, medium: 120e-6 };
    expect(boot([1], latency)).toEqual(boot([1], latency));
  });
});
