// The committed part of the oracle's goldens: what the kernel's own C code prints, byte for byte, with all invariants recounted.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkInvariants } from './invariants.js';
import { ScriptRunner } from './ops/runner.js';
import { parseScript } from './ops/script.js';
import { VARIANTS } from './variant.js';
import type { VariantName } from './variant.js';

const root = path.resolve(import.meta.dirname, '../../fixtures/percpu/goldens');
const read = (file: string): string => zlib.gunzipSync(fs.readFileSync(path.join(root, file))).toString('latin1');

const goldens = fs
  .readdirSync(root)
  .flatMap((folder) => fs.readdirSync(path.join(root, folder)).map((file) => ({ folder, file })))
  .filter(({ file }) => file.endsWith('.gold.gz'))
  .map(({ folder, file }) => {
    const [, geometry, variant] = /^(.*?)(?:-(buggy|f183|before))?$/.exec(folder)!;
    return {
      folder,
      name: file.slice(0, -'.gold.gz'.length),
      geometry: geometry!,
      variant: (variant ?? 'fixed') as VariantName,
    };
  });

describe('goldens', () => {
  it('cover every geometry and variant', () => {
    expect(new Set(goldens.map(({ folder }) => folder)).size).toBe(10);
    expect(goldens.length).toBeGreaterThan(60);
  });

  it.each(goldens)('$folder/$name', ({ folder, name, geometry, variant }) => {
    const output: string[] = [];
    const ops = parseScript(read(path.join(geometry, `${name}.ops.gz`)), name);
    // Recounting is slow: some twenty times per script.
    const every = Math.max(1, Math.floor(ops.length / 20));
    let op = 0;
    const pageSize = geometry.endsWith('16k') ? 16384 : 4096;
    const runner = new ScriptRunner(
      name,
      VARIANTS[variant],
      pageSize,
      (line) => output.push(line),
      (percpu) => {
        if (op++ % every === 0) checkInvariants(percpu);
      },
    );
    for (const next of ops) runner.run(next);
    const gold = read(path.join(folder, `${name}.gold.gz`)).split('\n');
    const at = output.findIndex((line, index) => line !== gold[index]);
    expect(at < 0 ? 'same' : `line ${at + 1}: ${output[at]} instead of ${gold[at]}`).toBe('same');
    expect(output.length).toBe(gold.length - 1);
  });
});
