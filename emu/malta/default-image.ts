// The guest image of this package. Where there are no files, MachineOptions.image says what is loaded.
import path from 'node:path';
import type { GuestImage } from '../elf/image.js';
import { loadImage } from '../elf/image-file.js';
import { packageRoot } from '../unicorn/package-root.js';

/** The image committed under fixtures/guest. */
export function defaultImageFile(): string {
  return path.join(packageRoot(), 'fixtures', 'guest', 'vmlinux.elf');
}

/** It, read once per process. */
export function defaultImage(): GuestImage {
  return loadImage(defaultImageFile());
}
