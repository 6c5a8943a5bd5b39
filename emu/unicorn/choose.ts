// Chooses the engine: what was asked for, else libunicorn, else the WebAssembly build, else a message with the cure.
import { EngineMissingError, UsageError } from '../errors.js';
import { buildDir, cacheDir } from './cache-dir.js';
import type { EngineKind, EngineLibrary } from './engine.js';
import { packageRoot } from './package-root.js';

const INSTALL = [
  'install libunicorn:',
  '  Debian, Ubuntu  sudo apt-get install libunicorn2',
  '  Fedora          sudo dnf install unicorn',
  '  Arch            sudo pacman -S unicorn',
  '  macOS           brew install unicorn',
  'or let set-up fetch a private copy (Debian, Ubuntu): percpu-malta setup, in a checkout npm run setup',
  'or take the WebAssembly engine, unicorn.js: --engine unicorn.js:FILE (docs/unicornjs.md says where it comes from)',
].join('\n');

export { packageRoot };

/** What `--engine` and PERCPU_MALTA_ENGINE take. */
export const ENGINE_CHOICES = 'native, unicorn.js or unicorn.js:FILE';

/**
 * Loads the engine named by `choice`, else by PERCPU_MALTA_ENGINE, else the first usable of native and unicorn.js. The file of
 * unicorn.js is the one in `choice`, else PERCPU_MALTA_UNICORN_JS, else the installed package's.
 * @throws UsageError for an unknown name @throws EngineMissingError when none is usable, with the install commands; when a file was
 *   named, in one line
 */
export async function loadEngine(choice = process.env.PERCPU_MALTA_ENGINE): Promise<EngineLibrary> {
  const [, name = '', file] = /^([^:]*)(?::(.*))?$/s.exec(choice ?? '') ?? [];
  if (
    (choice && name !== 'native' && name !== 'unicorn.js') ||
    file === '' ||
    (file !== undefined && name === 'native')
  )
    throw new UsageError(`unknown engine '${choice}': use ${ENGINE_CHOICES}`);
  const wanted: EngineKind[] = choice ? [name as EngineKind] : ['native', 'unicorn.js'];
  const problems: string[] = [];
  for (const kind of wanted) {
    const library = await (kind === 'native' ? loadNative(problems) : loadWebAssembly(file, problems));
    if (library) return library;
  }
  const reasons = problems.map((problem) => `  ${problem}\n`).join('');
  throw new EngineMissingError(`no usable Unicorn engine (tried ${wanted.join(', ')})\n${reasons}${INSTALL}`);
}

async function loadNative(problems: string[]): Promise<EngineLibrary | undefined> {
  try {
    const { loadLibUnicorn } = await import('./libunicorn.js');
    const lib = loadLibUnicorn(cacheDir(), problems);
    if (!lib) return undefined;
    const { NativeLibrary } = await import('./native.js');
    return new NativeLibrary(lib, buildDir());
  } catch (error) {
    problems.push(`koffi: ${(error as Error).message}`);
    return undefined;
  }
}

async function loadWebAssembly(named: string | undefined, problems: string[]): Promise<EngineLibrary | undefined> {
  const { loadUnicornJsFile, loadUnicornJsPackage } = await import('./unicornjs/load.js');
  const file = named ?? process.env.PERCPU_MALTA_UNICORN_JS;
  if (file) return loadUnicornJsFile(file);
  try {
    return await loadUnicornJsPackage();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND')
      problems.push(`unicorn.js: ${(error as Error).message}`);
    return undefined;
  }
}
