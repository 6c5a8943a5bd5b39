// What a boot and its page need and is not code: the guest image, the recorded boots, the version, the page's own script and style.
// In Node these are files of this package (node-assets.ts); in a page they were handed over (provideAssets).
import type { GuestImage } from '../../emu/elf/image.js';
import { nodeAssets } from './node-assets.js';

/** Script and style of one kind of report page. */
export interface PageAssets {
  /** As it stands in a script element: nothing in it ends the element. */
  readonly script: string;
  /** Base64 of its SHA-256, for the content security policy. */
  readonly scriptHash: string;
  readonly style: string;
}

export interface Assets {
  guestImage(): GuestImage;
  /** Text of fixtures/boot/`name`.tsv. */
  bootTable(name: string): string;
  /** Of this package, as in package.json. */
  version(): string;
  pageAssets(kind: 'boot' | 'table'): PageAssets;
}

let provided: Assets | undefined = nodeAssets;

export function assets(): Assets {
  if (!provided) throw new Error('nothing was provided yet: call provideAssets first');
  return provided;
}

/** Where there are no files: what is to be used from now on. */
export function provideAssets(given: Assets): void {
  provided = given;
}
