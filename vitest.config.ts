import { defineConfig } from 'vitest/config';

/** What runs on the engine of `loadTestEngine` (emu/unicorn/test-engine.ts). */
const emuSuite = [
  'emu/mips/{cpu,instruction-stops,timer,tlb,translation-checker}.test.ts',
  'emu/malta/{machine,selftest}.test.ts',
  'emu/malta/megaraid/guest.test.ts',
];

const native = ['src/**/*.test.ts', 'emu/**/*.test.ts', 'scripts/**/*.test.ts'];

/** The emu suite once more, on another engine. */
const onEngine = (name: string, engine: string) => ({
  extends: true as const,
  test: { name, include: emuSuite, env: { EMU_TEST_ENGINE: engine } },
});

/** A build of unicorn.js. */
const unicornJs = process.env.PERCPU_MALTA_UNICORN_JS;

export default defineConfig({
  test: {
    // libunicorn keeps one random word per process (see emu/unicorn): forks, never threads.
    pool: 'forks',
    globalSetup: ['scripts/vitest-setup.mjs'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'native', include: native } },
      onEngine('stand-in', 'stand-in'),
      ...(unicornJs ? [onEngine('unicorn.js', `unicorn.js:${unicornJs}`)] : []),
    ],
  },
});
