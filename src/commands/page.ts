// `percpu-malta page`: one self-contained HTML file in which the guest boots in the reader's browser.
import fs from 'node:fs';
import { Command } from 'commander';
import { loadUnicornJsFile } from '../../emu/unicorn/unicornjs/load.js';
import { bootPage, packAssets } from '../boot-page/document.js';
import { UsageError } from '../errors.js';
import { openOutput } from '../files/output.js';

interface PageFlags {
  unicornJs?: string;
  out?: string;
  assets?: string;
}

export function pageCommand(): Command {
  return new Command('page')
    .description('write a page that boots the guest in the browser, with a build of unicorn.js in it')
    .option('--unicorn-js <file>', 'the MIPS build, unicorn_mips.js (default: PERCPU_MALTA_UNICORN_JS)')
    .option('-o, --out <file>', 'the page, HTML')
    .option('--assets <file>', 'write the data of percpu-malta/browser there, JSON')
    .action(async ({ unicornJs = process.env.PERCPU_MALTA_UNICORN_JS, out, assets }: PageFlags) => {
      if (out === undefined && assets === undefined) throw new UsageError('-o FILE: where is the page to go?');
      const data = openOutput('--assets', assets);
      data?.write(JSON.stringify(packAssets()));
      if (out === undefined) return;
      if (!unicornJs)
        throw new UsageError(
          '--unicorn-js FILE: which engine is to be in the page? (docs/unicornjs.md says where to get one)',
        );
      await loadUnicornJsFile(unicornJs); // is it one?
      openOutput('--out', out)!.write(bootPage(fs.readFileSync(unicornJs, 'utf8')));
    });
}
