import { beforeEach, describe, expect, it } from 'vitest';
import { GuestNames } from '../linux/guest-names.js';
import type { Call, CallWatch, OnReturn } from './call-watch.js';
import { KernelSlabObjects } from './slab-objects.js';

const FUNCTIONS = [
  'kmem_cache_create',
  'kmem_cache_create_usercopy',
  'create_kmalloc_cache',
  'kmem_cache_alloc',
  'kmem_cache_alloc_node',
  'kmem_cache_free',
  'kmalloc_trace',
  'kmalloc_node_trace',
  '__kmalloc',
  '__kmalloc_node_track_caller',
  'kfree',
];
const address = (name: string): number => 0x8010_0000 + 0x100 * FUNCTIONS.indexOf(name);
const MAP = FUNCTIONS.map((name) => `${address(name).toString(16)} T ${name}\n`).join('');

const TEXTS = new Map([
  [0x8090_0000, 'request_queue'],
  [0x8090_0100, 'kmalloc-128'],
  [0x8090_0200, 'kmalloc-192'],
  [0x8090_0300, 'dma-kmalloc-64'],
  [0x8090_0400, 'kmalloc-2k'],
]);
const NAME = 0x8090_0000;
const CACHE = 0x8100_0080;
const OBJECT = 0x8205_bc60;
const SITE = 0x8040_1234;
const GFP_KERNEL = 0xcc0;

describe('objects of a running kernel', () => {
  let functions: Map<number, (call: Call) => OnReturn | undefined>;
  let objects: KernelSlabObjects;
  let t: number;

  beforeEach(() => {
    functions = new Map();
    t = 0;
    objects = new KernelSlabObjects(
      {
        add: (at: number, onCall: (call: Call) => OnReturn | undefined) => functions.set(at, onCall),
      } as unknown as CallWatch,
      GuestNames.fromSystemMap(MAP, 'map'),
      (at) => TEXTS.get(at) ?? '',
      () => ({ after: 7 * t, t, pid: 3 }),
    );
  });

  /** The kernel calls a function; another one that it calls goes in between. */
  function call(name: string, args: number[], value = 0, meanwhile = (): void => {}): void {
    const [a = 0, b = 0, c = 0, d = 0] = args;
    const onReturn = functions.get(address(name))!({ args: [a, b, c, d], ra: SITE, sp: 0x8080_1f00, thread: 0 });
    meanwhile();
    onReturn?.(value);
    t += 10;
  }
  const at = (kseg0: number) => objects.at(kseg0 & 0x1fff_ffff);

  it.each(['kmem_cache_create', 'kmem_cache_create_usercopy'])('have the name and size of a cache of %s', (create) => {
    call(create, [NAME, 1128], CACHE);
    call('kmem_cache_alloc', [CACHE, GFP_KERNEL], OBJECT);
    const start = OBJECT & 0x1fff_ffff;
    expect(at(OBJECT + 0x1c0)).toEqual({
      kind: 'slab',
      cache: 'request_queue',
      object: OBJECT,
      size: 1128,
      type: undefined,
      allocated: { after: 70, t: 10, pid: 3, site: SITE },
      freed: undefined,
      start,
      end: start + 1128,
    });
    expect(at(OBJECT + 1127)).toMatchObject({ object: OBJECT });
    expect(at(OBJECT + 1128)).toBeUndefined();
    expect(at(OBJECT - 1)).toBeUndefined();
  });

  it('of a cache that was made before anybody watched are not known', () => {
    call('kmem_cache_alloc', [CACHE, GFP_KERNEL], OBJECT);
    expect(at(OBJECT)).toBeUndefined();
  });

  it.each([
    ['__kmalloc', [100, GFP_KERNEL], 'kmalloc-128', 100],
    ['__kmalloc', [3, GFP_KERNEL], 'kmalloc-8', 3],
    ['__kmalloc_node_track_caller', [0x1000, GFP_KERNEL], 'kmalloc-4k', 0x1000],
    ['kmalloc_trace', [CACHE, GFP_KERNEL, 250], 'kmalloc-256', 250],
    ['kmalloc_node_trace', [CACHE, GFP_KERNEL, 0, 24], 'kmalloc-32', 24],
  ] as const)('of %s(%j) lie in %s, where nobody saw the caches being made', (name, args, cache, size) => {
    call(name, [...args], OBJECT);
    expect(at(OBJECT)).toMatchObject({ cache, size });
  });

  it.each([
    [40, 'kmalloc-128'],
    [150, 'kmalloc-192'],
    [200, 'kmalloc-2k'],
    [2049, 'kmalloc-4k'],
  ])('of %i bytes lie in %s, where the kernel made caches of other sizes', (size, cache) => {
    call('create_kmalloc_cache', [0x8090_0300, 64], CACHE);
    call('create_kmalloc_cache', [0x8090_0400, 2048], CACHE + 0x100);
    call('create_kmalloc_cache', [0x8090_0100, 128], CACHE + 0x200);
    call('create_kmalloc_cache', [0x8090_0200, 192], CACHE + 0x300);
    call('__kmalloc', [size, GFP_KERNEL], OBJECT);
    expect(at(OBJECT)).toMatchObject({ cache, size });
  });

  it.each([
    ['kfree', [OBJECT]],
    ['kmem_cache_free', [CACHE, OBJECT]],
  ] as const)('that %s gave back are told as freed, until their place is taken', (free, args) => {
    call('__kmalloc', [64, GFP_KERNEL], OBJECT);
    call(free, [...args]);
    expect(at(OBJECT + 8)).toMatchObject({ cache: 'kmalloc-64', freed: { t: 10, site: SITE } });
    call('__kmalloc', [20, GFP_KERNEL], OBJECT);
    expect(at(OBJECT + 8)).toMatchObject({ cache: 'kmalloc-32', freed: undefined });
  });

  it('are the newest ones where a page was cut up anew', () => {
    call('__kmalloc', [512, GFP_KERNEL], OBJECT);
    call('kfree', [OBJECT]);
    call('__kmalloc', [64, GFP_KERNEL], OBJECT + 0x40);
    expect(at(OBJECT + 0x50)).toMatchObject({ object: OBJECT + 0x40, cache: 'kmalloc-64' });
    expect(at(OBJECT + 0x100)).toMatchObject({ object: OBJECT, cache: 'kmalloc-512' });
  });

  it('are found from their last byte, two pages further', () => {
    call('__kmalloc', [0x2000, GFP_KERNEL], OBJECT);
    expect(at(OBJECT + 0x1fff)).toMatchObject({ object: OBJECT, size: 0x2000 });
  });

  it('of a call that makes another one belong to the inner one', () => {
    call('kmem_cache_create', [NAME, 1128], CACHE);
    call('__kmalloc', [1100, GFP_KERNEL], OBJECT, () => {
      const inner = functions.get(address('kmem_cache_alloc'))!;
      inner({ args: [CACHE, GFP_KERNEL, 0, 0], ra: SITE + 8, sp: 0x8080_1ee0, thread: 0 })!(OBJECT);
    });
    expect(at(OBJECT)).toMatchObject({ cache: 'request_queue', allocated: { site: SITE + 8 } });
  });

  it('are none where there was no memory', () => {
    call('__kmalloc', [64, GFP_KERNEL], 0);
    expect(at(0x8000_0000)).toBeUndefined();
  });
});
