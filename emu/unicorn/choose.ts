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
  'or install the WebAssembly engine: npm install @alexaltea/unicorn-js',
].join('\n');

export { packageRoot };

/**
 * Loads the engine named by `choice`, else by PERCPU_MALTA_ENGINE, else the first usable of native and unicorn.js.
 * @throws UsageError for an unknown name @throws EngineMissingError when none is usable, with the install commands
 */
export async function loadEngine(choice = process.env.PERCPU_MALTA_ENGINE): Promise<EngineLibrary> {
  if (choice && choice !== 'native' && choice !== 'unicorn.js')
    throw new UsageError(`unknown engine '${choice}': use native or unicorn.js`);
  const wanted: EngineKind[] = choice ? [choice as EngineKind] : ['native', 'unicorn.js'];
  const problems: string[] = [];
  for (const kind of wanted) {
    const library = await (kind === 'native' ? loadNative(problems) : loadWebAssembly(problems));
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

async function loadWebAssembly(problems: string[]): Promise<EngineLibrary | undefined> {
  try {
    const { loadUnicornJs } = await import('./unicornjs.js');
    return await loadUnicornJs();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND')
      problems.push(`unicorn.js: ${(error as Error).message}`);
    return undefined;
  }
}
