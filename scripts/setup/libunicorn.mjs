// Fetches a private copy of libunicorn on Debian and Ubuntu when no engine is found: no root needed, nothing installed.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { cacheDir, distDir } from './paths.mjs';
import { say } from './say.mjs';

const PACKAGES = ['libunicorn2', 'libunicorn2t64'];

async function engineFound() {
  const { loadEngine } = await import(path.join(distDir, 'engine.js'));
  try {
    await loadEngine();
    return true;
  } catch {
    return false;
  }
}

/** Needs the packages and dist/. Says what it does; when it cannot, whatever needs the engine tells the user. */
export async function ensureLibunicorn() {
  // Whoever names a library or an engine gets that or an error, never another one.
  if (process.env.UNICORN_LIB || process.env.PERCPU_MALTA_ENGINE === 'unicorn.js' || (await engineFound())) return;
  const tools = ['apt-get', 'dpkg'];
  if (tools.some((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0)) return;
  say('fetching a private copy of libunicorn (apt-get download, no root)');
  const unfinished = path.join(cacheDir, `libunicorn.${process.pid}`);
  const finished = path.join(cacheDir, 'libunicorn');
  try {
    if (download(unfinished)) {
      // An earlier copy that cannot be loaded is of no use.
      fs.rmSync(finished, { recursive: true, force: true });
      fs.renameSync(unfinished, finished);
    } else say('that failed; see above');
  } catch (error) {
    say(`that failed: ${error.message}`);
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Downloads the package into `folder` and unpacks it there, with apt's lists and caches below it. */
function download(folder) {
  for (const part of ['lists/partial', 'cache/archives/partial', 'root'])
    fs.mkdirSync(path.join(folder, part), { recursive: true });
  const options = [
    `Dir::State::lists=${path.join(folder, 'lists')}`,
    `Dir::Cache=${path.join(folder, 'cache')}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
  ].flatMap((option) => ['-o', option]);
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...options, ...args], { cwd: folder, stdio: ['ignore', 2, 2] }).status === 0;
  if (!apt('update')) return false;
  if (!PACKAGES.some((name) => apt('download', name))) return false;
  const archive = fs.readdirSync(folder).find((name) => name.endsWith('.deb'));
  const unpacked = spawnSync('dpkg', ['-x', path.join(folder, archive), path.join(folder, 'root')], {
    stdio: ['ignore', 2, 2],
  });
  for (const part of ['lists', 'cache', archive]) fs.rmSync(path.join(folder, part), { recursive: true });
  return unpacked.status === 0;
}
