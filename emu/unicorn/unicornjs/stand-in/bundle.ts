// For tests only: the stand-in as the kind of file that users have, one UMD script.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import type { StandInOptions } from './module.js';

/** Writes a script that defines MUnicorn (a page) or module.exports (CommonJS). @param file where to */
export async function writeStandIn(file: string, options: StandInOptions = {}): Promise<void> {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  await build({
    stdin: {
      contents: `import { standIn } from './module.ts'; export default () => standIn(${JSON.stringify(options)});`,
      resolveDir: folder,
      loader: 'ts',
    },
    outfile: file,
    bundle: true,
    format: 'iife',
    globalName: 'MUnicorn',
    footer: {
      js: 'MUnicorn = MUnicorn.default;\nif (typeof exports === "object" && typeof module === "object") module.exports = MUnicorn;',
    },
    target: 'es2022',
    logLevel: 'warning',
  });
}
