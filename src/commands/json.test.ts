// --json: on every command that has results, in the style of docs/json.md.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SEED } from '../experiments/test-seeds.js';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-json-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

function run(...args: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: folder });
  expect(stderr).toBe('');
  return stdout;
}

const SCRIPT = ['cfg bits 32', 'cfg cpus 1', 'cfg static 80c40000 0x9000', 'cfg vmalloc c0000000 fffcd000'];
beforeAll(() => {
  fs.writeFileSync(path.join(folder, 'x.ops'), `${SCRIPT.join('\n')}\ncfg linear 81000000\ninit boot\nalloc 1 8 8\n`);
  run('sweep', '--seeds', '1..2', '--controllers', '1', '--out', 'a.ndjson');
  run('boot', '--controllers', '1', '--quiet', '--log', 'a.log');
});

test('every command has it that has results to print', () => {
  const commands = [...run('completion', 'bash').matchAll(/^ {4}([a-z]+)\)\n.* flags="(.*)"$/gm)];
  expect(commands.length).toBeGreaterThan(15);
  const without = commands.filter(([, , flags]) => !flags!.split(' ').includes('--json')).map(([, name]) => name);
  // completion prints a script, page writes a file, worker serves other commands: none has results to print.
  expect(without).toEqual(['completion', 'page', 'worker']);
});

/** Names that are data: counts by outcome. */
const BY_NAME = ['outcomes'];

function checkNames(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, item] of Object.entries(value)) {
    if (!Array.isArray(value)) expect(name, where).toMatch(/^[a-z][A-Za-z0-9]*$/);
    if (/^(va|ptr|pc|frame|mapped|address)$/.test(name) && item !== null)
      expect(item, `${where}.${name}`).toMatch(/^0x[0-9a-f]+$/);
    if (!BY_NAME.includes(name)) checkNames(item, `${where}.${name}`);
  }
}

test.each([
  ['boot', '--controllers', '1', '--check'],
  ['explain', '--seed', String(SEED.crash)],
  ['sweep', '--seeds', '1', '--controllers', '1'],
  ['merge', 'a.ndjson', '--out', 'b.ndjson'],
  ['bisect', '--run', '[ $PERCPU_MALTA_KERNEL = v5.13 ]'],
  ['selftest', '--tlb', 'qemu', '--page-size', '4096'],
  ['ops', 'x.ops'],
  ['stats', 'x.ops'],
  ['diff', 'a.log', 'a.log'],
  ['setup'],
])('%s', (...args) => {
  const lines = run(...args, '--json')
    .trimEnd()
    .split('\n');
  expect(lines.length).toBe(args[0] === 'ops' ? 7 : 1);
  for (const line of lines) checkNames(JSON.parse(line), args[0]!);
});

test('what the words say, the object says', () => {
  expect(JSON.parse(run('bisect', '--json', '--run', '[ $PERCPU_MALTA_KERNEL = v5.13 ]'))).toMatchObject({
    outcome: 'found',
    firstBad: 'f183324133ea',
    candidates: ['f183324133ea'],
  });
  expect(JSON.parse(run('merge', 'a.ndjson', '--out', 'c.ndjson', '--json'))).toMatchObject({
    boots: 2,
    missing: 0,
    rate: 0,
    outcomes: { clean: 2 },
  });
  const operation = JSON.parse(run('ops', 'x.ops', '--json').trimEnd().split('\n').at(-1)!) as object;
  expect(operation).toMatchObject({ operation: 'alloc 1 8 8', result: { chunk: 0, off: 0, ptr: '0x80c4b000' } });
});

test('a shard that is missing is told', () => {
  const records = fs.readFileSync(path.join(folder, 'a.ndjson'), 'utf8').replace('"seed":2', '"seed":9');
  fs.writeFileSync(path.join(folder, 'gap.ndjson'), records);
  expect(run('merge', 'gap.ndjson', '--out', 'd.ndjson')).toContain(
    '\n7 seeds of 1..9 are in none of these files, from 2 on',
  );
});
