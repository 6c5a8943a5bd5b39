// The version that records carry, and the build that boots.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../emu/unicorn/choose.js';
import { assets } from '../assets/assets.js';

export function packageVersion(): string {
  return assets().version();
}

/** What boots are made of: two machines with equal ones give equal records. Bundles name each other by their contents. */
const PARTS = [
  'dist/boot-worker.js',
  ...['fast.c', 'sanitizer.c', 'fast.h', 'shim.c', 'machine.h'].map((file) => `emu/unicorn/shim/${file}`),
  'fixtures/guest/vmlinux.elf',
  'fixtures/boot/malta.tsv.gz',
  'fixtures/boot/malta-4k.tsv.gz',
];

/** The version and what this build of it is made of: `0.1.0+3f2a9c01d4e5`. */
export function buildId(): string {
  const hash = createHash('sha256');
  for (const part of PARTS) hash.update(fs.readFileSync(path.join(packageRoot(), part)));
  return `${packageVersion()}+${hash.digest('hex').slice(0, 12)}`;
}
