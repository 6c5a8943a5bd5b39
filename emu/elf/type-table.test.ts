import { describe, expect, test } from 'vitest';
import { defaultImageFile } from '../malta/default-image.js';
import { loadImage } from './image-file.js';
import { TypeTable } from './type-table.js';

const { types, symbols } = loadImage(defaultImageFile());
const of = (tag: string, array = ''): { type: string; array: string } => ({ type: `struct ${tag}`, array });

describe('the type table of the committed image', () => {
  test('knows sizes and places that the guest itself exports', () => {
    expect(types.sizeOf('struct slab')).toBe(symbols.size('slab'));
    expect(types.fieldAt(of('kmem_cache'), symbols.offset('kmem_cache', 'object_size'))).toBe('kmem_cache.object_size');
    expect(types.fieldAt(of('slab'), symbols.offset('slab', 's_mem'))).toBe('slab.s_mem');
  });

  test('names bytes down to the innermost member', () => {
    // asserted in the guest's sources: as in Linux
    expect(types.fieldAt(of('request_queue'), 444)).toBe('request_queue.rcu_head.next');
    expect(types.fieldAt(of('request_queue'), 448)).toBe('request_queue.rcu_head.func');
    expect(types.fieldAt(of('request_queue'), 449)).toBe('request_queue.rcu_head.func+1');
    expect(types.fieldAt(of('blk_mq_tags'), 120)).toBe('blk_mq_tags.static_rqs');
    expect(types.fieldAt(of('request_queue'), 28)).toBe('request_queue.rq_qos_mutex[1]');
  });

  test('counts the elements of arrays', () => {
    expect(types.fieldAt(of('blk_rq_stat', 'cpu_stat'), 40)).toBe('cpu_stat[1].mean');
    expect(types.fieldAt({ type: 'struct request *', array: 'static_rqs' }, 4 * 695)).toBe('static_rqs[695]');
  });

  test('says how far behind a structure a byte lies', () => {
    expect(types.fieldAt(of('request_queue'), 530)).toBe('request_queue+530');
    expect(types.fieldAt(of('no_such'), 8)).toBe('+8');
  });

  test('tells what a line of the sources allocates', () => {
    const lines = ['blk_alloc_queue', 'scsi_alloc_sdev', 'blk_stat_alloc_callback'].map((name) => {
      const start = symbols.address(name);
      const { end } = symbols.lookup(start)!;
      const found = new Set<string>();
      for (let pc = start; pc < end; pc += 4) {
        const type = types.allocatedAt(loadImage(defaultImageFile()).lines.lookup(pc));
        if (type) found.add(`${type.array} ${type.type}`.trim());
      }
      return [...found];
    });
    expect(lines[0]).toEqual(['struct request_queue']);
    expect(lines[1]).toEqual(['struct scsi_device']);
    expect(lines[2]!.sort()).toEqual([
      'cpu_stat struct blk_rq_stat',
      'stat struct blk_rq_stat',
      'struct blk_stat_callback',
    ]);
  });
});

test('a malformed table is refused with its row', () => {
  expect(() => new TypeTable('s 8 list_head\n0 4 0 next struct list_head *\nwhat\n', 't.types')).toThrow(
    "t.types:3: not a row of a type table: 'what'",
  );
  expect(() => new TypeTable('0 4 0 next void *\n', 't.types')).toThrow('t.types:1');
});
