// `percpu-malta kernel` without a network: packages of our own making, tools that are missing or fail.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../../scripts/percpu-malta.mjs', import.meta.url));
beforeAll(() => void spawnSync(process.execPath, [cli, '--version'])); // builds what is stale, with all tools

const dpkgDeb = spawnSync('dpkg-deb', ['--version']).error === undefined;
let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'kernel-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** The command with only `tools` of the system in its PATH; no list: all. */
function kernel(args: readonly string[], tools?: readonly string[]) {
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin, { recursive: true });
  for (const tool of tools ?? []) {
    const real = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    if (real !== '') fs.symlinkSync(real, path.join(bin, tool));
  }
  return spawnSync(process.execPath, [cli, 'kernel', ...args, '--cache', path.join(folder, 'cache')], {
    encoding: 'utf8',
    env: tools ? { ...process.env, PATH: bin } : process.env,
  });
}

/** A package with `files` in it. */
function deb(name: string, architecture: string, files: Readonly<Record<string, string>>): string {
  const root = path.join(folder, name);
  for (const [file, contents] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), contents);
  }
  fs.mkdirSync(path.join(root, 'DEBIAN'), { recursive: true });
  fs.writeFileSync(
    path.join(root, 'DEBIAN/control'),
    `Package: ${name}\nVersion: 1.0\nArchitecture: ${architecture}\nMaintainer: nobody <nobody@example.org>\nDescription: test\n`,
  );
  const file = path.join(folder, `${name}.deb`);
  expect(spawnSync('dpkg-deb', ['-Zgzip', '-b', root, file]).status).toBe(0);
  return file;
}

const oneLine = (text: string): boolean => /^percpu-malta: [^\n]+\n$/.test(text);

describe('kernel debian', () => {
  it('says what to do where there is no apt', () => {
    const { status, stderr } = kernel(['debian'], []);
    expect(stderr).toMatch(/there is no apt here: get a linux-image-\*-4kc-malta package .* --deb FILE/);
    expect([oneLine(stderr), status]).toEqual([true, 2]);
  });

  it('says that dpkg-deb is missing, that the file is', () => {
    fs.writeFileSync(path.join(folder, 'x.deb'), '');
    expect(kernel(['debian', '--deb', path.join(folder, 'x.deb')], []).stderr).toMatch(/dpkg-deb is needed/);
    expect(kernel(['debian', '--deb', path.join(folder, 'y.deb')], []).stderr).toMatch(/y\.deb: no such file/);
  });

  it.skipIf(!dpkgDeb)('refuses packages that are no Malta kernel, and what is no package', () => {
    const other = kernel(['debian', '--deb', deb('linux-image-6.1.0-1-5kc-other', 'mipsel', {})]);
    expect(other.stderr).toMatch(/is no kernel for the little-endian Malta/);
    const amd64 = kernel(['debian', '--deb', deb('linux-image-6.1.0-1-4kc-malta', 'amd64', {})]);
    expect(amd64.stderr).toMatch(/is no kernel for the little-endian Malta/);
    const meta = kernel(['debian', '--deb', deb('linux-image-4kc-malta', 'mipsel', {})]);
    expect(meta.stderr).toMatch(/there is no kernel in it \(a meta-package\?/);
    expect([oneLine(meta.stderr), meta.status]).toEqual([true, 2]);
    expect(fs.readdirSync(path.join(folder, 'cache'))).toEqual([]);
    fs.writeFileSync(path.join(folder, 'x.deb'), 'no package');
    const broken = kernel(['debian', '--deb', path.join(folder, 'x.deb')]);
    expect(broken.stderr).toMatch(/dpkg-deb .* failed \(exit code 2\)/);
    expect(broken.status).toBe(2);
  });

  it.skipIf(!dpkgDeb)(
    'takes kernel, configuration and modules out of a package, and the next time out of the cache',
    () => {
      const file = deb('linux-image-6.1.0-9-4kc-malta', 'mipsel', {
        'boot/vmlinuz-6.1.0-9-4kc-malta': 'kernel',
        'boot/config-6.1.0-9-4kc-malta': 'CONFIG_X=y\n',
        'lib/modules/6.1.0-9-4kc-malta/modules.builtin': 'kernel/drivers/scsi/megaraid/megaraid_sas.ko\n',
      });
      const first = kernel(['debian', '--deb', file, '--json']);
      expect(first.stderr).toBe('');
      const made = JSON.parse(first.stdout);
      expect(made).toMatchObject({
        version: '6.1.0-9-4kc-malta',
        packageVersion: '1.0',
        byteOrder: 'little',
        modules: [],
      });
      expect(made.files).toHaveProperty('initrd.cpio');
      expect(fs.readFileSync(path.join(made.folder, made.kernel), 'utf8')).toBe('kernel');
      expect(fs.readdirSync(path.join(folder, 'cache'))).toEqual(['linux-image-6.1.0-9-4kc-malta']);
      const inode = fs.statSync(made.folder).ino;
      expect(kernel(['debian', '--deb', file, '--json']).stdout).toBe(first.stdout);
      expect(fs.statSync(made.folder).ino).toBe(inode);
      // A damaged one is made again.
      fs.writeFileSync(path.join(made.folder, made.kernel), 'kernex');
      expect(kernel(['debian', '--deb', file, '--json']).stdout).toBe(first.stdout);
      expect(fs.readFileSync(path.join(made.folder, made.kernel), 'utf8')).toBe('kernel');
      expect(kernel(['debian', '--deb', file]).stdout).toMatch(
        /^run it:\n {2}percpu-malta run .*vmlinuz-6\.1\.0-9-4kc-malta --initrd /m,
      );
    },
  );
});

describe('kernel build', () => {
  it('says which tools are missing and how to get them', () => {
    const { status, stderr } = kernel(['build'], ['make', 'gcc']);
    expect(stderr).toMatch(
      /needs mips-linux-gnu-gcc, .*bison, flex, bc, .*: apt-get install gcc-mips-linux-gnu .*bison flex bc/,
    );
    expect([oneLine(stderr), status]).toEqual([true, 2]);
  });
});
