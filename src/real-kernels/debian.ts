// Debian's stock kernel for the Malta (little endian, 4 KB pages, the MegaRAID driver as a module) out of its package.
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.js';
import { Apt } from './apt.js';
import { initialRamDisk } from './initrd.js';
import { keepKernel, keptKernel, type KeptKernel } from './kept-kernel.js';
import { modulesToLoad } from './kernel-module.js';
import { hasTool, runTool, type StatusLine } from './tool.js';

const META_PACKAGE = 'linux-image-4kc-malta';
const ARCHITECTURE = 'mipsel';
const MODULE = 'megaraid_sas';
const NO_APT =
  'get a linux-image-*-4kc-malta package for mipsel (Debian 12 has the last) from a Debian mirror and give it by --deb FILE';

/** A kernel and the folder it is in. */
export interface Found {
  readonly folder: string;
  readonly kernel: KeptKernel;
}

/**
 * The kernel of `deb`, else of the newest package that apt knows, out of `cache` when it is there already.
 * @param deb a linux-image package for mipsel @throws UsageError when there is no way to get one, or it is something else
 */
export async function debianKernel(cache: string, deb: string | undefined, status: StatusLine): Promise<Found> {
  if (deb !== undefined) {
    if (!fs.existsSync(deb)) throw new UsageError(`${deb}: no such file`);
    if (!hasTool('dpkg-deb')) throw new UsageError('dpkg-deb is needed to unpack a Debian package: install dpkg');
    return unpack(cache, deb, status);
  }
  if (!Apt.available()) throw new UsageError(`there is no apt here: ${NO_APT}`);
  const work = path.join(cache, `apt-${ARCHITECTURE}`);
  try {
    const apt = new Apt(work, ARCHITECTURE, status);
    await apt.update();
    const image = apt.dependencies(META_PACKAGE).find((name) => /^linux-image-.*-4kc-malta$/.test(name));
    if (image === undefined)
      throw new UsageError(`apt's sources have no ${META_PACKAGE} for ${ARCHITECTURE}: ${NO_APT}`);
    const folder = path.join(cache, image);
    const kernel = keptKernel(folder);
    return kernel ? { folder, kernel } : await unpack(cache, await apt.download(image), status);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

async function unpack(cache: string, deb: string, status: StatusLine): Promise<Found> {
  const field = async (name: string): Promise<string> => {
    let value = '';
    await runTool('dpkg-deb', ['-f', deb, name], { onLine: (line) => (value = line) });
    return value;
  };
  const name = await field('Package');
  if (!/^linux-image-.*malta/.test(name) || (await field('Architecture')) !== ARCHITECTURE)
    throw new UsageError(
      `${deb}: ${name} is no kernel for the little-endian Malta: take linux-image-*-4kc-malta for ${ARCHITECTURE}`,
    );
  const packageVersion = await field('Version');
  const folder = path.join(cache, name);
  const kept = keptKernel(folder);
  if (kept?.packageVersion === packageVersion) return { folder, kernel: kept };

  const work = path.join(cache, `unpack.${process.pid}`);
  status.show(`unpacking ${name}`);
  try {
    fs.mkdirSync(work, { recursive: true });
    await runTool('dpkg-deb', ['-x', deb, work]);
    const image = fs.existsSync(path.join(work, 'boot'))
      ? fs.readdirSync(path.join(work, 'boot')).find((file) => /^vmlinu[xz]-/.test(file))
      : undefined;
    if (image === undefined)
      throw new UsageError(`${deb}: there is no kernel in it (a meta-package? take the package it depends on)`);
    const version = image.replace(/^vmlinu[xz]-/, '');
    // usr/lib where the package's own /lib is a link into /usr.
    const modulesFolder = ['lib', 'usr/lib']
      .map((lib) => path.join(work, lib, 'modules', version))
      .find((at) => fs.existsSync(at));
    if (modulesFolder === undefined) throw new UsageError(`${deb}: there are no modules of ${version} in it`);
    const modules = modulesToLoad(modulesFolder, MODULE);
    const initrd = initialRamDisk('little', modules);
    const kernel = keepKernel(
      folder,
      {
        version,
        package: name,
        packageVersion,
        byteOrder: 'little',
        pageSize: 4096,
        modules: modules.map((module) => module.name),
        changes: [],
        kernel: image,
        initrd: 'initrd.cpio',
      },
      {
        [image]: fs.readFileSync(path.join(work, 'boot', image)),
        config: fs.readFileSync(path.join(work, 'boot', `config-${version}`)),
        'initrd.cpio': initrd,
      },
    );
    return { folder, kernel };
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
    status.clear();
  }
}
