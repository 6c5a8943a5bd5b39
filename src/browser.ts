// `percpu-malta/browser`: boots in a page or any other place without Node. The engine is a build of unicorn.js (docs/unicornjs.md), the data
// are those that `percpu-malta page --assets FILE` writes.
export { instantiateUnicornJs, type UnicornFactory, UnicornJsLibrary } from '../emu/unicorn/unicornjs/library.js';
export type { EngineLibrary } from '../emu/unicorn/engine.js';
export { type Assets, provideAssets } from './assets/assets.js';
export { embeddedAssets, type PackedAssets } from './assets/embedded-assets.js';
export { bootInPage, type BootInPage } from './boot-page/boot.js';
export { type BootSetup, DEFAULT_SETUP, setupBootOptions } from './experiments/setup.js';
export { bootOnce, type BootOptions, type BootResult } from './kernel/boot.js';
