import { describe, expect, test } from 'vitest';
import type { GuestImage } from '../elf/image.js';
import { loadImage } from '../elf/image-file.js';
import { loadTestEngine } from '../unicorn/test-engine.js';
import { defaultImageFile } from './default-image.js';
import { runSelftest } from './selftest.js';

const engine = await loadTestEngine();

describe.each(['24Kf', 'P5600'] as const)('self test on the %s', (cpu) => {
  describe.each(['qemu', 'hardware'] as const)('%s TLB', (tlb) => {
    test.each([
      [4096, true, 0],
      [16384, true, 1],
      [4096, false, 0xffff_ffff],
      [16384, true, 0xffff_ffff],
    ] as const)('%i byte pages, shim %s, seed %i', (pageSize, shim, seed) => {
      const lines: string[] = [];
      const failed = runSelftest({ engine, cpu, tlb, pageSize, shim, seed, memoryMB: 32 }, (line) => lines.push(line));
      expect(lines.filter((line) => !/^(ok|selftest:)/.test(line))).toEqual([]);
      expect(failed).toBe(0);
      expect(lines.filter((line) => line.startsWith('ok'))).toHaveLength(11);
      expect(lines[0]).toContain(`${cpu === '24Kf' ? 16 : 64} TLB entries, ${pageSize / 1024} KB pages, ${tlb} TLB`);
    });
  });
});

/** The committed image with the function `name` replaced by a plain return. */
function withoutFunction(name: string): GuestImage {
  const image = loadImage(defaultImageFile());
  const [segment] = image.elf.segments;
  const bytes = segment.bytes.slice();
  const view = new DataView(bytes.buffer);
  const at = image.symbols.address(name) - segment.address;
  view.setUint32(at, 0x03e0_0008); // jr $31
  view.setUint32(at + 4, 0);
  return { ...image, elf: { ...image.elf, segments: [{ ...segment, bytes }] } };
}

test.each([
  ['local_flush_tlb_kernel_range', ['FAIL flush-range', 'FAIL stale-translation']],
  ['local_flush_tlb_one', ['FAIL flush-range']],
  ['vunmap_range', ['FAIL pairs', 'FAIL stale-translation']],
  ['memmove', ['FAIL library']],
])('a guest without %s fails', (name, expected) => {
  const lines: string[] = [];
  const failed = runSelftest({ engine, pageSize: 4096, image: withoutFunction(name) }, (line) => lines.push(line));
  expect(failed).toBeGreaterThan(0);
  expect(lines).toEqual(expect.arrayContaining(expected));
});
