import { describe, expect, it } from 'vitest';
import { cpioArchive } from './cpio.js';

/** Reads the format by its description: names, modes, contents. */
function members(archive: Uint8Array) {
  const bytes = Buffer.from(archive);
  const found: { name: string; mode: number; device: [number, number]; contents: string }[] = [];
  for (let at = 0; at < bytes.length;) {
    expect(bytes.toString('latin1', at, at + 6)).toBe('070701');
    const field = (n: number): number => parseInt(bytes.toString('latin1', at + 6 + 8 * n, at + 14 + 8 * n), 16);
    const [size, nameSize] = [field(6), field(11)];
    const data = (at + 110 + nameSize + 3) & ~3;
    found.push({
      name: bytes.toString('utf8', at + 110, at + 110 + nameSize - 1),
      mode: field(1),
      device: [field(9), field(10)],
      contents: bytes.toString('utf8', data, data + size),
    });
    at = (data + size + 3) & ~3;
  }
  return found;
}

describe('the archive', () => {
  it('holds directories, files and devices, and ends with the trailer', () => {
    const archive = cpioArchive([
      { name: 'dev', type: 'directory' },
      { name: 'dev/console', type: 'character device', major: 5, minor: 1 },
      { name: 'init', type: 'file', contents: Buffer.from('12345'), executable: true },
      { name: 'modules', type: 'file', contents: Buffer.from('') },
    ]);
    expect(members(archive)).toEqual([
      { name: 'dev', mode: 0o040755, device: [0, 0], contents: '' },
      { name: 'dev/console', mode: 0o020600, device: [5, 1], contents: '' },
      { name: 'init', mode: 0o100755, device: [0, 0], contents: '12345' },
      { name: 'modules', mode: 0o100644, device: [0, 0], contents: '' },
      { name: 'TRAILER!!!', mode: 0, device: [0, 0], contents: '' },
    ]);
  });

  it('is a multiple of four bytes whatever the lengths are', () => {
    for (let n = 1; n < 9; n++) {
      const contents = new Uint8Array(n).fill(0x61);
      const archive = cpioArchive([{ name: 'n'.repeat(n), type: 'file', contents }]);
      expect(archive.length % 4).toBe(0);
      expect(members(archive)[0]).toMatchObject({ name: 'n'.repeat(n), contents: 'a'.repeat(n) });
    }
  });
});
