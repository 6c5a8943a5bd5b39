// Which register points into a freed per-CPU page: recorded crashes against the attribution made by hand, and small logs.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeConsole } from './console.js';
import { PageHistory } from './page-history.js';

const fixture = (name: string) =>
  zlib
    .gunzipSync(
      fs.readFileSync(fileURLToPath(new URL(`../../fixtures/consoles/${name}.console.log.gz`, import.meta.url))),
    )
    .toString();
const hex = (value: number | undefined) => value?.toString(16);

/** Facts of attribution-full.txt; the second console's event dump holds the repopulation that the attribution overlooked. */
test.each([
  ['dieinfofull3ctl-buggy4k-24Kf-04', '$4', '81e040c8', '1e04', 'fffad000', 5058, '1ffc', 5351, 5352, 'fffacf80'],
  ['dieinfofull3ctl-buggy4k-24Kf-06', '$4', '817efe1c', '17ef', 'fff94000', 3894, '17a8', 4686, 4797, 'fff94d00'],
  ['dieinfofull3ctl-buggy4k-24Kf-07', '$4', '817dea44', '17de', 'fff90000', 3889, '17e2', 4596, 4621, 'fff90980'],
  ['dieinfofull3ctl-buggy4k-24Kf-07', '$22', '817dea48', '17de', 'fff90000', 3889, '17e2', 4596, 4621, 'fff90980'],
  ['dieinfofull3ctl-buggy4k-24Kf-03', '$5', '81e10400', '1e10', 'fffb0000', 4872, '21d9', 6293, 6300, 'fffb0280'],
])('%s: %s = %s', (name, register, address, pfn, va, freed, newPfn, populated, zeroed, area) => {
  const { victims } = decodeConsole(fixture(name));
  const victim = victims.find(({ source }) => source === register)!;
  expect(victim.address).toBe(address);
  const { page } = victim;
  expect([hex(page!.freed.pfn), hex(page!.freed.va), page!.freed.event]).toEqual([pfn, va, freed]);
  expect([hex(page!.repopulated?.pfn), page!.repopulated?.event]).toEqual([newPfn, populated]);
  expect(page!.zeroedBy).toMatchObject({
    event: zeroed,
    size: 640,
    caller: expect.stringContaining('blk_stat_alloc_callback'),
  });
  expect(hex(page!.zeroedBy?.va)).toBe(area);
});

test('two boots in one log keep their events apart', () => {
  const log = fixture('dieinfofull3ctl-buggy4k-24Kf-07');
  const once = decodeConsole(log);
  const other = fixture('dieinfofull3ctl-buggy4k-24Kf-06');
  const both = decodeConsole(log + other);
  const pages = (victims: typeof once.victims) => victims.map(({ address, page }) => [address, page?.zeroedBy?.event]);
  expect(pages(both.victims)).toEqual([...pages(once.victims), ...pages(decodeConsole(other).victims)]);
  expect(both).toMatchObject({ oopsCount: 2, boots: [{ outcome: 'oops' }, { outcome: 'panic' }] });
});

test('a register that points into a per-CPU area itself is named as such', () => {
  const { victims } = decodeConsole(fixture('dieinfofull3ctl-buggy4k-24Kf-03'));
  const area = victims.find(({ source }) => source === '$4')!.area!;
  expect(area).toMatchObject({ size: 192, event: 11378 });
  expect(area.caller).toContain('blk_mq_init_allocated_queue');
});

describe('small logs', () => {
  const header = [
    '# percpu event log: 9 recorded, 9 total, lost 0, variant BUGGY(noflush)',
    '# unit_size=53248 unit_pages=13 nr_units=2 ',
  ];
  const events = [
    '0 0.100000 0 8 p base=fff00000 unit_cpu=0 page=1 pfn=1e00 va=fff01000',
    '1 0.100000 0 8 p base=fff00000 unit_cpu=1 page=1 pfn=1e01 va=fff0e000',
    '2 0.200000 0 13 u base=fff00000 unit_cpu=0 page=1 pfn=1e00 va=fff01000',
    '3 0.200000 0 13 u base=fff00000 unit_cpu=1 page=1 pfn=1e01 va=fff0e000',
  ];
  const again = [
    '5 0.300000 0 8 p base=fff00000 unit_cpu=0 page=1 pfn=1f00 va=fff01000',
    '6 0.300000 0 8 p base=fff00000 unit_cpu=1 page=1 pfn=1f01 va=fff0e000',
  ];
  const area = '7 0.310000 0 8 A base=fff00000 off=4224 size=640 align=8 flags=0 blk_stat_alloc_callback+0x94/0x11c';
  const history = (...lines: string[]) => {
    const result = new PageHistory();
    for (const line of [...header, ...events, ...lines]) expect(result.addLogLine(line), line).toBe(true);
    return result;
  };

  test('every unit of the area is zeroed', () => {
    const both = history(...again, area);
    // Page 1 starts at 4096 in the unit, the area at 4224: 0x80 into the page, up to 0x300.
    expect(both.story(0x81e00080)?.zeroedBy).toMatchObject({ event: 7, va: 0xfff01080 });
    expect(both.story(0x81e012ff)?.zeroedBy).toMatchObject({ event: 7, va: 0xfff0e080 });
    expect(both.story(0x81e0007f)?.zeroedBy).toBeUndefined();
    expect(both.story(0x81e01300)?.zeroedBy).toBeUndefined();
    expect(both.story(0xa1e00080)?.zeroedBy?.event).toBe(7);
  });

  test('nothing is zeroed before the addresses are populated again', () => {
    expect(history().story(0x81e00080)).toMatchObject({
      freed: { event: 2, pfn: 0x1e00 },
      repopulated: undefined,
      zeroedBy: undefined,
    });
  });

  test('a flush in between leaves no stale translation', () => {
    const flush = '4 0.200100 0 13 T base=fff00000 pages=[1,2) va=[fff01000,fff02000) process_one_work+0x23c/0x54c';
    const flushed = history(flush, ...again, area);
    expect(flushed.story(0x81e00080)?.flushed).toMatchObject({ how: 'flush', event: 4 });
    expect(flushed.story(0x81e01080)?.flushed).toBeUndefined();
  });

  test('a page that is a per-CPU page again is no victim, nor is one that never was', () => {
    const reused = history('5 0.300000 0 8 p base=fff00000 unit_cpu=0 page=4 pfn=1e00 va=fff04000');
    expect(reused.story(0x81e00080)).toBeUndefined();
    expect(reused.story(0x81777080)).toBeUndefined();
    expect(reused.story(0x00001e00)).toBeUndefined();
  });

  test('other text is not taken for an event', () => {
    const empty = new PageHistory();
    expect(empty.addLogLine('CPU 0 Unable to handle kernel paging request')).toBe(false);
    expect(empty.addLogLine('2 0.200000 0 13 u base=fff00000 unit_cpu=0 page')).toBe(false);
    expect(empty.events).toBe(0);
  });
});
