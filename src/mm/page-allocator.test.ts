import { describe, expect, test } from 'vitest';
import { PageAllocator, type PageOwner } from './page-allocator.js';

const owner: PageOwner = { kind: 'pages', caller: 'test' };

function allocator(): PageAllocator {
  return new PageAllocator(1024, 9216, 4096);
}

describe('PageAllocator', () => {
  test('hands out single pages in ascending order', () => {
    const pages = allocator();
    const frames = Array.from({ length: 50 }, () => pages.alloc(0, owner));
    expect(frames).toEqual(Array.from({ length: 50 }, (_, i) => 1024 + i));
  });

  test('a page freed last is the next one handed out', () => {
    const pages = allocator();
    const [a, b, c] = [pages.alloc(0, owner), pages.alloc(0, owner), pages.alloc(0, owner)];
    pages.free(b, 0);
    pages.free(a, 0);
    pages.free(c, 0);
    expect([pages.alloc(0, owner), pages.alloc(0, owner), pages.alloc(0, owner)]).toEqual([c, a, b]);
  });

  test('blocks are aligned to their size and remember their owner', () => {
    const pages = allocator();
    pages.alloc(0, owner);
    const block = pages.alloc(4, owner);
    expect(block % 16).toBe(0);
    expect(pages.owners[block + 15]).toBe(owner);
    pages.free(block, 4);
    expect(pages.owners[block + 15]).toBeUndefined();
  });

  test('buddies merge: all memory can be had in big blocks again', () => {
    const pages = new PageAllocator(1024, 2048, 4096);
    const blocks = Array.from({ length: 512 }, () => pages.alloc(1, owner));
    expect(pages.alloc(1, owner)).toBe(-1);
    for (const block of blocks) pages.free(block, 1);
    expect(pages.used).toBe(0);
    expect(pages.alloc(10, owner)).toBe(1024);
  });

  test('-1 when memory is used up', () => {
    const pages = new PageAllocator(16, 32, 4096);
    for (let i = 0; i < 16; i++) expect(pages.alloc(0, owner)).toBeGreaterThanOrEqual(16);
    expect(pages.alloc(0, owner)).toBe(-1);
  });
});
