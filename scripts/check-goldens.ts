// Runs every golden script of the oracle and compares the output byte for byte.
//   node scripts/run-ts.mjs scripts/check-goldens.ts [--oracle DIR] [--only TEXT]
// DIR holds golden/<geometry>/<name>.ops and golden/<geometry>[-<variant>]/<name>.gold.gz; default ../shared/oracle.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { parseArgs } from 'node:util';
import { ScriptRunner, VARIANTS, parseScript } from '../src/percpu/index.js';
import type { VariantName } from '../src/percpu/index.js';

const { values } = parseArgs({
  options: { oracle: { type: 'string', default: '../shared/oracle' }, only: { type: 'string', default: '' } },
});
const goldenDir = path.join(values.oracle, 'golden');
if (!fs.existsSync(goldenDir)) {
  console.error(`check-goldens: no ${goldenDir}; give the oracle's folder with --oracle`);
  process.exit(2);
}

/** Splits "malta-16k-f183" into geometry "malta-16k" and variant "f183". */
function splitFolder(folder: string): { geometry: string; variant: VariantName } {
  const match = /^(.*)-(buggy|f183|before)$/.exec(folder);
  return match ? { geometry: match[1]!, variant: match[2] as VariantName } : { geometry: folder, variant: 'fixed' };
}

let same = 0;
let ops = 0;
let different = 0;
for (const folder of fs.readdirSync(goldenDir).sort()) {
  const { geometry, variant } = splitFolder(folder);
  const pageSize = geometry.endsWith('-16k') ? 16384 : 4096;
  for (const file of fs.readdirSync(path.join(goldenDir, folder)).sort()) {
    if (!file.endsWith('.gold.gz')) continue;
    const name = file.slice(0, -'.gold.gz'.length);
    if (!`${folder}/${name}`.includes(values.only)) continue;
    const gold = zlib.gunzipSync(fs.readFileSync(path.join(goldenDir, folder, file))).toString('latin1');
    const scripts = [folder, geometry].map((dir) => path.join(goldenDir, dir, `${name}.ops`));
    const scriptFile = scripts.find((candidate) => fs.existsSync(candidate));
    if (scriptFile === undefined) {
      console.log(`NO SCRIPT  ${folder}/${name}`);
      different++;
      continue;
    }
    const output: string[] = [];
    try {
      const runner = new ScriptRunner(scriptFile, VARIANTS[variant], pageSize, (line) => output.push(line));
      for (const op of parseScript(fs.readFileSync(scriptFile, 'latin1'), scriptFile)) {
        runner.run(op);
        ops++;
      }
    } catch (error) {
      output.push(`ERROR ${String((error as Error).stack)}`);
    }
    if (output.join('\n') + '\n' === gold) {
      same++;
      continue;
    }
    different++;
    const want = gold.split('\n');
    const at = output.findIndex((line, index) => line !== want[index]);
    console.log(`DIFFERENT  ${folder}/${name} line ${at + 1}\n  want ${want[at]}\n  got  ${output[at]}`);
  }
}
console.log(`${same} goldens the same, ${different} different, ${ops} operations`);
process.exitCode = different > 0 ? 1 : 0;
