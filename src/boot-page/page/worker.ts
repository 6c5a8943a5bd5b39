// The Worker of the page: the engine's own script stands before this one and has defined MUnicorn.
import { type EngineLibrary } from '../../../emu/unicorn/engine.js';
import { instantiateUnicornJs, type UnicornFactory } from '../../../emu/unicorn/unicornjs/library.js';
import { provideAssets } from '../../assets/assets.js';
import { embeddedAssets } from '../../assets/embedded-assets.js';
import { bootInPage } from '../boot.js';
import type { Reply, Request } from '../messages.js';

const scope = globalThis as unknown as {
  MUnicorn?: UnicornFactory;
  postMessage(reply: Reply): void;
  onmessage: ((event: { data: Request }) => void) | null;
};
const reply = (message: Reply): void => scope.postMessage(message);

/** One line, whatever was thrown. */
const reason = (error: unknown): string => String(error instanceof Error ? error.message : error).split('\n', 1)[0]!;

let engine: Promise<EngineLibrary> | undefined;

scope.onmessage = ({ data }) => {
  void answer(data).catch((error: unknown) => reply({ failure: reason(error) }));
};

async function answer(request: Request): Promise<void> {
  if ('assets' in request) {
    provideAssets(embeddedAssets(request.assets));
    if (typeof WebAssembly !== 'object') throw new Error('this browser has no WebAssembly, or a policy forbids it');
    if (scope.MUnicorn === undefined)
      throw new Error('the script in this page is no unicorn.js: it defines no MUnicorn');
    engine = instantiateUnicornJs(scope.MUnicorn, 'in this page');
    reply({ engine: (await engine).description });
    return;
  }
  const { result, signature, log, report } = bootInPage(await engine!, request.setup, request.seed, (line) =>
    reply({ line }),
  );
  reply({ done: { outcome: result.outcome, signature, log, report } });
}
