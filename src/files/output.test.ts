import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UsageError } from '../errors.js';
import { OutputFile } from './output.js';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-output-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

test('a file is as it was until it is written, and nothing else is left', () => {
  const file = path.join(folder, 'a');
  fs.writeFileSync(file, 'old');
  const output = new OutputFile('--log', file);
  expect(fs.readdirSync(folder)).toEqual(['a']);
  expect(fs.readFileSync(file, 'utf8')).toBe('old');
  output.write('new');
  expect(fs.readFileSync(file, 'utf8')).toBe('new');
  expect(fs.readdirSync(folder)).toEqual(['a']);
});

test('a link stays a link', () => {
  fs.writeFileSync(path.join(folder, 'real'), '');
  fs.symlinkSync('real', path.join(folder, 'link'));
  new OutputFile('--log', path.join(folder, 'link')).write('text');
  expect(fs.lstatSync(path.join(folder, 'link')).isSymbolicLink()).toBe(true);
  expect(fs.readFileSync(path.join(folder, 'real'), 'utf8')).toBe('text');
});

test('a link to what is not there yet stays one too', () => {
  fs.symlinkSync('not-yet', path.join(folder, 'link'));
  new OutputFile('--log', path.join(folder, 'link')).write('text');
  expect(fs.readdirSync(folder).sort()).toEqual(['link', 'not-yet']);
  expect(fs.readFileSync(path.join(folder, 'not-yet'), 'utf8')).toBe('text');
});

test('a link that leads in a circle is one line', () => {
  fs.symlinkSync('b', path.join(folder, 'a'));
  fs.symlinkSync('a', path.join(folder, 'b'));
  expect(() => new OutputFile('--log', path.join(folder, 'a'))).toThrow(/: cannot be written \(ELOOP: .*\)$/);
});

test('a pipe gets the text; a reader that has seen enough is no error', () => {
  const pipe = path.join(folder, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const reader = `head -c 4 ${pipe} > ${path.join(folder, 'got')}`;
  spawnSync('sh', ['-c', `(${reader}) >/dev/null 2>&1 &`], { stdio: 'ignore' });
  new OutputFile('--log', pipe).write('text'.repeat(1 << 20));
  expect(fs.statSync(pipe).isFIFO()).toBe(true);
});

test('permissions stay, and files of the same names with more behind are left alone', () => {
  const file = path.join(folder, 'a');
  fs.writeFileSync(file, '', { mode: 0o640 });
  fs.writeFileSync(`${file}.part`, 'mine');
  new OutputFile('--log', file).write('text');
  expect(fs.statSync(file).mode & 0o777).toBe(0o640);
  expect(fs.readFileSync(`${file}.part`, 'utf8')).toBe('mine');
});

// By links, so that a program that replaces what it should write to breaks these and not the machine.
test('a device is written to, and nothing is put in its place', () => {
  const link = path.join(folder, 'null');
  fs.symlinkSync('/dev/null', link);
  new OutputFile('--log', link).write('text');
  expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
  expect(fs.statSync(link).isCharacterDevice()).toBe(true);
});

test.skipIf(!fs.existsSync('/dev/full'))('a full disk is one line', () => {
  const link = path.join(folder, 'full');
  fs.symlinkSync('/dev/full', link);
  expect(() => new OutputFile('--log', link).write('text')).toThrow(
    new UsageError(`--log ${link}: cannot be written (ENOSPC: no space left on device)`),
  );
});

test('what cannot be put in place leaves nothing behind', () => {
  const output = new OutputFile('--log', path.join(folder, 'a'));
  fs.mkdirSync(path.join(folder, 'a'));
  expect(() => output.write('text')).toThrow(/^--log .*a: cannot be written \(/);
  expect(fs.readdirSync(folder)).toEqual(['a']);
});

test('two outputs cannot be one file', () => {
  new OutputFile('--log', path.join(folder, 'a'));
  expect(() => new OutputFile('--html', path.join(folder, '..', path.basename(folder), 'a'))).toThrow(
    /^--html .*a: --log writes there already$/,
  );
});

test.each([
  ['', '--log: need the name of a file'],
  ['.', '--log .: cannot be written (it is a folder)'],
  ['no/such/file', '--log no/such/file: cannot be written (ENOENT: no such file or directory)'],
])('%j: %s', (file, message) => {
  expect(() => new OutputFile('--log', file)).toThrow(new UsageError(message));
});
