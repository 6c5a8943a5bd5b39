// Finds a build of unicorn.js on disk: a file that was named, else the package.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { compileFunction } from 'node:vm';
import { EngineMissingError } from '../../errors.js';
import { instantiateUnicornJs, type UnicornFactory, type UnicornJsLibrary } from './library.js';

/** Not on every registry: docs/unicornjs.md says where to get a build. */
const PACKAGE = '@alexaltea/unicorn-js';

/** @throws EngineMissingError in one line that names file and reason */
export async function loadUnicornJsFile(file: string): Promise<UnicornJsLibrary> {
  try {
    return await instantiateUnicornJs(evaluate(path.resolve(file)), file);
  } catch (error) {
    throw new EngineMissingError(`unicorn.js: ${file}: ${reason(error)}`);
  }
}

/** The MIPS build of the installed package, else the one with all architectures. @throws Error (ERR_MODULE_NOT_FOUND without it) */
export async function loadUnicornJsPackage(): Promise<UnicornJsLibrary> {
  const load = async (name: string): Promise<UnicornJsLibrary> => {
    const { default: factory } = (await import(name)) as { default: UnicornFactory };
    return instantiateUnicornJs(factory, name);
  };
  try {
    return await load(`${PACKAGE}/mips`);
  } catch (first) {
    return load(PACKAGE).catch(() => Promise.reject(first as Error));
  }
}

/** Runs a UMD script as CommonJS wherever it lies: below a package.json with "type": "module", import() would find no exports. */
function evaluate(file: string): UnicornFactory {
  const source = fs.readFileSync(file, 'utf8');
  const module = { exports: {} };
  const parameters = ['exports', 'require', 'module', '__filename', '__dirname'];
  const run = compileFunction(source, parameters, { filename: file }) as (...values: unknown[]) => void;
  run(module.exports, createRequire(file), module, file, path.dirname(file));
  return module.exports as UnicornFactory;
}

/** What went wrong, in one short line. */
function reason(error: unknown): string {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a folder, need the file unicorn_mips.js';
  const [line] = String(message ?? error).split('\n', 1);
  return `${name === undefined || name === 'Error' ? '' : `${name}: `}${line}`.slice(0, 300);
}
