// What the page shows of a real boot against what the machine and the allocator say themselves.
import { beforeAll, describe, expect, test } from 'vitest';
import { loadEngine } from '../../../emu/unicorn/choose.js';
import type { EngineLibrary } from '../../../emu/unicorn/engine.js';
import { bootOnce, type BootOptions, type BootParts, type BootResult } from '../../kernel/boot.js';
import { BOOT_LAYOUTS } from '../../layouts/boot-layouts.js';
import { CHUNK, chunkPages, FILL_SHIFT, PAGE } from './chunk-pages.js';
import { describe as describeEvent } from './describe.js';
import { EventTable, eventColumns } from './event-table.js';
import { frameOwners, OWNER_SHIFT } from './frame-owners.js';
import { TlbRecorder } from './tlb-recorder.js';
import { Track } from './track.js';
import { tlbViews } from './translations.js';

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
    controllers: 3,
    disks: 4,
    memoryMB: 128,
    seed: 1,
    ...change,
  });
}

const eventText = (result: BootResult): string => result.log.events.map((event) => JSON.stringify(event)).join('\n');

test('watching changes nothing, and others can watch at the same time', () => {
  const recorder = new TlbRecorder();
  let before = 0;
  let behind = 0;
  const watched = boot({
    controllers: 1,
    attach: (parts) => {
      parts.log.onEvent = () => before++;
      recorder.attach(parts);
      const { onEvent } = parts.log;
      parts.log.onEvent = (event) => {
        onEvent?.(event);
        behind++;
      };
    },
  });
  expect(recorder.snapshots.length).toBeGreaterThan(20);
  expect(before).toBeGreaterThan(5000);
  expect(behind).toBe(before);
  expect(recorder.snapshots.at(-1)!.seq).toBeLessThan(watched.log.events.length);
  const alone = boot({ controllers: 1 });
  expect(eventText(watched)).toBe(eventText(alone));
  expect(watched.console).toEqual(alone.console);
});

describe.each([
  ['the first bad kernel', {}],
  ['the fixed kernel', { kernel: '93274f1dd6b0', controllers: 1 }],
  ['a TLB without shadows', { tlb: 'hardware' }],
] as const)('a boot of %s', (_title, change) => {
  const recorder = new TlbRecorder();
  let result: BootResult;
  let parts: BootParts;
  /** The TLB at every event from the first one watched on. */
  const tlbs: string[] = [];
  let watching = 0;
  beforeAll(() => {
    result = boot({
      ...change,
      attach: (all) => {
        parts = all;
        recorder.attach(all);
        watching = all.log.events.length;
        const next = all.log.onEvent;
        all.log.onEvent = (event) => {
          next?.(event);
          tlbs.push(JSON.stringify(all.machine.board.cpu.tlb()));
        };
      },
    });
  }, 120_000);

  test('no change of the TLB is missed', () => {
    const snapshots = [...recorder.snapshots];
    let current = '';
    tlbs.forEach((tlb, i) => {
      const seq = watching + i;
      if (snapshots[0]?.seq === seq) current = JSON.stringify(snapshots.shift()!.entries);
      if (tlb !== current) expect.fail(`event ${seq}: the TLB is another one than the last snapshot`);
    });
    expect(snapshots).toEqual([]);
  });

  test('every event reads the same from the page as from the log', () => {
    const { events } = result.log;
    const table = new EventTable(JSON.parse(JSON.stringify(eventColumns(events))));
    for (const event of events)
      if (describeEvent(table.at(event.seq)) !== describeEvent(event))
        expect(describeEvent(table.at(event.seq))).toBe(describeEvent(event));
    expect(table.length).toBe(events.length);
  });

  test('stale pages are there whenever the log has a stale store through them', () => {
    const { events } = result.log;
    const views = tlbViews(events, recorder.snapshots, recorder.pageSize);
    let stores = 0;
    for (const event of events) {
      if (event.type !== 'stale_access') continue;
      stores++;
      const view = views.findLast(({ seq }) => seq <= event.seq)!;
      const page = event.va - (event.va % recorder.pageSize);
      expect([event.seq, view.stale.get(page)]).toEqual([event.seq, event.frame]);
    }
    expect(stores).toBe(result.counters.staleStores);
  });

  test("pages that are populated and empty are as many as the allocator's own counter", () => {
    const { events } = result.log;
    const pages = chunkPages(events, [], recorder.pageSize, recorder.firstChunkHidden);
    const cells = new Track(pages.cells);
    const status = new Track(pages.status);
    let compared = 0;
    for (const event of events) {
      if (event.type !== 'percpu_free') continue;
      cells.seek(event.seq);
      status.seek(event.seq);
      const empty = pages.chunks
        .filter((_, row) => status.values[row] === CHUNK.ACTIVE)
        .flatMap(({ firstCell, pages: count }) => [...cells.values.subarray(firstCell, firstCell + count)])
        .filter((value) => (value & ((1 << FILL_SHIFT) - 1)) === PAGE.EMPTY);
      if (empty.length !== event.emptyPages) expect([event.seq, empty.length]).toEqual([event.seq, event.emptyPages]);
      compared++;
    }
    expect(compared).toBeGreaterThan(1000);
  });

  test('owners are those of the page allocator', () => {
    const { events } = result.log;
    const data = frameOwners(events, []);
    const bare = (name: string): string => name.replace(/^slab |^pages of |\(\)$/g, '');
    const track = new Track(data.track);
    const ownerOf = (slot: number): string => bare(data.owners[(track.values[slot]! >> OWNER_SHIFT) - 1] ?? 'free');
    for (const event of events) {
      if (event.type !== 'stale_access') continue;
      track.seek(event.seq);
      const owner = ownerOf(data.frames.indexOf(event.frame));
      if (owner !== event.owner) expect([event.seq, owner]).toEqual([event.seq, event.owner]);
    }
    track.seek(events.length);
    const named = (frame: number): string => parts.pages.ownerName(frame).replace('page-table', 'page table');
    const shown = data.frames.map((frame, slot) => [frame, ownerOf(slot)]);
    expect(shown).toEqual(data.frames.map((frame) => [frame, named(frame)]));
  });
});
