// `percpu-malta setup`: makes what a boot wants and is not there, and says what it found.
import { Command } from 'commander';
import { cacheDir } from '../../emu/unicorn/cache-dir.js';
import { loadEngine } from '../../emu/unicorn/choose.js';
import { packageVersion } from '../experiments/version.js';
import { setUpScripts } from './set-up-scripts.js';

export function setupCommand(): Command {
  return new Command('setup')
    .description('compile the C hooks, find libunicorn or fetch a copy, and say what there is; needs no root')
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .action(async ({ json = false }: { json?: boolean }) => {
      const { ensureShim, ensureLibunicorn } = await setUpScripts();
      const hooks = ensureShim();
      await ensureLibunicorn();
      // Without an engine nothing can boot: its message says how to get one.
      const engine = await loadEngine();
      const fits = engine.shim !== undefined;
      const found = {
        version: packageVersion(),
        node: process.versions.node,
        engine: engine.description,
        hooks: hooks.complete && fits ? hooks.folder : null,
        hooksNote: hooks.complete && !fits ? 'they do not fit this engine or system' : hooks.how,
        cache: cacheDir(),
      };
      process.stdout.write(json ? `${JSON.stringify(found)}\n` : text(found));
    });
}

const HELP = `
What is made and fetched lies in PERCPU_MALTA_CACHE, else in a checkout's .cache, else in ~/.cache/percpu-malta (XDG_CACHE_HOME); it may be
removed at any time. The hooks need a C compiler: without them boots are the same and take about six times as long. A copy of
libunicorn is fetched with apt-get, where there is one. Exit code 3: no engine.`;

interface Found {
  version: string;
  node: string;
  engine: string;
  hooks: string | null;
  hooksNote: string;
  cache: string;
}

function text({ version, node, engine, hooks, hooksNote, cache }: Found): string {
  const rows = [
    ['version', `percpu-malta ${version}, Node ${node}`],
    ['engine', engine],
    ['C hooks', hooks === null ? `none (${hooksNote}): boots take about six times as long` : `${hooks} (${hooksNote})`],
    ['cache', cache],
    ['next', 'percpu-malta boot'],
  ];
  return rows.map(([key, value]) => `${key!.padEnd(8)} ${value}\n`).join('');
}
