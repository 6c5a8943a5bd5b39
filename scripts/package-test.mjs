#!/usr/bin/env node
// What a user of the npm package does: pack, install in an empty folder, set up, boot, explain, make a page, import the library. Uses npm and
// its registry (or cache) for the two dependencies. About ten seconds.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './setup/paths.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'percpu-malta-package-'));
const empty = path.join(folder, 'project');
const npm = (cwd, ...args) =>
  execFileSync('npm', [...args, '--loglevel=error', '--no-fund', '--no-audit'], { cwd, encoding: 'utf8' });
const step = (text) => console.log(`package: ${text}`);

try {
  const [{ filename, files, size }] = JSON.parse(npm(root, 'pack', '--json', '--pack-destination', folder));
  step(`${filename}, ${files.length} files, ${(size / 1024).toFixed(0)} KB`);
  const unwanted = files.map(({ path: file }) => file).filter((file) => /\.map$|\.test\.|vitest|eslint/.test(file));
  assert.deepEqual(unwanted, [], 'tests and source maps stay at home');

  fs.mkdirSync(empty);
  npm(empty, 'init', '-y');
  npm(empty, 'install', '--prefer-offline', path.join(folder, filename));
  const installed = path.join(empty, 'node_modules/percpu-malta');
  // As for another user than the one who installed it.
  execFileSync('chmod', ['-R', 'a-w', installed]);
  const env = { ...process.env, XDG_CACHE_HOME: path.join(folder, 'cache') };
  delete env.PERCPU_MALTA_CACHE;
  const command = (...args) => {
    const bin = path.join(empty, 'node_modules/.bin/percpu-malta');
    const { status, stdout, stderr } = spawnSync(bin, args, { cwd: empty, env, encoding: 'utf8' });
    assert.equal(status, 0, `percpu-malta ${args.join(' ')}: ${stderr}`);
    return { stdout, stderr };
  };

  const found = JSON.parse(command('setup', '--json').stdout);
  step(`${found.engine}, hooks ${found.hooks ?? `none: ${found.hooksNote}`}`);
  assert.equal(found.cache, path.join(folder, 'cache/percpu-malta'));
  if (spawnSync('cc', ['--version']).status === 0) {
    assert.match(found.hooks ?? '', /cache\/percpu-malta\/\d/);
    for (const name of fs.readdirSync(found.hooks)) if (/\.so$/.test(name)) fs.rmSync(path.join(found.hooks, name));
    assert.match(command('boot', '--quiet', '--controllers', '1').stderr, /^set-up: compiling the hooks/);
  }

  const boot = command('boot', '--seed', '1', '--json');
  assert.equal(boot.stderr, '');
  const here = spawnSync(
    process.execPath,
    [path.join(root, 'scripts/percpu-malta.mjs'), 'boot', '--seed', '1', '--json'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(boot.stdout, here.stdout, 'the same boot as in the checkout');
  step('boots as the checkout does');

  assert.match(command('explain', '--seed', '1', '--html', 'page.html').stdout, /The cause is event \d+/);
  assert.match(fs.readFileSync(path.join(empty, 'page.html'), 'utf8'), /<\/html>\s*$/);
  assert.match(command('sweep', '--seeds', '1..2', '--controllers', '1').stdout, /^boots +2$/m);
  step('explains, draws, sweeps');

  const script = `import('percpu-malta').then((library) => console.log(Object.keys(library).join()))`;
  const names = execFileSync(process.execPath, ['-e', script], { cwd: empty, encoding: 'utf8' });
  assert.match(names, /Machine/);
  step('can be imported');

  for (const name of fs.readdirSync(path.join(installed, 'examples'))) {
    const example = path.join(installed, 'examples', name);
    assert.notEqual(execFileSync(process.execPath, [example], { cwd: empty, env, encoding: 'utf8' }), '');
    step(`examples/${name} runs`);
  }
} finally {
  if (fs.existsSync(empty)) execFileSync('chmod', ['-R', 'u+w', empty]);
  fs.rmSync(folder, { recursive: true, force: true });
}
