import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { inputLines, readGunzipped, readInput } from './input.js';
import { OutputFile } from './output.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-input-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));
let files = 0;
function file(content: string | Uint8Array): string {
  const at = path.join(folder, `f${files++}`);
  fs.writeFileSync(at, content);
  return at;
}

test('a file is read whole, up to its limit and no further', () => {
  const at = file('x'.repeat(1 << 20));
  expect(readInput(at, { limit: 1 << 20 }).length).toBe(1 << 20);
  expect(() => readInput(file('x'.repeat((1 << 20) + 1)), { flag: '--script', limit: 1 << 20 })).toThrow(
    /^--script .*f1: cannot be read \(more than 1 MB\)$/,
  );
});

test('a small archive of much is no way around the limit', () => {
  const bomb = file(zlib.gzipSync(Buffer.alloc(8 << 20)));
  expect(() => readGunzipped(bomb, { limit: 4 << 20 })).toThrow(/cannot be read \(more than 4 MB\)$/);
  expect(readGunzipped(file(zlib.gzipSync('text'))).toString()).toBe('text');
});

test.each([
  ['/dev/zero', 'it is a device; need a file or a pipe'],
  ['/dev/full', 'it is a device; need a file or a pipe'],
  ['/dev', 'it is a folder'],
  ['/nonexistent', 'ENOENT: no such file or directory'],
])('%s: %s', (name, why) => {
  expect(() => readInput(name)).toThrow(new UsageError(`${name}: cannot be read (${why})`));
});

test('/dev/null is an empty file', () => expect(readInput('/dev/null').length).toBe(0));

test('a pipe is read to its end', () => {
  const pipe = path.join(folder, 'pipe');
  spawnSync('mkfifo', [pipe]);
  spawnSync('sh', ['-c', `(printf 'one\ntwo' > ${pipe}) >/dev/null 2>&1 &`], { stdio: 'ignore' });
  expect([...inputLines(pipe)].map(({ text, whole }) => [text, whole])).toEqual([
    ['one', true],
    ['two', false],
  ]);
});

describe('lines', () => {
  test('have numbers and ends in bytes, also across the pieces in which a file is read', () => {
    const texts = Array.from({ length: 50 }, (_, i) => 'é'.repeat((i * 7919) % 20_000));
    const lines = [...inputLines(file(texts.map((text) => `${text}\n`).join('')))];
    expect(lines.map(({ text }) => text)).toEqual(texts);
    let end = 0;
    for (const [i, line] of lines.entries()) {
      end += 2 * texts[i]!.length + 1;
      expect(line).toMatchObject({ number: i + 1, whole: true, end });
    }
  });

  test('do not go on for ever', () => {
    const endless = file(Buffer.concat([Buffer.from('one\n'), Buffer.alloc(5 << 20, 'x')]));
    expect(() => [...inputLines(endless)]).toThrow(/:2: the line does not end within 4 MB$/);
  });
});

test('what is read cannot be written, and what is written cannot be read', () => {
  const input = file('');
  readInput(input, { flag: '--script' });
  fs.symlinkSync(input, path.join(folder, 'link'));
  fs.linkSync(input, path.join(folder, 'twin'));
  for (const name of ['f-', 'link', 'twin'].map((name) => (name === 'f-' ? input : path.join(folder, name))))
    expect(() => new OutputFile('--log', name)).toThrow(
      new UsageError(`--log ${name}: --script reads that file; give another name`),
    );
  const output = file('');
  new OutputFile('--log', output);
  expect(() => readInput(output)).toThrow(new UsageError(`${output}: --log writes there already`));
});
