// The assets as one piece of JSON, for pages: packed in Node, used where there are no files.
import { guestImage } from '../../emu/elf/image.js';
import type { Assets, PageAssets } from './assets.js';

/** All of it is text; the image is base64. */
export interface PackedAssets {
  readonly version: string;
  readonly image: { readonly file: string; readonly elf: string; readonly lines: string; readonly types: string };
  readonly bootTables: Readonly<Record<string, string>>;
  readonly page: PageAssets;
}

export function embeddedAssets({ version, image, bootTables, page }: PackedAssets): Assets {
  let parsed: ReturnType<Assets['guestImage']> | undefined;
  return {
    guestImage() {
      const bytes = Uint8Array.from(atob(image.elf), (character) => character.charCodeAt(0));
      parsed ??= guestImage(image.file, bytes, image.lines, image.types);
      return parsed;
    },
    bootTable(name) {
      const table = bootTables[name];
      if (table === undefined) throw new Error(`no recorded boot '${name}' in this page`);
      return table;
    },
    version: () => version,
    pageAssets: () => page,
  };
}
