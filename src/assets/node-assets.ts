// The assets in this package's own files. The build for pages leaves this module out (scripts/browser-plugin.mjs).
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { defaultImage } from '../../emu/malta/default-image.js';
import { packageRoot } from '../../emu/unicorn/package-root.js';
import type { Assets } from './assets.js';

const file = (...names: string[]): string => path.join(packageRoot(), ...names);

export const nodeAssets: Assets | undefined = {
  guestImage: defaultImage,
  bootTable: (name) => zlib.gunzipSync(fs.readFileSync(file('fixtures', 'boot', `${name}.tsv.gz`))).toString('latin1'),
  version: () => (JSON.parse(fs.readFileSync(file('package.json'), 'utf8')) as { version: string }).version,
  pageAssets(kind) {
    const read = (extension: string): string => fs.readFileSync(file('dist', 'page', `${kind}.${extension}`), 'utf8');
    const script = read('js').replace(/<(?=\/script|!--)/gi, '\\x3c');
    return { script, scriptHash: createHash('sha256').update(script).digest('base64'), style: read('css') };
  },
};
