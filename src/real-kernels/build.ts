// A big-endian kernel for the Malta, built from Debian's linux-source-6.1 package by Debian's cross compiler.
import fs from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../../emu/unicorn/package-root.js';
import { UsageError } from '../errors.js';
import { Apt } from './apt.js';
import type { Found } from './debian.js';
import { initialRamDisk } from './initrd.js';
import { keepKernel, keptKernel, sha256 } from './kept-kernel.js';
import { WITHOUT_FLUSH, withoutFlush } from './source-change.js';
import { hasTool, runTool, type StatusLine } from './tool.js';

const SOURCE_PACKAGE = 'linux-source-6.1';
const CROSS_COMPILE = 'mips-linux-gnu-';
/** Programs and the Debian packages that have them. */
const TOOLS: Readonly<Record<string, string>> = {
  [`${CROSS_COMPILE}gcc`]: 'gcc-mips-linux-gnu',
  [`${CROSS_COMPILE}ld`]: 'binutils-mips-linux-gnu',
  gcc: 'gcc libc6-dev',
  make: 'make',
  bison: 'bison',
  flex: 'flex',
  bc: 'bc',
  tar: 'tar',
  xz: 'xz-utils',
};

export interface BuildOptions {
  readonly cache: string;
  readonly pageSize: '4k' | '16k';
  readonly withoutFlush: boolean;
  /** The package's tar file, or a folder with what is in it. */
  readonly source: string | undefined;
  readonly jobs: number;
  readonly status: StatusLine;
}

/** @throws UsageError when tools or source are missing, or the build fails */
export async function buildKernel(options: BuildOptions): Promise<Found> {
  const missing = Object.keys(TOOLS).filter((tool) => !hasTool(tool));
  if (missing.length > 0) {
    const packages = missing.map((tool) => TOOLS[tool]).join(' ');
    throw new UsageError(`building a kernel needs ${missing.join(', ')}: apt-get install ${packages}`);
  }
  const { cache, pageSize, status } = options;
  const fragment = configuration(pageSize);
  const { source, packageVersion } = await unpackedSource(options);
  const percpu = path.join(source, 'mm/percpu.c');
  // The source tree serves both variants: the file is put there as this build wants it, and goes back.
  const original = fs.readFileSync(percpu, 'utf8');
  const wanted = options.withoutFlush ? withoutFlush(original) : original;
  const name = `linux-6.1-${pageSize}${options.withoutFlush ? '-without-flush' : ''}`;
  const folder = path.join(cache, name);
  const kept = keptKernel(folder);
  if (kept?.packageVersion === packageVersion && kept.files['fragment.config'] === sha256(Buffer.from(fragment)))
    return { folder, kernel: kept };

  const objects = path.join(cache, 'build', `objects-${pageSize}`);
  fs.mkdirSync(objects, { recursive: true });
  fs.writeFileSync(path.join(objects, 'fragment.config'), fragment);
  const make = (what: string, args: readonly string[], onLine?: (line: string) => void): Promise<void> => {
    status.show(what);
    return runTool(
      'make',
      ['-C', source, `O=${path.resolve(objects)}`, 'ARCH=mips', `CROSS_COMPILE=${CROSS_COMPILE}`, ...args],
      {
        // The same source gives the same bytes, whoever builds it and when.
        env: {
          KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 1970',
          KBUILD_BUILD_USER: 'percpu-malta',
          KBUILD_BUILD_HOST: 'percpu-malta',
          KBUILD_BUILD_VERSION: '1',
          KCONFIG_ALLCONFIG: path.resolve(objects, 'fragment.config'),
          MAKEFLAGS: '',
        },
        ...(onLine ? { onLine } : {}),
      },
    );
  };
  try {
    if (wanted !== original) fs.writeFileSync(percpu, wanted);
    await make('configuring', ['-s', 'allnoconfig']);
    checkConfiguration(fragment, path.join(objects, '.config'));
    let compiled = 0;
    await make('building', [`-j${options.jobs}`, 'vmlinux'], (line) => {
      const file = /^ +(?:CC|AS|LD|AR) +(\S+)/.exec(line)?.[1];
      if (file !== undefined) status.show(`building ${name}: ${++compiled} files, ${file}`);
    });
  } finally {
    if (wanted !== original) fs.writeFileSync(percpu, original);
    status.clear();
  }
  const read = (file: string): Uint8Array => fs.readFileSync(path.join(objects, file));
  const kernel = keepKernel(
    folder,
    {
      version: Buffer.from(read('include/config/kernel.release')).toString('utf8').trim(),
      package: SOURCE_PACKAGE,
      packageVersion,
      byteOrder: 'big',
      pageSize: pageSize === '4k' ? 4096 : 16384,
      modules: [],
      changes: options.withoutFlush ? [WITHOUT_FLUSH] : [],
      kernel: 'vmlinux',
      initrd: 'initrd.cpio',
    },
    {
      vmlinux: read('vmlinux'),
      'System.map': read('System.map'),
      config: read('.config'),
      'fragment.config': Buffer.from(fragment),
      'initrd.cpio': initialRamDisk('big', []),
    },
  );
  return { folder, kernel };
}

function configuration(pageSize: '4k' | '16k'): string {
  const ours = fs.readFileSync(path.join(packageRoot(), 'fixtures/kernels/malta.config'), 'utf8');
  return `${ours}\nCONFIG_CPU_BIG_ENDIAN=y\nCONFIG_PAGE_SIZE_${pageSize.slice(0, -1)}KB=y\n`;
}

/** Options that the kernel's own rules took away again would give another kernel than was asked for. */
function checkConfiguration(fragment: string, file: string): void {
  const lines = new Set(fs.readFileSync(file, 'utf8').split('\n'));
  const lost = fragment.split('\n').filter((line) => line.startsWith('CONFIG_') && !lines.has(line));
  if (lost.length > 0) throw new UsageError(`this source does not take ${lost.join(', ')}: is it Linux 6.1?`);
}

/** The unpacked source in the cache and what it is. */
async function unpackedSource({
  cache,
  source,
  status,
}: BuildOptions): Promise<{ source: string; packageVersion: string }> {
  const build = path.join(cache, 'build');
  let tar = source;
  if (source !== undefined && !fs.existsSync(source)) throw new UsageError(`${source}: no such file`);
  if (source !== undefined && fs.statSync(source).isDirectory()) {
    if (!fs.existsSync(path.join(source, 'mm/percpu.c')))
      throw new UsageError(`${source}: no kernel source in it (mm/percpu.c is missing)`);
    const copy = path.join(build, 'source-of-folder');
    status.show(`copying ${source}`);
    fs.rmSync(copy, { recursive: true, force: true });
    fs.cpSync(source, copy, { recursive: true, verbatimSymlinks: true });
    return { source: copy, packageVersion: linuxVersion(copy) };
  }
  const work = path.join(build, 'apt');
  try {
    if (tar === undefined) {
      const installed = `/usr/src/${SOURCE_PACKAGE}.tar.xz`;
      tar = fs.existsSync(installed) ? installed : await downloadSource(work, status);
    }
    const target = path.join(build, `source-${await digest(tar)}`);
    if (!fs.existsSync(target)) {
      const unfinished = `${target}.${process.pid}`;
      fs.mkdirSync(unfinished, { recursive: true });
      try {
        let files = 0;
        await runTool('tar', ['-xvf', path.resolve(tar), '--strip-components=1', '-C', unfinished], {
          onLine: () => {
            if (++files % 500 === 0) status.show(`unpacking ${SOURCE_PACKAGE}: ${files} files`);
          },
        });
        if (!fs.existsSync(path.join(unfinished, 'mm/percpu.c')))
          throw new UsageError(`${tar}: no kernel source in it (mm/percpu.c is missing)`);
        fs.renameSync(unfinished, target);
      } finally {
        fs.rmSync(unfinished, { recursive: true, force: true });
      }
    }
    return { source: target, packageVersion: linuxVersion(target) };
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
    status.clear();
  }
}

async function downloadSource(work: string, status: StatusLine): Promise<string> {
  if (!Apt.available())
    throw new UsageError(
      `there is no apt here: get Debian 12's ${SOURCE_PACKAGE} package and give its ${SOURCE_PACKAGE}.tar.xz by --source`,
    );
  const apt = new Apt(work, undefined, status);
  await apt.update();
  const deb = await apt.download(SOURCE_PACKAGE);
  status.show(`unpacking ${path.basename(deb)}`);
  await runTool('dpkg-deb', ['-x', deb, path.join(work, 'root')]);
  return path.join(work, 'root/usr/src', `${SOURCE_PACKAGE}.tar.xz`);
}

/** Names the file's contents: the unpacked source is kept under it. Sixteen hexadecimal digits. */
async function digest(file: string): Promise<string> {
  let line = '';
  await runTool('sha256sum', [file], { onLine: (text) => (line = text) });
  return line.slice(0, 16);
}

/** VERSION.PATCHLEVEL.SUBLEVEL of the top Makefile. */
function linuxVersion(source: string): string {
  const makefile = fs.readFileSync(path.join(source, 'Makefile'), 'utf8');
  return ['VERSION', 'PATCHLEVEL', 'SUBLEVEL']
    .map((name) => new RegExp(`^${name} = (\\d+)$`, 'm').exec(makefile)?.[1] ?? '?')
    .join('.');
}
